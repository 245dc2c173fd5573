"""From a trained run to the inputs of its exports."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.artifacts.contract import Preprocessing, artifact_digest
from tlearn.data.decode import UnreadableImageError, decode
from tlearn.data.pixel_store import PixelArray
from tlearn.data.sampling import representative, sample_size
from tlearn.errors import BackboneError, DataError
from tlearn.export.inputs import SAMPLE_OF, CheckImages, ExportInputs, GoldenImage
from tlearn.models.catalog import CATALOG, find_backbone
from tlearn.runs.samples import Sample, Samples, read_samples
from tlearn.runs.trained_run import TrainedRun

if TYPE_CHECKING:
    import keras


def prepare_export(run: TrainedRun, calibrate: bool) -> ExportInputs:
    """Load the model and read all that its artifacts are made of and held against.

    Where the run's images are gone, those that travel in the run take their place.

    Args:
        run: The trained run.
        calibrate: Whether a format wants images that set the ranges of int8.

    Raises:
        TlearnError: The model or the images cannot be read.
    """
    samples = read_samples(run.directory.samples)
    model = run.load_model()
    backbone, directory = run.plan.backbone.name, run.directory
    files = {
        "model": directory.model_path,
        "plan": directory.plan_path,
        "split": directory.split_path,
    }
    preprocessing = Preprocessing.of(run.plan.images.image_size, run.plan.images.resize)
    return ExportInputs(
        model=model,
        class_names=run.labels,
        check=_check_images(run, model, samples),
        calibration=_calibration_images(run, samples) if calibrate else None,
        golden=_golden_images(run, model, samples),
        preprocessing=preprocessing,
        metadata=_metadata(run, preprocessing),
        provenance={name: artifact_digest(path) for name, path in files.items()},
        int8_note=CATALOG[backbone].int8_note if backbone in CATALOG else "",
    )


def _check_images(run: TrainedRun, model: keras.Model, samples: Samples | None) -> CheckImages:
    split, manifest = run.check_split, run.manifest
    rows = manifest.indices(split)
    try:
        pixels: PixelArray = run.read_images(split)
        source = split
    except DataError as error:
        sample = _sample(run, samples, split, error)
        pixels, rows, source = sample.pixels(), rows[sample.rows], SAMPLE_OF + split
    names = [manifest.names[row] for row in rows]
    return CheckImages(pixels, manifest.labels[rows], names, run.predict(model, pixels), source)


def _calibration_images(run: TrainedRun, samples: Samples | None) -> np.ndarray:
    try:
        pixels, labels = run.read_images("train"), run.read_labels("train")
        return representative(pixels, labels, sample_size(len(run.labels)), run.plan.seed)
    except DataError as error:
        return _sample(run, samples, "train", error).pixels()


def _sample(run: TrainedRun, samples: Samples | None, split: str, error: DataError) -> Sample:
    """Return the sample that stands for a split where it may; raise the error otherwise."""
    if run.data:
        raise error
    if not samples:
        raise DataError(f"{error.message}; it keeps no samples", error.hint) from error
    return samples.of_split[split]


def _golden_images(
    run: TrainedRun, model: keras.Model, samples: Samples | None
) -> list[GoldenImage]:
    """Return those that this machine reads and that the model answers rightly here too."""
    images = run.plan.images
    readable = []
    for file in samples.golden if samples else ():
        content = file.content()
        with suppress(UnreadableImageError):  # not every machine reads every format
            readable.append((file, content, decode(file.path, images.image_size, images.resize)))
    if not readable:
        return []
    answers = run.predict(model, np.stack([pixels for *_, pixels in readable]))
    return [
        GoldenImage(content, file.path.suffix, run.labels[file.label], pixels, answer)
        for (file, content, pixels), answer in zip(readable, answers, strict=True)
        if answer.argmax() == file.label
    ]


def _metadata(run: TrainedRun, preprocessing: Preprocessing) -> dict[str, Any]:
    plan = run.plan
    return {
        "name": f"{len(run.labels)} classes by {plan.backbone.name}",
        "description": f"Trained by tlearn: {plan.policy}, {plan.split.n_train} images",
        "author": "made with tlearn",
        "version": version("tlearn"),
        "license": _license(plan.backbone.name),
        "resize": plan.images.resize,
        "image_size": plan.images.image_size,
        "input": f"RGB image, values 0 to 255; {preprocessing.resize_in_words}.",
    }


def _license(backbone: str) -> str:
    """Return that of the weights the run began with; the images' own is for their owner to say."""
    try:
        return f"backbone weights: {find_backbone(backbone).license}"
    except BackboneError:
        return "backbone weights: see their owner"

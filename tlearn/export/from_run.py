"""From a trained run to the inputs of its exports."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.artifacts.contract import Preprocessing
from tlearn.artifacts.files import artifact_digest
from tlearn.confidence.answers import Answer, Answers
from tlearn.confidence.novelty import REFUSED
from tlearn.data.decode import decode
from tlearn.data.order import answered
from tlearn.data.sampling import representative, sample_size
from tlearn.data.targets import CLASSES, NUMBER, ensure_classes
from tlearn.data.unreadable import UnreadableImageError
from tlearn.errors import BackboneError, ExportError
from tlearn.evaluation.predictions import predict_pixels
from tlearn.evaluation.prior import expected_shares, learned_shares
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.evaluation.wording import policy_in_words
from tlearn.export.inputs import ExportInputs, ExportOptions, GoldenImage
from tlearn.models.catalog import CATALOG, JOINT, find_backbone
from tlearn.models.prior import with_prior_layer
from tlearn.runs.kept_point import read_point
from tlearn.runs.run_images import SplitImages
from tlearn.runs.trained_run import TrainedRun

if TYPE_CHECKING:
    import keras


def prepare_export(
    run: TrainedRun, calibrate: bool, options: ExportOptions | None = None
) -> ExportInputs:
    """Load the model and read all that its artifacts are made of and compared with.

    Where the run's images are gone, those kept in the run take their place.

    Args:
        run: The trained run.
        calibrate: Whether a format wants images that set the ranges of int8.
        options: What files shall give, and how they are checked; None for the defaults.

    Raises:
        TlearnError: The model or the images cannot be read, they do not suit the choice, or the
            model cannot refuse, or has no map.
    """
    options = options or ExportOptions()
    options.choice.check(run.labels, run.manifest.count("val"), "export")
    choice = options.choice.or_like(read_point(run.directory, run.labels))
    _refuse_for_task(run.plan.task, options)
    model, shares = run.load_model(), None
    if options.refuse is not None:
        _ensure_knows(model)
    if options.prior:
        learned = learned_shares(run.manifest, run.plan)
        shares = expected_shares(options.prior, run.labels, learned, "export")
        model = with_prior_layer(model, learned, shares)
    check = run.read_images_or_samples(run.check_split)
    images = run.plan.images
    preprocessing = Preprocessing.of(images.image_size, images.resize, images.gray_values)
    backbone = run.plan.backbone.name
    return ExportInputs(
        model=model,
        class_names=run.labels,
        check=check,
        expected=_expected(run, model, check, options.maps),
        calibration=_calibration_images(run) if calibrate else None,
        golden=_golden_images(run, model),
        preprocessing=preprocessing,
        metadata=_metadata(run, preprocessing, options.prior),
        provenance={name: artifact_digest(path) for name, path in run.directory.sources.items()},
        int8_note=CATALOG[backbone].int8_note if backbone in CATALOG else "",
        confidence=run.confidence,
        max_drop=options.max_drop,
        refuse=REFUSED if options.refuse is None else options.refuse,
        choice=choice,
        prior=None if shares is None else shares.tolist(),
        task=run.plan.task,
        scale=_scale(run),
        embedding=options.embedding,
    )


def _ensure_knows(model: keras.Model) -> None:
    if len(model.outputs) == 1:
        raise ExportError(
            "--refuse: this model does not say how like the training images an image is",
            "train it again with this version: tlearn finetune FOLDER",
        )


def _expected(run: TrainedRun, model: keras.Model, check: SplitImages, maps: bool) -> Answers:
    answers = run.predict(model, check.pixels)
    return replace(answers, maps=_maps(model, check)) if maps else answers


def _refuse_for_task(task: str, options: ExportOptions) -> None:
    asked = {"--with-maps": options.maps, "--with-embedding": options.embedding}
    asked |= {"--prior": bool(options.prior), "--refuse": options.refuse is not None}
    for flag in (flag for flag, is_asked in asked.items() if is_asked):
        ensure_classes(task, flag)


def _scale(run: TrainedRun) -> float | None:
    """Return the standard deviation of the training numbers."""
    targets = run.manifest.targets
    if run.plan.task != NUMBER or targets is None:
        return None
    return float(targets[run.manifest.indices("train")].std())


def _maps(model: keras.Model, check: SplitImages) -> np.ndarray:
    import keras

    from tlearn.models.class_map import with_map

    network = keras.Model(model.inputs[0], with_map(model).outputs[-1])
    if network.outputs[0].shape[1:] == (1, 1):
        raise ExportError(
            "--with-maps: the head of this network reads no more than one place of the image",
            "export without maps: tlearn export --tflite",
        )
    return predict_pixels(network.predict_on_batch, check.pixels)


def _calibration_images(run: TrainedRun) -> np.ndarray:
    """Return the images that set the ranges of int8; a sample of train is chosen already."""
    train = run.read_images_or_samples("train")
    if train.source != "train":
        return np.asarray(train.pixels)
    size = sample_size(len(run.labels))
    return representative(train.pixels, train.labels, size, run.plan.seed)


def _golden_images(run: TrainedRun, model: keras.Model) -> list[GoldenImage]:
    """Return those that this machine reads, and that the model knows and answers rightly here."""
    images, readable = run.plan.images, []
    for file in run.samples.golden if run.samples else ():
        content = file.content()
        with suppress(UnreadableImageError):  # not every machine reads every format
            pixels = decode(file.path, images.image_size, images.resize, images.gray_values)
            readable.append((file, content, pixels))
    if not readable:
        return []
    answers = run.predict(model, np.stack([pixels for *_, pixels in readable]))
    if run.plan.task != CLASSES:
        return [
            GoldenImage(content, file.path.suffix, _answer_in_words(run, answer), pixels, answer)
            for (file, content, pixels), answer in zip(readable, answers, strict=True)
        ]
    right = [
        GoldenImage(content, file.path.suffix, run.labels[file.label], pixels, answer)
        for (file, content, pixels), answer in zip(readable, answers, strict=True)
        if answered(answer.probabilities[np.newaxis], run.plan.ordered)[0] == file.label
    ]
    # An app that follows the contract should have a class to show for them.
    return [image for image in right if _is_known(image.answer)] or right


def _answer_in_words(run: TrainedRun, answer: Answer) -> str:
    prediction = TargetPrediction.of(
        "", answer.probabilities, run.labels, run.plan.task, run.confidence
    )
    if run.plan.task == NUMBER:
        return f"{answer.probabilities[0]:.6g}"
    return "|".join(prediction.labels)


def _is_known(answer: Answer) -> bool:
    return answer.known is None or answer.known >= REFUSED


def _metadata(
    run: TrainedRun, preprocessing: Preprocessing, prior: Mapping[str, float]
) -> dict[str, Any]:
    plan = run.plan
    policy = policy_in_words(plan.policy)
    named = ", ".join(f"{share:g} {name}" for name, share in prior.items())
    expects = f"; probabilities are for images of which {named}" * bool(named)
    return {
        "name": f"{_what_in_words(run)} by {plan.backbone.name}",
        "description": f"Trained by tlearn: {policy}, {plan.split.n_train} images{expects}",
        "author": "made with tlearn",
        "version": version("tlearn"),
        "license": _license(plan.backbone.name),
        "resize": plan.images.resize,
        "image_size": plan.images.image_size,
        **({"gray_range": plan.images.gray_values} if plan.images.gray_range else {}),
        "input": f"RGB image, values 0 to 255; {preprocessing.resize_in_words}.",
    }


def _what_in_words(run: TrainedRun) -> str:
    if run.plan.task == NUMBER:
        return run.labels[0]
    return f"{len(run.labels)} {run.plan.task}"


def _license(backbone: str) -> str:
    """Return that of the weights the run began with; the images' own is for their owner to say."""
    try:
        license = ", ".join(find_backbone(name).license for name in backbone.split(JOINT))
    except BackboneError:
        license = ""
    return f"backbone weights: {license or 'see their owner'}"

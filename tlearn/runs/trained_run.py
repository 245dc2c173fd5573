"""A finished run in hand: its plan, its pictures and its model, each read when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.artifacts.contract import Preprocessing
from tlearn.artifacts.files import artifact_digest
from tlearn.backend.silence import import_keras
from tlearn.data.decode import UnreadableImageError, decode
from tlearn.data.labeled import labeled_images
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.data.pixel_store import PixelArray, PixelRows, store_pixels
from tlearn.data.sampling import representative, sample_size
from tlearn.errors import BackboneError, DataError, RunError
from tlearn.evaluation.predictions import predict_pixels
from tlearn.export.reference import SAMPLE_OF, Reference
from tlearn.export.seal import ContractTemplate, GoldenImage
from tlearn.models.catalog import CATALOG, find_backbone
from tlearn.progress import ProgressCallback
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RunDirectory
from tlearn.runs.samples import Sample, Samples, read_samples
from tlearn.storage.cache import cache_folder
from tlearn.storage.text import read_json


class TrainedRun:
    """A run that was trained and scored.

    Args:
        path: Its directory; None takes the newest under runs/.
        folder: Where its pictures are now; None takes the folder it was trained on.
        progress: Called with (step, done, total).

    Raises:
        RunError: There is no such run.
    """

    def __init__(self, path: Path | None, folder: Path | None, progress: ProgressCallback) -> None:
        self.run = RunDirectory.open(path)
        self.plan: Plan = read_plan(self.run.plan_path)
        self.labels = self.run.read_labels()
        self.progress = progress
        self._folder = folder

    @cached_property
    def manifest(self) -> SplitManifest:
        """The manifest every command shares."""
        return read_manifest(self.run.split_path)

    @cached_property
    def model(self) -> Any:
        """The trained model, loaded in Keras's safe mode."""
        self.progress("load the model", 0, 0)
        keras = import_keras()
        try:
            return keras.models.load_model(self.run.model_path, compile=False, safe_mode=True)
        except (ValueError, OSError, TypeError) as error:
            raise RunError(
                f"{self.run.model_path} cannot be loaded: {str(error).splitlines()[0]}",
                "train it again: tlearn finetune FOLDER",
            ) from error

    @property
    def check_split(self) -> str:
        """The part that artefacts are checked on: val, or train where there is no val."""
        return "val" if self.manifest.count("val") else "train"

    def images(self, split: str) -> PixelRows:
        """Decoded pictures of a part, in the order of `split.indices(split)`.

        Raises:
            DataError: Pictures have been moved, changed or removed.
        """
        root = self._folder or Path(read_json(self.run.metrics_path)["folder"])
        root = root if root.is_dir() else root.parent  # trained from a CSV
        rows = self.manifest.indices(split)
        digests = [self.manifest.digests[row] for row in rows]
        paths = [root / self.manifest.names[row] for row in rows]
        store = self._decode(paths)
        changed = [
            self.manifest.names[row]
            for row, info, digest in zip(rows, store.infos, digests, strict=True)
            if info.sha256 != digest
        ]
        if changed:
            raise DataError(
                f"{len(changed)} {split} pictures of this run are missing from {root} or have "
                f"changed: {', '.join(changed[:3])}",
                "say where they are now with --data FOLDER",
            )
        return store.rows(digests)

    def truth(self, split: str) -> np.ndarray:
        """Class indices of a part's pictures."""
        return self.manifest.labels[self.manifest.indices(split)]

    def foreign(self, folder: Path) -> tuple[PixelRows, np.ndarray]:
        """Pictures and labels of another folder with the same classes: its test split, or all."""
        images = labeled_images(folder, self.labels)
        store = self._decode([path for path, _ in images])
        readable = [
            (info.sha256, label)
            for (_, label), info in zip(images, store.infos, strict=True)
            if not info.problem
        ]
        if not readable:
            raise DataError(f"no picture in {folder} can be read", "name another folder")
        digests, labels = zip(*readable, strict=True)
        return store.rows(digests), np.asarray(labels)

    def probabilities(self, pixels: PixelArray) -> np.ndarray:
        """What the model says of pictures: (n, classes)."""
        model = self.model
        self.progress("answer", 0, 0)
        return predict_pixels(model.predict_on_batch, pixels)

    def decode_each(self, paths: Sequence[Path]) -> tuple[PixelRows, list[str | None]]:
        """Pictures of loose files, and for every file why it has none."""
        store = self._decode(paths)
        readable = [info.sha256 for info in store.infos if not info.problem]
        return store.rows(readable), [info.problem for info in store.infos]

    @cached_property
    def samples(self) -> Samples | None:
        """The pictures that travel in the run, if it keeps any."""
        return read_samples(self.run.samples)

    def reference(self) -> Reference:
        """The model and its answers, to hold artefacts against.

        Where the pictures are gone, those that travel in the run take their place.
        """
        split, backbone = self.check_split, self.plan.backbone.name
        rows = self.manifest.indices(split)
        try:
            pixels: PixelArray = self.images(split)
            checked_on = split
        except DataError as error:
            sample = self._sample(split, error)
            pixels, rows, checked_on = sample.pixels(), rows[sample.rows], SAMPLE_OF + split
        return Reference(
            model=self.model,
            labels=self.labels,
            pixels=pixels,
            truth=self.manifest.labels[rows],
            probabilities=self.probabilities(pixels),
            calibration=lambda: self._calibration_images,
            about=self._about(),
            names=[self.manifest.names[row] for row in rows],
            int8_note=CATALOG[backbone].int8_note if backbone in CATALOG else "",
            checked_on=checked_on,
        )

    @cached_property
    def _calibration_images(self) -> np.ndarray:
        try:
            pixels, labels = self.images("train"), self.truth("train")
            return representative(pixels, labels, sample_size(len(self.labels)), self.plan.seed)
        except DataError as error:
            return self._sample("train", error).pixels()

    def _sample(self, split: str, error: DataError) -> Sample:
        """The sample that stands for a part where it may; else the fault is raised."""
        if self._folder:
            raise error
        if not self.samples:
            raise DataError(f"{error.message}; it keeps no samples", error.hint) from error
        return self.samples.of_split[split]

    def promise(self) -> ContractTemplate:
        """What every artefact of this run promises."""
        files = {"model": self.run.model_path, "plan": self.run.plan_path}
        files |= {"split": self.run.split_path}
        return ContractTemplate(
            labels=self.labels,
            preprocessing=Preprocessing.of(self.plan.images.image_size, self.plan.images.resize),
            provenance={name: artifact_digest(path) for name, path in files.items()},
            golden=self._golden(),
        )

    def _golden(self) -> list[GoldenImage]:
        """Those that are read here, and answered rightly here too."""
        found = []
        for file in self.samples.golden if self.samples else ():
            content = file.content()
            with suppress(UnreadableImageError):  # not every machine reads every format
                pixels = decode(file.path, self.plan.images.image_size, self.plan.images.resize)
                found.append((file, content, pixels))
        if not found:
            return []
        answers = self.probabilities(np.stack([pixels for *_, pixels in found]))
        return [
            GoldenImage(content, file.path.suffix, self.labels[file.label], pixels, answer)
            for (file, content, pixels), answer in zip(found, answers, strict=True)
            if answer.argmax() == file.label
        ]

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        preprocessing = Preprocessing.of(plan.images.image_size, plan.images.resize)
        return {
            "name": f"{len(self.labels)} classes by {plan.backbone.name}",
            "description": f"Trained by tlearn: {plan.policy}, {plan.split.n_train} pictures",
            "author": "made with tlearn",
            "version": version("tlearn"),
            "license": self._license(),
            "resize": plan.images.resize,
            "image_size": plan.images.image_size,
            "input": f"RGB picture, values 0 to 255; {preprocessing.resize_in_words}.",
        }

    def _license(self) -> str:
        """Of the weights that the run began with; the pictures' own is for their owner to say."""
        try:
            return f"backbone weights: {find_backbone(self.plan.backbone.name).license}"
        except BackboneError:
            return "backbone weights: see their owner"

    def _decode(self, paths: Sequence[Path]) -> Any:
        plan = self.plan
        step_progress = partial(self.progress, "read pictures")
        return store_pixels(
            paths, plan.images.image_size, plan.images.resize, cache_folder(), step_progress
        )

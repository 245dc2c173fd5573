"""A finished run in hand: its plan, its pictures and its model, each read when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.cache_folder import cache_folder
from tlearn.data.image_folder import scan
from tlearn.data.pipeline import PixelRows, store_pixels
from tlearn.data.split import Split, read_manifest
from tlearn.errors import DataError, RunError
from tlearn.evaluation.predict import predict_pixels
from tlearn.export.quantization import representative
from tlearn.export.reference import Reference
from tlearn.features.preparation import Watch
from tlearn.models.catalog import CATALOG
from tlearn.models.quiet import import_keras
from tlearn.recipe.plan import Plan, read_plan
from tlearn.run_directory import RunDirectory, read_json


class FinishedRun:
    """A run that was trained and scored.

    Args:
        path: Its directory; None takes the newest under runs/.
        folder: Where its pictures are now; None takes the folder it was trained on.
        watch: Told of progress.

    Raises:
        RunError: There is no such run.
    """

    def __init__(self, path: Path | None, folder: Path | None, watch: Watch) -> None:
        self.run = RunDirectory.open(path)
        self.plan: Plan = read_plan(self.run.plan_path)
        self.labels = self.run.read_labels()
        self.watch = watch
        self._folder = folder

    @cached_property
    def split(self) -> Split:
        """The manifest every command shares."""
        return read_manifest(self.run.split_path)

    @cached_property
    def model(self) -> Any:
        """The trained model, loaded in Keras's safe mode."""
        self.watch("load the model", 0, 0)
        keras = import_keras()
        try:
            return keras.models.load_model(self.run.model_path, compile=False, safe_mode=True)
        except (ValueError, OSError, TypeError) as error:
            raise RunError(
                f"{self.run.model_path} cannot be loaded: {str(error).splitlines()[0]}",
                "train it again: tlearn finetune FOLDER",
            ) from error

    @property
    def check_part(self) -> str:
        """The part that artefacts are checked on: val, or train where there is no val."""
        return "val" if self.split.count("val") else "train"

    def pictures(self, part: str) -> PixelRows:
        """Decoded pictures of a part, in the order of `split.indices(part)`.

        Raises:
            DataError: Pictures have been moved, changed or removed.
        """
        root = self._folder or Path(read_json(self.run.metrics_path)["folder"])
        root = root if root.is_dir() else root.parent  # trained from a CSV
        rows = self.split.indices(part)
        digests = [self.split.digests[row] for row in rows]
        paths = [root / self.split.names[row] for row in rows]
        store = self._decode(paths)
        changed = [
            self.split.names[row]
            for row, fact, digest in zip(rows, store.facts, digests, strict=True)
            if fact.sha256 != digest
        ]
        if changed:
            raise DataError(
                f"{len(changed)} {part} pictures of this run are missing from {root} or have "
                f"changed: {', '.join(changed[:3])}",
                "say where they are now with --data FOLDER",
            )
        return store.rows(digests)

    def truth(self, part: str) -> np.ndarray:
        """Class indices of a part's pictures."""
        return self.split.labels[self.split.indices(part)]

    def foreign(self, folder: Path) -> tuple[PixelRows, np.ndarray]:
        """Pictures and labels of another folder with the same classes: its test part, or all."""
        found = scan(folder)
        unknown = [name for name in found.classes if name not in self.labels]
        if unknown:
            raise DataError(
                f"{folder} has classes that the model does not know: {', '.join(unknown[:5])}",
                f"it knows {', '.join(self.labels[:8])}; rename the folders to match",
            )
        parts = {image.part for image in found.images}
        part = next((name for name in ("test", "val") if name in parts), None)
        images = [image for image in found.images if part is None or image.part == part]
        store = self._decode([image.path for image in images])
        readable = [
            (fact.sha256, self.labels.index(found.classes[image.label]))
            for image, fact in zip(images, store.facts, strict=True)
            if not fact.problem
        ]
        if not readable:
            raise DataError(f"no picture in {folder} can be read", "name another folder")
        digests, labels = zip(*readable, strict=True)
        return store.rows(digests), np.asarray(labels)

    def probabilities(self, pixels: PixelRows) -> np.ndarray:
        """What the model says of pictures: (n, classes)."""
        model = self.model
        self.watch("answer", 0, 0)
        return predict_pixels(model.predict_on_batch, pixels)

    def decode_each(self, paths: Sequence[Path]) -> tuple[PixelRows, list[str | None]]:
        """Pictures of loose files, and for every file why it has none."""
        store = self._decode(paths)
        readable = [fact.sha256 for fact in store.facts if not fact.problem]
        return store.rows(readable), [fact.problem for fact in store.facts]

    def reference(self) -> Reference:
        """The model and its answers, to hold artefacts against."""
        pixels, backbone = self.pictures(self.check_part), self.plan.backbone
        return Reference(
            model=self.model,
            labels=self.labels,
            pixels=pixels,
            truth=self.truth(self.check_part),
            probabilities=self.probabilities(pixels),
            calibration=lambda: self._calibration_pictures,
            about=self._about(),
            names=[self.split.names[row] for row in self.split.indices(self.check_part)],
            int8_note=CATALOG[backbone].int8_note if backbone in CATALOG else "",
        )

    @cached_property
    def _calibration_pictures(self) -> np.ndarray:
        return representative(self.pictures("train"), self.truth("train"), seed=self.plan.seed)

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "name": f"{len(self.labels)} classes by {plan.backbone}",
            "description": f"Trained by tlearn: {plan.policy}, {plan.n_train} pictures",
            "version": version("tlearn"),
            "resize": plan.resize,
            "image_size": plan.image_size,
            "run": self.run.path.name,
        }

    def _decode(self, paths: Sequence[Path]) -> Any:
        plan = self.plan
        progress = partial(self.watch, "read pictures")
        return store_pixels(paths, plan.image_size, plan.resize, cache_folder(), progress)

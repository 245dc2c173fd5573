"""A trained run, read back: its plan, its split, its images and its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlearn.backend.silence import import_keras
from tlearn.confidence.answers import Answers
from tlearn.confidence.confidence import UNKNOWN, Confidence
from tlearn.data.decode import read_image
from tlearn.data.groups import GUESSED, NONE, GroupRule
from tlearn.data.image_info import ImageInfo
from tlearn.data.labeled import Shared, labeled_folder, shared_by
from tlearn.data.local_source import is_table, local_source, locate
from tlearn.data.manifest import SplitManifest
from tlearn.data.pixel_store import PixelArray, PixelRows, PixelStore, bounded_map, store_pixels
from tlearn.data.targets import ONE_CLASS
from tlearn.errors import DataError, HostError, RunError, quoted
from tlearn.evaluation.predictions import answer_pixels
from tlearn.models.catalog import INSTALL_HUB
from tlearn.progress import ProgressCallback, no_progress
from tlearn.recipe.plan import Plan
from tlearn.runs.contents import RunContents, read_contents
from tlearn.runs.directory import RunDirectory
from tlearn.runs.metrics import damaged
from tlearn.runs.run_images import LabeledPixels, SplitImages
from tlearn.runs.samples import Samples, read_samples
from tlearn.storage.cache import open_cache

if TYPE_CHECKING:
    import keras


_FEW = 32
"""Files that are decoded sooner than the index of a large store of pixels is read."""

SAMPLE_OF = "sample of "
"""In front of a split's name: those of its images that are kept in the run."""


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained and scored.

    Attributes:
        directory: Where its files are.
        plan: What was trained.
        labels: Its classes, in the order of the model's output.
        manifest: Which image is in which split.
        folder: Where its images are.
        confidence: What is known of the model's answers.
        samples: Images kept in the run; None where it keeps none.
        substitute: Whether these may stand in for images that are gone: not where the person said
            where the images are.
        progress: Called with (step, done, total).
    """

    directory: RunDirectory
    plan: Plan
    labels: tuple[str, ...]
    manifest: SplitManifest
    folder: Path
    confidence: Confidence = UNKNOWN
    samples: Samples | None = None
    substitute: bool = True
    progress: ProgressCallback = no_progress

    @classmethod
    def open(
        cls,
        path: Path | None,
        data: Path | None = None,
        progress: ProgressCallback = no_progress,
    ) -> TrainedRun:
        """Read what the run says of itself.

        Args:
            path: Its directory; None takes the newest under runs/.
            data: Where its images are now; None takes the folder it was trained on.
            progress: Called with (step, done, total).

        Raises:
            TlearnError: There is no such run, or its files are damaged or were changed.
        """
        directory = RunDirectory.open(path)
        contents = read_contents(directory)
        source = _opened(data or Path(contents.metrics.folder))
        return cls(
            directory,
            contents.plan,
            contents.plan.split.classes,
            contents.manifest,
            source.parent if is_table(source) else source,  # its name tells, if it is gone
            contents.metrics.confidence,
            _samples_of(directory, contents),
            data is None,
            progress,
        )

    def load_model(self) -> keras.Model:
        """Load the trained model in Keras's safe mode.

        Raises:
            RunError: The file cannot be loaded, or holds another model than the plan's.
        """
        self.progress("load the model", 0, 0)
        keras = import_keras()
        path = self.directory.model_path
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        except (ValueError, OSError, TypeError) as error:
            raise RunError(
                f"{quoted(path)} cannot be loaded: {str(error).splitlines()[0]}",
                INSTALL_HUB
                if "keras_hub" in str(error)
                else "train it again: tlearn finetune FOLDER",
            ) from error
        side = self.plan.images.image_size
        found = (model.input_shape, model.outputs[0].shape)
        expected = ((None, side, side, 3), (None, len(self.labels)))
        if found != expected:
            shapes = [f"takes {takes} and gives {gives}" for takes, gives in (found, expected)]
            raise damaged(self.directory, f"{quoted(path)} {shapes[0]}; by the plan it {shapes[1]}")
        return model

    @property
    def check_split(self) -> str:
        """Return the split that artifacts are checked on: val, or train where there is no val.

        Of good images, the test: bad ones are in no other split, and nothing is chosen on it here.
        """
        if self.plan.task == ONE_CLASS:
            return "test"
        return "val" if self.manifest.count("val") else "train"

    def read_images(self, split: str) -> PixelRows:
        """Return the decoded images of a split, in the order of `manifest.indices(split)`.

        Raises:
            DataError: Images have been moved, changed or removed.
        """
        names, digests = self.manifest.names, self.manifest.digests
        rows = self.manifest.indices(split)
        store = self.decode(locate(self.folder, (names[row] for row in rows)))
        changed = [
            names[row]
            for row, info in zip(rows, store.infos, strict=True)
            if info.sha256 != digests[row]
        ]
        if changed:
            raise DataError(
                f"{len(changed)} {split} images of this run are missing from "
                f"{quoted(self.folder)} or have changed: {', '.join(changed[:3])}",
                "pass their new location: --data FOLDER",
            )
        return store.rows([digests[row] for row in rows])

    def read_images_or_samples(self, split: str) -> SplitImages:
        """Return the images of a split or, where they are gone, those of it kept in the run.

        Raises:
            DataError: The images are gone, and the run keeps none.
        """
        rows = self.manifest.indices(split)
        try:
            pixels: PixelArray = self.read_images(split)
            source = split
        except DataError as error:
            if not self.substitute:
                raise
            if self.samples is None or split not in self.samples.of_split:
                problem = f"{error.message}; the run keeps no samples"
                raise DataError(problem, error.hint) from error
            sample = self.samples.of_split[split]
            pixels, rows, source = sample.pixels(), rows[sample.rows], SAMPLE_OF + split
        names, groups = (
            tuple(column[row] for row in rows)
            for column in (self.manifest.names, self.manifest.groups)
        )
        labels = self.manifest.labels[rows]
        return SplitImages(pixels, labels, names, source, groups, self._targets(rows))

    def read_split(self, split: str) -> LabeledPixels:
        """Return the images of a split with their labels.

        Raises:
            DataError: Images have been moved, changed or removed.
        """
        rows = self.manifest.indices(split)
        digests = tuple(self.manifest.digests[row] for row in rows)
        shared = Shared(self.manifest.groups_of(split), digests)
        labels = self.manifest.labels[rows]
        return LabeledPixels(self.read_images(split), labels, digests, shared, self._targets(rows))

    def _targets(self, rows: np.ndarray) -> np.ndarray | None:
        return None if self.manifest.targets is None else self.manifest.targets[rows]

    def read_other(self, folder: Path) -> LabeledPixels:
        """Return the images of another folder with classes of this run: its test split, or all.

        Raises:
            DataError: The folder has a class that the run lacks, or no image that can be read.
        """
        images = labeled_folder(folder, self.labels, self.plan.task)
        store = self.decode([image.path for image in images.images])
        readable = [row for row, info in enumerate(store.infos) if not info.problem]
        if not readable:
            raise DataError(f"no image in {quoted(folder)} can be read", "name another folder")
        split = self.plan.split
        rule = GroupRule(NONE if split.groups == NONE else GUESSED, split.group_by)
        shared = shared_by(images, store, rule, partial(self.progress, "compare images"))
        digests = tuple(store.infos[row].sha256 for row in readable)
        labels = np.array([images.images[row].label for row in readable])
        targets = np.array([images.images[row].target for row in readable])
        own = targets if images.outputs else None
        return LabeledPixels(store.rows(digests), labels, digests, shared.of(readable), own)

    def read_files(self, paths: Sequence[Path]) -> tuple[PixelArray, list[str | None]]:
        """Return the images that can be read and, for every file, why it has none."""
        if len(paths) <= _FEW:
            return self._decode_few(paths)
        store = self.decode(paths)
        readable = [info.sha256 for info in store.infos if not info.problem]
        return store.rows(readable), [info.problem for info in store.infos]

    def predict(self, model: keras.Model, pixels: PixelArray) -> Answers:
        """Return what the model says of images."""
        self.progress("predict", 0, 0)
        return answer_pixels(model.predict_on_batch, pixels)

    def _decode_few(self, paths: Sequence[Path]) -> tuple[np.ndarray, list[str | None]]:
        """Decode files without the store of pixels; see `read_files`."""
        images = self.plan.images
        side = images.image_size
        pixels, problems = [np.empty((0, side, side, 3), np.uint8)], []

        def read(path: Path) -> tuple[np.ndarray | None, ImageInfo]:
            return read_image(path, side, images.resize, gray_range=images.gray_values)

        for row, info in bounded_map(read, paths):
            problems.append(info.problem)
            if row is not None:
                pixels.append(row[np.newaxis])
        return np.concatenate(pixels), problems

    def decode(self, paths: Sequence[Path]) -> PixelStore:
        """Decode files as this run takes them."""
        images, step = self.plan.images, partial(self.progress, "read images")
        return store_pixels(
            paths, images.image_size, images.resize, open_cache(), step, images.gray_values
        )


def _opened(source: Path) -> Path:
    """Return a run's folder, unpacked; what is gone or cannot be had as it was named."""
    try:
        return local_source(source, open_cache)[0]
    except (DataError, HostError):
        return source


def _samples_of(run: RunDirectory, contents: RunContents) -> Samples | None:
    """Return the samples of a run, which have to be images and classes of it."""
    samples = read_samples(run.samples)
    manifest = contents.manifest
    fit = samples is None or (
        all(file.label < len(manifest.classes) for file in samples.golden)
        and all(kept.rows[-1] < manifest.count(split) for split, kept in samples.of_split.items())
    )
    if not fit:
        raise damaged(run, f"{quoted(run.samples)} does not fit split.csv")
    return samples

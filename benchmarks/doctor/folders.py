"""Samples of image folders with what their backbones say of them, for the doctor's benchmarks."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.commands.session import Session
from tlearn.data.image_folder import scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.pixel_store import PixelArray
from tlearn.data.sampling import make_folds
from tlearn.data.split import Fold

LAST = 3
"""Stages that the head on several reads."""

Plant = Callable[[Image.Image, int, int], tuple[Image.Image, str, dict]]
"""Changes an image: (image, label, number of classes) to (image, format, options of `save`)."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The images of a folder, its own splits ignored.

    Attributes:
        name: Name of the folder.
        classes: Class names.
        names: (n,) paths of the images.
        labels: (n,) class indices.
        infos: (n,) facts of the files.
        pixels: (n, side, side, 3), perhaps read when indexed.
        stages: For each stage of the backbone, (n, width) features.
        folds: Five folds.
    """

    name: str
    classes: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    infos: list[ImageInfo]
    pixels: PixelArray
    stages: list[np.ndarray]
    folds: list[Fold]

    @property
    def last_stages(self) -> tuple[np.ndarray, list[int]]:
        """Return the features of the last three stages side by side, and the width of each."""
        last = self.stages[-LAST:]
        return np.concatenate(last, axis=1), [stage.shape[1] for stage in last]


def open_sample(folder: Path, flags: dict[str, object]) -> Sample:
    """Read a folder and run the frozen network on it.

    Args:
        folder: An image folder.
        flags: Recipe keys: backbone, weights, image_size.
    """
    with Session(folder, None, flags) as session:
        workspace = session.extract_features(session.open_workspace())
        manifest, features = workspace.dataset.manifest, workspace.features
        assert features is not None
        infos = {info.sha256: info for info in workspace.dataset.pixels.infos}
        return Sample(
            folder.name,
            manifest.classes,
            manifest.names,
            manifest.labels,
            [infos[digest] for digest in manifest.digests],
            workspace.dataset.pixels.rows(manifest.digests),
            [features.read([name], manifest.digests) for name in features.stage_outputs],
            make_folds(manifest.labels, manifest.digests, 0),
        )


def take_of_each_class(sample: Sample, per_class: int, seed: int) -> Sample:
    """Return a sample of a sample, with new folds and at most so many images of each class."""
    order = np.random.default_rng(seed).permutation(len(sample.labels))
    of_each = [order[sample.labels[order] == label] for label in range(len(sample.classes))]
    rows = np.sort(np.concatenate([of_class[:per_class] for of_class in of_each]))
    infos = [sample.infos[row] for row in rows]
    return replace(
        sample,
        names=tuple(sample.names[row] for row in rows),
        labels=sample.labels[rows],
        infos=infos,
        pixels=sample.pixels[rows],
        stages=[stage[rows] for stage in sample.stages],
        folds=make_folds(sample.labels[rows], [info.sha256 for info in infos], 0),
    )


def open_planted(
    folder: Path, flags: dict[str, object], plant: Plant, per_class: int, seed: int
) -> Sample:
    """Write a changed copy of some images of each class, and open it as a folder.

    Args:
        folder: An image folder.
        flags: See `open_sample`.
        plant: What is done to each image.
        per_class: Images of each class.
        seed: Another seed takes other images.
    """
    rng = np.random.default_rng(seed)
    found = scan(folder)
    n_classes = len(found.classes)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / folder.name
        for label, name in enumerate(found.classes):
            target = root / name
            target.mkdir(parents=True)
            files = [image.path for image in found.images if image.label == label]
            for number, index in enumerate(rng.permutation(len(files))[:per_class]):
                try:
                    with Image.open(files[index]) as image:
                        image.seek(0)
                        changed, kind, options = plant(image.convert("RGB"), label, n_classes)
                except OSError:
                    continue
                changed.save(target / f"{number}.{kind.lower()}", kind, **options)
        return open_sample(root, flags)


def parse_arguments(
    description: str | None, per_class: int = 60
) -> tuple[list[Path], dict[str, object], int, int]:
    """Return folders, flags of the backbone, images per class (0: all) and the number of seeds."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", help="MobileNetV2's; without, the built-in backbone is used")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--per-class", type=int, default=per_class)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    flags: dict[str, object] = {"backbone": "builtin"}
    if given.weights:
        flags = {
            "backbone": "mobilenetv2",
            "weights": given.weights,
            "image_size": given.image_size,
        }
    return given.folders, flags, given.per_class, given.seeds

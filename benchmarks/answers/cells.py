"""Models trained on some images of a folder, and what they answer on others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.fitted import FittedModel
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.commands.workspace import Workspace
from tlearn.confidence.answers import Answers
from tlearn.confidence.novelty import level
from tlearn.data.manifest import SplitManifest, SplitRow
from tlearn.evaluation.predictions import answer_pixels
from tlearn.features.features import Features
from tlearn.models.known_weights import known_stages

MOST_TESTED = 400
"""Test images of a cell."""

_MOST_TRAINED = 0.6
"""Share of a class that is trained on at most, so that some are left to test on."""


@dataclass(frozen=True, eq=False)
class Folder:
    """An image folder, its own splits ignored.

    Attributes:
        path: Where it is.
        flags: Recipe keys.
        workspace: Its images and the features of all of them.
    """

    path: Path
    flags: dict[str, Any]
    workspace: Workspace

    @property
    def labels(self) -> np.ndarray:
        """Return the class indices (n,)."""
        return self.workspace.dataset.manifest.labels

    def features(self, stages: Sequence[int], rows: np.ndarray) -> np.ndarray:
        """Return the features of some stages, numbered from 1, side by side."""
        features = self._features
        digests = self.workspace.dataset.manifest.digests
        return features.read(features.outputs_of(stages), [digests[row] for row in rows])

    @property
    def _features(self) -> Features:
        assert self.workspace.features is not None
        return self.workspace.features


@dataclass(frozen=True, eq=False)
class Cell:
    """A model trained on a part of a folder.

    Attributes:
        folder: The folder.
        rows: Split to the rows of the folder in it.
        labels: Split to class indices of the model.
        left_out: Classes of the folder that the model was not told of.
        fitted: The model.
    """

    folder: Folder
    rows: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    left_out: tuple[int, ...]
    fitted: FittedModel

    def logits(self, folder: Folder, rows: np.ndarray) -> np.ndarray:
        """Return what a solved head says of images, calibrated."""
        assert self.fitted.head is not None
        return self.fitted.head.logits(folder.features(self.fitted.plan.head.stages, rows))

    def known(self, folder: Folder, rows: np.ndarray) -> np.ndarray:
        """Return `known` of images by a solved head."""
        novelty = self.fitted.calibration.novelty
        assert novelty is not None
        stages = known_stages(self.fitted.plan.head.stages)
        widths = [int(folder.workspace.stages[number - 1].width) for number in stages]
        embeddings = level(folder.features(stages, rows), widths)
        return novelty.known(embeddings, self.logits(folder, rows))

    def answers(self, split: str) -> Answers:
        """Return what the model answers on a split."""
        if self.fitted.model is None:
            known = self.known(self.folder, self.rows[split])
            return Answers(self.fitted.probabilities[split], known)
        digests = self.folder.workspace.dataset.manifest.digests
        pixels = self.folder.workspace.dataset.pixels.rows([digests[n] for n in self.rows[split]])
        return answer_pixels(self.fitted.model.predict_on_batch, pixels)


def open_folder(path: Path, flags: dict[str, Any]) -> Folder:
    """Read a folder and run the frozen network on it."""
    with Session(path, None, flags) as session:
        return Folder(path, flags, session.extract_features(session.open_workspace()))


def train_cell(folder: Folder, per_class: int, left_out: Sequence[int] = (), seed: int = 0) -> Cell:
    """Train on so many images a class, or on 60% where there are fewer.

    Half as many, or half of the rest, are validation images, and the rest are for testing. Images
    of a group are in one split.
    """
    manifest = folder.workspace.dataset.manifest
    part = _draw(manifest, per_class, left_out, seed)
    rows = {
        split: np.array(sorted(n for n in part if part[n] == split))
        for split in ("train", "val", "test")
    }
    classes = [n for n in range(len(manifest.classes)) if n not in left_out]
    split_rows = [
        SplitRow(
            manifest.names[n],
            classes.index(int(manifest.labels[n])),
            manifest.digests[n],
            part[n],
            manifest.groups[n],
        )
        for n in sorted(part)
    ]
    own = SplitManifest.of([manifest.classes[n] for n in classes], split_rows)
    with Session(folder.path, None, folder.flags) as session:
        dataset = replace(folder.workspace.dataset, manifest=own)
        workspace = replace(folder.workspace, dataset=dataset)
        fitted = fit(session, workspace, session.make_plan(workspace, session.requested))
    labels = {split: own.labels[own.indices(split)] for split in rows}
    return Cell(folder, rows, labels, tuple(left_out), fitted)


def _draw(
    manifest: SplitManifest, per_class: int, left_out: Sequence[int], seed: int
) -> dict[int, str]:
    """Return the split of each row that is drawn."""
    rng = np.random.default_rng(seed)
    groups = np.unique(np.array(manifest.groups), return_inverse=True)[1]
    ranks = rng.permutation(groups.max() + 1)[groups]
    several = {group for group in groups if len({*manifest.labels[groups == group]}) > 1}
    n_classes = len(manifest.classes) - len(left_out)
    part = {}
    for label in range(len(manifest.classes)):
        if label in left_out:
            continue
        own = np.flatnonzero((manifest.labels == label) & ~np.isin(groups, [*several]))
        own = own[np.argsort(ranks[own], kind="stable")]
        n_train = min(per_class, int(_MOST_TRAINED * len(own)))
        n_val = min(per_class, len(own) - n_train) // 2
        begins = np.searchsorted(ranks[own], ranks[own])  # of the group of each
        last = n_train + n_val + MOST_TESTED // n_classes
        for place, row in zip(begins, own, strict=True):
            if place < last:
                part[int(row)] = (
                    "train" if place < n_train else "val" if place < n_train + n_val else "test"
                )
    return part


def parse_arguments(
    description: str | None, *switches: str
) -> tuple[list[Path], dict[str, Any], argparse.Namespace]:
    """Return folders, recipe keys and all arguments.

    Args:
        description: Of the benchmark.
        switches: Further flags, without a value.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", help="MobileNetV2's; without, the built-in backbone is used")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--sizes", type=_numbers, default=[25, 60], help="images of each class")
    parser.add_argument("--policy", default="linear_head")
    for switch in switches:
        parser.add_argument(switch, action="store_true")
    given = parser.parse_args()
    flags: dict[str, Any] = {"backbone": "builtin", "policy": given.policy}
    if given.weights:
        flags |= {
            "backbone": "mobilenetv2",
            "weights": given.weights,
            "image_size": given.image_size,
        }
    return given.folders, flags, given


def cells(
    description: str | None, *switches: str
) -> Iterator[tuple[str, int, Cell, argparse.Namespace]]:
    """Yield for each number of images a class and each folder: name, number, cell, arguments."""
    folders, flags, given = parse_arguments(description, *switches)
    opened = [open_folder(path, flags) for path in folders]
    for size in given.sizes:
        for folder in opened:
            yield folder.path.name, size, train_cell(folder, size), given


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]

"""An examination of a folder as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.data.targets import LABELS, NUMBER
from tlearn.doctor.examination import Examination
from tlearn.doctor.moves import is_movable
from tlearn.doctor.sentences import sentences
from tlearn.errors import pasted
from tlearn.evaluation import wording
from tlearn.evaluation.page import breakable, data_url, render_page
from tlearn.storage.atomic import write_atomic

GROUPS_SHOWN, PER_GROUP, IMAGES_SHOWN = 40, 8, 80
"""Groups of copies on the page, images of each, and images of every other kind of finding."""


def write_doctor_page(path: Path, found: Examination, source: Path, moves: Path) -> None:
    """Write the page.

    Args:
        path: The page; one that exists is replaced.
        found: What it shows.
        source: The image folder, as the person named it.
        moves: The list of moves, for the commands that the page ends with.

    Raises:
        HostError: It cannot be written.
    """
    folder, listed = pasted(source), found.moves()
    faulty = [image for image in found.images if image.path]  # one may be about the whole folder
    values = {
        "found": found,
        "title": source.resolve().name,
        "sentences": sentences(found),
        "issues": found.other_issues,
        "n_images": len(found.dataset.folder.images),
        "what": _what(found),
        "copies": found.copies[:GROUPS_SHOWN],
        "labels": found.labels[:IMAGES_SHOWN],
        "images": faulty[:IMAGES_SHOWN],
        "n_faulty": len(faulty),
        "per_group": PER_GROUP,
        "thumbnails": _thumbnails(found),
        "n_moves": len(listed),
        "n_suggested": sum(bool(move.suggestion) for move in listed),
        "movable": is_movable(found.dataset.folder),
        "apply_command": f"tlearn doctor {folder} --apply {pasted(moves)}",
        "undo_command": f"tlearn doctor {folder} --undo",
        "version": version("tlearn"),
        "written": f"{datetime.now():%d %B %Y, %H:%M}",
    }
    filters: Mapping[str, Callable[..., Any]] = {
        "percent": wording.percent,
        "interval": wording.percent_interval,
        "duration": wording.duration,
        "path": breakable,
        "image": data_url,
    }
    write_atomic(path, render_page("tlearn.evaluation", "doctor.html.j2", filters, values))


def _what(found: Examination) -> str:
    """Return what is learned of the images: "in 3 classes", "with 1 label", "with a number"."""
    dataset = found.dataset
    if dataset.folder.task == NUMBER:
        return "with a number"
    where, one, more = {LABELS: ("with", "label", "labels")}.get(
        dataset.folder.task, ("in", "class", "classes")
    )
    names = dataset.outputs if dataset.folder.task == LABELS else dataset.folder.classes
    return f"{where} {len(names)} {one if len(names) == 1 else more}"


def _thumbnails(found: Examination) -> dict[str, np.ndarray]:
    """Return the decoded squares of the images on the page, by name."""
    folder = found.dataset.folder
    digests = {
        image.name: info.sha256
        for image, info in zip(folder.images, found.dataset.pixels.infos, strict=True)
        if info.problem is None
    }
    names = [name for name in dict.fromkeys(_shown(found)) if name in digests]
    pixels = found.dataset.pixels.read([digests[name] for name in names]) if names else ()
    return dict(zip(names, pixels, strict=True))


def _shown(found: Examination) -> Iterator[str]:
    for group in found.copies[:GROUPS_SHOWN]:
        yield from group.paths[:PER_GROUP]
    yield from (label.path for label in found.labels[:IMAGES_SHOWN])
    yield from (image.path for image in found.images[:IMAGES_SHOWN] if image.path)

"""`tlearn try`: a page on this machine on which a run answers images that are dropped on it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.artifacts.extras import require_extra
from tlearn.commands.explained import Subject, drawn, explain_subject
from tlearn.data.targets import CLASSES
from tlearn.errors import DataError, pasted
from tlearn.evaluation.page import data_url, render_page
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import answer, open_network
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun
from tlearn.serving.app import Limits, Work, build_app
from tlearn.serving.corrections import Corrections
from tlearn.serving.guard import Guard
from tlearn.serving.listening import Prepared, listen
from tlearn.serving.plain_words import in_words, map_in_words
from tlearn.serving.reader import Reader
from tlearn.storage.atomic import ensure_writable

_PACKAGE, _HOST = "tlearn.commands", "127.0.0.1"
_MOST_BYTES = 100_000_000
_SECONDS = 600.0
_TOP, _MAP_SIDE = 2, 480
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Trial:
    """A page that is ready to be opened.

    Attributes:
        prepared: Its server.
        run: The run that answers.
        corrections: Where images go whose class is corrected; None where no class is answered.
    """

    prepared: Prepared
    run: RunDirectory
    corrections: Corrections | None

    @property
    def update(self) -> str:
        """Return the command that trains on corrected images; "" where there are none."""
        return _update(self.run, self.corrections) if self.corrections else ""


class Answering:
    """Answers and explains images with a run; called from one thread."""

    def __init__(self, run: TrainedRun) -> None:
        self._reader = Reader.of_run(run)
        self._network = open_network(run, os.cpu_count() or 1)
        self._run = replace(run, progress=no_progress)

    def predict(self, name: str, data: bytes, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the record of an image, the same in words, and how long it took."""
        began = time.perf_counter()
        pixels, problem = self._reader.decode(data)
        if pixels is None:
            return self._reader.unreadable(name, problem or "")
        (given,) = answer(self._run, pixels[np.newaxis], self._network)
        record = self._reader.record(name, given, _TOP)
        milliseconds = 1000 * (time.perf_counter() - began)
        headline, lines = in_words(self._run.plan.task, record)
        return record | {"headline": headline, "lines": lines, "milliseconds": milliseconds}

    def explain(self, name: str, data: bytes, query: Mapping[str, str]) -> dict[str, Any]:
        """Return where the model looks: a map of each label that is answered."""
        pixels, problem = self._reader.decode(data)
        if pixels is None:
            return {"problem": problem}
        task, labels, asked = self._run.plan.task, self._run.labels, None
        if task == CLASSES:  # what is answered need not be the most probable class
            (given,) = answer(self._run, pixels[np.newaxis], self._network)
            label = self._reader.record(name, given, _TOP)["label"]
            asked = labels.index(label) if label else None
        found = explain_subject(self._run, self._network, Subject(name, pixels), asked)
        maps = [
            {
                "image": data_url(drawn(task, pixels, explained), _MAP_SIDE),
                "words": map_in_words(task, explained.label),
            }
            for explained in found
        ]
        return {"maps": maps}


def try_images(
    run: Path | None,
    into: Path | None = None,
    port: int = 0,
    *,
    progress: ProgressCallback = no_progress,
) -> Trial:
    """Open a run and a port, and return the page that is to be there.

    Args:
        run: The run directory; None takes the newest under runs/.
        into: Folder for corrected images; None takes `corrections` in the run.
        port: 0 takes one that is free.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run cannot be used, a package is missing, or the port cannot be opened.
    """
    require_extra("serve")
    opened = TrainedRun.open(run, progress=progress)
    of_classes = opened.plan.task == CLASSES
    if into and not of_classes:
        raise DataError(
            "--into is for images whose class is corrected, and the run answers no classes",
            "leave it out: tlearn try RUN",
        )
    if into:
        ensure_writable(into, "name another folder: --into FOLDER")
    answering = Answering(opened)
    work: dict[str, Work] = {"/predict": answering.predict, "/explain": answering.explain}
    corrections = None
    if of_classes:
        folder = into or opened.directory.path / "corrections"
        work["/correct"] = corrections = Corrections(folder, opened.labels)
    limits = Limits(_MOST_BYTES, _SECONDS, workers=1)
    app = build_app(work, _pages(opened, corrections), limits, _HEADERS)
    prepared = Prepared(Guard(app, local=True, token=None), listen(_HOST, port))
    return Trial(prepared, opened.directory, corrections)


def _pages(run: TrainedRun, corrections: Corrections | None) -> dict[str, tuple[bytes, str]]:
    values = {
        "name": run.directory.path.resolve().name,
        "backbone": Path(run.plan.backbone.name).name,
        "labels": run.labels,
        "task": run.plan.task,
        "folder": corrections and corrections.folder,
        "update": corrections and _update(run.directory, corrections),
    }
    templates = files(_PACKAGE) / "templates"
    return {
        "/": (render_page(_PACKAGE, "try.html.j2", {}, values), "text/html"),
        "/try.css": ((templates / "try.css").read_bytes(), "text/css"),
        "/try.js": ((templates / "try.js").read_bytes(), "text/javascript"),
    }


def _update(run: RunDirectory, corrections: Corrections) -> str:
    return f"tlearn update {pasted(run.path)} {pasted(corrections.folder)}"

"""The attack sees what it looks for: its judge, on commands that go wrong on purpose."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.attack.case import ACCEPT, REFUSE, Case, Judge, first_difference, stable
from benchmarks.attack.generators.images import samples
from benchmarks.attack.workshop import Workshop

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a case is a forked process")
WELL, REFUSED = ("recipes", "show", "deep"), ("describe", "nowhere")


def _fail() -> None:
    raise RuntimeError("a bug")


WRONG: dict[str, tuple[tuple[str, ...], Callable[[], object], str]] = {
    "tracebacks": (WELL, _fail, ACCEPT),
    "hangs": (WELL, lambda: time.sleep(60), ACCEPT),
    "files changed": (WELL, lambda: Path("image.png").write_text("other"), ACCEPT),
    "accepted and should not be": (WELL, lambda: None, REFUSE),
    "lost": (REFUSED, lambda: None, ACCEPT),
}
"""Column to a command, what happens in its process, and what must become of it."""


def _judge(
    tmp_path: Path, line: tuple[str, ...], inside: Callable[[], object], must: str
) -> set[str]:
    judge = Judge(Workshop(tmp_path), limit=5)
    write = lambda user: (user / "image.png").write_text("mine")  # noqa: E731
    return set(judge.run(Case("kind", "name", line, write, inside=inside, must=must)).found)


@pytest.mark.parametrize("column", WRONG)
def test_what_goes_wrong_is_found(column: str, tmp_path: Path) -> None:
    line, inside, must = WRONG[column]

    assert _judge(tmp_path, line, inside, must) == {column}


def test_a_command_that_does_what_it_must_is_not_reported(tmp_path: Path) -> None:
    assert not _judge(tmp_path, WELL, lambda: None, ACCEPT)


def test_documents_are_compared_without_times_and_paths() -> None:
    one = stable({"seconds": 1, "run": "a", "accuracy": 0.5, "top": [{"label": "x", "ms": 3}]})
    other = stable({"seconds": 2, "run": "b", "accuracy": 0.5, "top": [{"label": "y", "ms": 3}]})
    assert not first_difference(one, one)
    assert first_difference(one, other).startswith("top")


def test_images_of_many_formats_are_broken() -> None:
    assert {"PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"} <= {name.split()[0] for name in samples()}

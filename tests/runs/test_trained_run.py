from __future__ import annotations

import hashlib
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from tlearn.runs.samples import GoldenFile, Samples
from tlearn.runs.trained_run import TrainedRun


def golden_file(path: Path, label: int, content: bytes) -> GoldenFile:
    path.write_bytes(content)
    return GoldenFile(path, label, hashlib.sha256(content).hexdigest())


def image(gray: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (gray, gray, gray)).save(file, "PNG")
    return file.getvalue()


def test_only_golden_pictures_that_this_machine_reads_and_answers_rightly_are_promised(
    tmp_path: Path,
) -> None:
    """A run that moved: another Pillow, other kernels."""
    files = (
        golden_file(tmp_path / "dark.png", 0, image(20)),
        golden_file(tmp_path / "other.avif", 0, b"....ftypavif of a later make"),
        golden_file(tmp_path / "turned.png", 0, image(200)),
        golden_file(tmp_path / "bright.png", 1, image(220)),
    )
    run: Any = object.__new__(TrainedRun)
    run.plan = SimpleNamespace(images=SimpleNamespace(image_size=8, resize="squash"))
    run.labels = ("dark", "bright")
    run.samples = Samples(files, {})
    run.probabilities = lambda pixels: np.eye(2)[(pixels.mean((1, 2, 3)) > 128).astype(int)]
    found = run._golden()
    assert [(one.label, one.suffix) for one in found] == [("dark", ".png"), ("bright", ".png")]
    assert [one.content for one in found] == [image(20), image(220)]
    run.samples = Samples(files[1:2], {})
    assert run._golden() == []

"""Files that cannot be read, or are too large, and what is said of them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from tests.decoding import COLORS, SIZE, save
from tlearn.data import decode as decoder
from tlearn.data import opening
from tlearn.data.decode import UnreadableImageError, decode, read_image

# tlearn ignores these warnings for the process; pytest sets its own filters.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


def problem(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    decoded, info = read_image(path, SIZE, "squash")
    assert decoded is None and info.problem
    assert (info.width, info.height, info.format) == (0, 0, "")
    with pytest.raises(UnreadableImageError) as raised:
        decode(path, SIZE)
    assert str(raised.value) == info.problem
    return info.problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"\n\n  <HTML lang='en'>", "web page"),
        ("nothing to see hére".encode(), "text file"),
        (("é" * 1023).encode(), "text file"),
        (b"<?xml version='1.0'?><svg>", "SVG"),
        (b"%PDF-1.7 ...", "PDF"),
        (bytes(range(256)), "not an image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "damaged"),
    ],
)
def test_files_that_are_no_images(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in problem(tmp_path / "x.jpg", content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_files(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind)
    content = file.getvalue()
    message = problem(tmp_path / "x.jpg", content[: len(content) // 2])
    assert "truncated" in message or "damaged" in message
    if kind in ("JPEG", "PNG", "BMP"):
        assert "truncated" in message


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.jpg").mkdir()
    assert "folder" in problem(tmp_path / "folder.jpg")
    assert "No such file" in problem(tmp_path / "gone.jpg")
    assert read_image(tmp_path / "gone.jpg", 8, "crop")[1].sha256 == ""

    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in problem(path)


def test_huge_files_and_pipes_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(40 * 10**9)
    os.mkfifo(tmp_path / "pipe.png")
    assert "larger than 500 MB" in problem(tmp_path / "sparse.png")
    assert "a pipe, not a file" in problem(tmp_path / "pipe.png")


def test_memory_errors_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)
    with pytest.raises(MemoryError):
        read_image(path, 8, "crop")


def claim_size(path: Path, width: int, height: int) -> Path:
    """A PNG of 1 x 1 whose header claims another size."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("side", [10_001, 12_000, 60_000])
def test_the_pixel_limit_gives_no_warning(tmp_path: Path, side: int) -> None:
    """Run in a fresh process, because pytest sets its own warning filters."""
    path = claim_size(tmp_path / "bomb.png", side, side)
    code = (
        "import sys; from pathlib import Path; from tlearn.data.decode import read_image;"
        "print(read_image(Path(sys.argv[1]), 8, 'crop')[1].problem)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(decoder.__file__).parents[2])},
    )
    assert "100 million" in done.stdout and done.stderr == ""


def test_pixels_are_not_decoded_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PIXEL_LIMIT", SIZE * SIZE - 1)
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    assert f"{SIZE} x {SIZE} pixels" in problem(path)


def test_damaged_files_never_raise(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seeds = []
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM"):
        file = io.BytesIO()
        exif = {"exif": Image.Exif()} if kind in ("JPEG", "PNG", "WEBP") else {}
        Image.fromarray(COLORS).save(file, kind, **exif)
        seeds.append(np.frombuffer(file.getvalue(), np.uint8))
    path = tmp_path / "x"
    for number in range(600):
        content = seeds[number % len(seeds)].copy()
        where = rng.integers(0, min(len(content), 400), 4)
        content[where] = rng.integers(0, 256, 4)
        path.write_bytes(content[: rng.integers(1, len(content) + 1)].tobytes())
        decoded, info = read_image(path, 8, "crop")
        assert (decoded is None) == (info.problem is not None)

"""Broken images: every format that Pillow writes, odd modes and sizes, metadata, bombs."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import Image

from benchmarks.attack.case import ACCEPT, EITHER, Case
from benchmarks.attack.generators.bytes import damaged
from benchmarks.attack.workshop import SMALL, Workshop

KIND = "images"
LINES = {
    "suggest": (("suggest", "images", SMALL, "--json"), ACCEPT),
    "predict": (("predict", "run", "images/circle"), ACCEPT),
    "one": (("predict", "run", "images/circle/broken{end}"), EITHER),
    "strict": (("finetune", "images", SMALL, "--strict", "--dry-run"), EITHER),
}
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F")
_SIZES = ((1, 1), (1, 500), (2000, 1), (48, 48), (7, 9000))


@cache
def samples() -> dict[str, bytes]:
    """Return files by name and extension: every format and mode that Pillow writes."""
    Image.init()
    endings = {name: end for end, name in Image.registered_extensions().items()}
    found = {}
    for name in sorted(set(Image.SAVE) - {"PDF", "PALM", "XVTHUMB"}):
        for mode in (*_MODES, "I;16"):
            for size in _SIZES if mode == "RGB" else _SIZES[3:4]:
                if data := _saved(name, mode, size):
                    found[f"{name} {mode} {size[0]}x{size[1]}{endings.get(name, '.jpg')}"] = data
    return found


def _saved(name: str, mode: str, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    gradient = Image.linear_gradient("L").resize(size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.new(mode, size, 77) if mode in ("LAB", "HSV", "PA") else gradient
            image.convert(mode).save(file, name)
        except Exception:  # a format that this mode does not fit, or that needs a missing library
            return b""
    return file.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    sealed = name + data
    return struct.pack(">I", len(data)) + sealed + struct.pack(">I", zlib.crc32(sealed))


def png(width: int, height: int, depth: int = 8, color: int = 2, *extra: bytes) -> bytes:
    """Return a PNG that claims this size and holds a few zeros."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + body + _chunk(b"IEND", b"")


def _jpeg(**options: object) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "JPEG", **options)
    return file.getvalue()


def odd_images() -> dict[str, bytes]:
    """Return files that are odd as a whole, by name."""
    exif = Image.Exif()
    exif[0x0112] = 99
    text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))
    animation = io.BytesIO()
    frames = [Image.new("L", (9, 9), n) for n in range(200)]
    frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:])
    good = _jpeg()
    return {
        "png 0x0.png": png(0, 0),
        "png 0x9.png": png(0, 9),
        "bomb 60000x60000.png": png(60_000, 60_000),
        "bomb 1-bit 178956970x1.png": png(178_956_970, 1, 1, 0),
        "bomb 2147483647.png": png(2**31 - 1, 2**31 - 1),
        "text bomb.png": png(9, 9, 8, 2, text),
        "wrong depth.png": png(9, 9, 3, 2),
        "palette without palette.png": png(9, 9, 8, 3),
        "transparency too long.png": png(9, 9, 8, 0, _chunk(b"tRNS", bytes(500))),
        "orientation 99.jpg": _jpeg(exif=exif.tobytes()),
        "exif of noise.jpg": _jpeg(exif=b"Exif\0\0" + bytes(range(256)) * 20),
        "exif pointing at itself.jpg": _jpeg(
            exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\x08\0\0\0"
        ),
        "icc of noise.jpg": _jpeg(icc_profile=bytes(range(256)) * 30),
        "icc empty.png": png(9, 9, 8, 2, _chunk(b"iCCP", b"x\0\0" + zlib.compress(b""))),
        "frames.gif": animation.getvalue(),
        "bmp huge.bmp": b"BM"
        + struct.pack(
            "<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 2**30, -(2**30), 1, 24, 0, 0, 0, 0, 0, 0
        ),
        "ppm huge.ppm": b"P6\n999999999 999999999\n255\n" + bytes(10),
        "ppm words.ppm": b"P6\nnine 9\n255\n",
        "tiff loop.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "empty.jpg": b"",
        "noise.jpg": random.Random(1).randbytes(3000),
        "zeros.png": bytes(3000),
        "text.jpg": b"version https://git-lfs.github.com/spec/v1\n",
        "page.png": b"<!DOCTYPE html><html>404</html>",
        "polyglot zip.jpg": good + b"PK\x05\x06" + bytes(18),
        "polyglot script.jpg": b"#!/bin/sh\nexit 3\n" + good,
        "two in one.jpg": good + good,
        "webp riff.webp": b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff",
        "avif box.avif": b"\0\0\0\x20ftypavif" + bytes(20),
        "heif box.heic": b"\0\0\0\x18ftypheic" + bytes(16),
        "svg.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "eps.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        "eps as jpg.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    }


def _case(name: str, data: bytes, which: str, workshop: Workshop) -> Case:
    end = Path(name).suffix
    line, must = LINES[which]

    def damage(user: Path) -> None:
        (user / "images/circle" / f"broken{end}").write_bytes(data)

    def prepare(user: Path) -> None:
        workshop.copy("images")(user)
        if which in ("predict", "one"):
            workshop.copy("run")(user)

    words = tuple(word.replace("{end}", end) for word in line)
    return Case(KIND, f"{which}: {name}", words, damage, prepare, must)


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield a case for each odd file, each format and mode, then damaged ones."""
    lines = ["suggest"] if cheap else ["suggest"] * 12 + ["strict"] * 6 + ["predict", "one"]
    for name, data in odd_images().items():
        for line in ("suggest",) if cheap else ("suggest", "one"):
            yield _case(name, data, line, workshop)
    files = list(samples().items())
    rng.shuffle(files)
    for name, data in files:
        yield _case(name, data, rng.choice(lines), workshop)
    while True:
        name, data = rng.choice(files)
        kind, data = damaged(data, rng)
        if rng.random() < 0.1:  # a wrong suffix too
            name = f"{Path(name).stem}{rng.choice(('.jpg', '.png', '.tif', '.webp', ''))}"
        yield _case(f"{kind} {name}", data, rng.choice(lines), workshop)

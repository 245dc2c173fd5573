"""Every color mode becomes RGB: gray, 16 bits, palettes, transparency, other color spaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, GRADIENT, SIZE, pixels, save


def test_gray_modes(tmp_path: Path) -> None:
    gray = Image.fromarray(GRADIENT)
    assert np.array_equal(pixels(save(tmp_path / "l.png", gray, "PNG")), np.dstack([GRADIENT] * 3))
    bits = pixels(save(tmp_path / "1.png", gray.convert("1"), "PNG"))
    assert set(np.unique(bits)) == {0, 255}


def test_sixteen_bit_png(tmp_path: Path) -> None:
    values = GRADIENT.astype(np.uint16) * 257 + 200
    expected = np.rint(values / 257).astype(np.uint8)
    path = save(tmp_path / "x.png", Image.fromarray(values), "PNG")
    assert np.array_equal(pixels(path)[..., 0], expected)
    # The same values as a PGM, which Pillow opens as 32-bit integers.
    pgm = tmp_path / "x.pgm"
    pgm.write_bytes(b"P5\n32 32\n65535\n" + values.astype(">u2").tobytes())
    assert np.array_equal(pixels(pgm)[..., 1], expected)


def test_big_endian_sixteen_bit(tmp_path: Path) -> None:
    values = GRADIENT.astype(np.uint16) * 257
    image = Image.frombytes("I;16B", (SIZE, SIZE), values.astype(">u2").tobytes())
    path = save(tmp_path / "x.tif", image, "TIFF")
    assert np.array_equal(pixels(path)[..., 2], GRADIENT)


def test_floats_are_scaled_by_their_own_range(tmp_path: Path) -> None:
    values = GRADIENT.astype(np.float32) / 100 - 1
    low, high = values.min(), values.max()
    path = save(tmp_path / "x.tif", Image.fromarray(values), "TIFF")
    assert np.array_equal(pixels(path)[..., 0], np.rint((values - low) / (high - low) * 255))
    values[0, :3] = np.nan, np.inf, -np.inf
    decoded = pixels(save(tmp_path / "nan.tif", Image.fromarray(values), "TIFF"))
    assert decoded[0, :3, 0].tolist() == [0, 255, 0]
    flat = np.full((SIZE, SIZE), 7, np.float32)
    assert pixels(save(tmp_path / "flat.tif", Image.fromarray(flat), "TIFF")).max() == 0


def test_large_integers_are_scaled_by_their_own_range(tmp_path: Path) -> None:
    values = np.linspace(-1e6, 1e6, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.int32)
    decoded = pixels(save(tmp_path / "x.tif", Image.fromarray(values), "TIFF"))
    assert decoded.min() == 0 and decoded.max() == 255


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_composited_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (SIZE, SIZE), (0,) * len(mode))
    image.paste((100,) * (len(mode) - 1) + (255,), (0, 0, SIZE // 2, SIZE))
    decoded = pixels(save(tmp_path / "x.png", image, "PNG"))
    assert (decoded[:, : SIZE // 2] == 100).all() and (decoded[:, SIZE // 2 :] == 255).all()


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 128))
    assert abs(int(pixels(save(tmp_path / "x.png", image, "PNG"))[0, 0, 0]) - 127) <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_color_key_is_composited_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (SIZE, SIZE), 0)
    if mode == "P":
        image.putpalette([10, 20, 30, 40, 50, 60] + [0] * 762)
    image.paste(
        1 if mode == "P" else (40, 50, 60)[: len(mode)] if mode == "RGB" else 40,
        (0, 0, SIZE // 2, SIZE),
    )
    key = (0, 0, 0) if mode == "RGB" else 0
    decoded = pixels(save(tmp_path / "x.png", image, "PNG", transparency=key))
    assert (decoded[:, SIZE // 2 :] == 255).all()
    assert decoded[0, 0].tolist() == ([40, 40, 40] if mode == "L" else [40, 50, 60])


def test_palette_with_alpha_per_entry(tmp_path: Path) -> None:
    image = Image.new("P", (SIZE, SIZE), 1)
    image.putpalette([0, 0, 0, 9, 9, 9] + [0] * 762)
    decoded = pixels(save(tmp_path / "x.png", image, "PNG", transparency=bytes([255, 0])))
    assert (decoded == 255).all()


def test_palette_without_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(COLORS).quantize(16)
    path = save(tmp_path / "x.gif", image, "GIF")
    assert np.array_equal(pixels(path), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("kind", "near"), [("JPEG", 6), ("TIFF", 0)])
def test_cmyk_becomes_rgb(tmp_path: Path, kind: str, near: int) -> None:
    smooth = Image.fromarray(np.dstack([GRADIENT] * 3)).convert("CMYK")
    path = save(tmp_path / "x.jpg", smooth, kind, **({"quality": 98} if kind == "JPEG" else {}))
    expected = np.asarray(smooth.convert("RGB")).astype(int)
    assert np.abs(pixels(path) - expected).mean() <= near
    assert pixels(path)[0, 0].mean() < pixels(path)[-1, -1].mean()


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_color_spaces(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(COLORS)
    if mode == "LAB":
        cms = pytest.importorskip("PIL.ImageCms")
        profiles = cms.createProfile("sRGB"), cms.createProfile("LAB")
        image = cms.profileToProfile(source, *profiles, outputMode="LAB")
    else:
        image = source.convert(mode)
    decoded = pixels(save(tmp_path / "x.tif", image, "TIFF")).astype(int)
    assert np.abs(decoded - COLORS).mean() < 3


@pytest.mark.parametrize("mode", ["HSV", "RGBX", "PA", "La", "RGBa"])
def test_modes_that_only_a_plugin_opens(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them may stop a run."""
    source = Image.fromarray(COLORS)
    steps = {"PA": ["P", "PA"], "La": ["LA", "La"], "RGBa": ["RGBA", "RGBa"]}
    for step in steps.get(mode, [mode]):
        source = source.convert(step)
    if mode == "La":
        pytest.skip("Pillow converts La to LA only")
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")
    monkeypatch.setattr(Image, "open", lambda *_, **__: source)
    assert pixels(path).shape == (SIZE, SIZE, 3)

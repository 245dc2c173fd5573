"""What tlearn learns of a file beside its pixels."""

from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.data.decode import read_image
from tlearn.data.image_info import ImageInfo


def info_of(path: Path) -> ImageInfo:
    return read_image(path, 32, "squash")[1]


def drawing(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8))


def test_files_that_look_the_same_share_a_digest_of_pixels(tmp_path: Path) -> None:
    drawing().save(tmp_path / "a.png")
    drawing().save(tmp_path / "b.bmp")
    drawing(1).save(tmp_path / "c.png")
    a, b, c = (info_of(tmp_path / name) for name in ("a.png", "b.bmp", "c.png"))
    assert a.sha256 != b.sha256
    assert a.pixels == b.pixels != c.pixels
    assert a.size_bytes == (tmp_path / "a.png").stat().st_size


def test_camera_date_and_tables_are_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme", "Pocket 3\0"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:17 10:30:00"
    drawing().save(tmp_path / "a.jpg", exif=exif, quality=90)
    drawing().save(tmp_path / "b.jpg", quality=50)
    a, b = info_of(tmp_path / "a.jpg"), info_of(tmp_path / "b.jpg")
    assert (a.camera, a.taken) == ("Acme Pocket 3", "2024:05:17 10:30:00")
    assert (b.camera, b.taken) == ("", "")
    assert a.quantization != b.quantization
    assert not a.rotated

"""Image formats, recognized by a file's first bytes or by its extension."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# First bytes and extensions. Text may begin with "BM" or "P1": these two formats need more bytes.
_FORMATS = {
    "JPEG": (rb"\xff\xd8\xff", ".jpg .jpeg .jpe .jfif"),
    "PNG": (rb"\x89PNG\r\n\x1a\n", ".png"),
    "GIF": (rb"GIF8[79]a", ".gif"),
    "WEBP": (rb"RIFF.{4}WEBP", ".webp"),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", ".tif .tiff"),
    "BMP": (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", ".bmp"),
    "PPM": (rb"P[1-6]\s+[0-9#]", ".ppm .pgm"),
    "JPEG2000": (
        rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\0",
        ".jp2 .j2k .jpx .jpf .j2c .jpc",
    ),
    "AVIF": (rb"(?!)", ".avif"),  # these two by their brands
    "HEIF": (rb"(?!)", ".heic .heif .hif"),
}
EXTENSIONS = {end: name for name, (_, ends) in _FORMATS.items() for end in ends.split()}
"""Extensions, with the format that each one stands for."""

_BRANDS = {
    "AVIF": {b"avif", b"avis"},
    "HEIF": {
        *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
        *(b"mif1", b"msf1", b"mif2", b"miaf", b"MiHB", b"MiHE"),
    },
}

_RAW = "a camera RAW file: export it as JPEG"
_FOREIGN = {
    rb"\xff\x0a|\0\0\0\x0cJXL ": "JPEG XL cannot be read here: save it as JPEG or PNG",
    rb"8BP[SB]": "a Photoshop document: export it as PNG",
    rb"%!PS|\xc5\xd0\xd3\xc6": "an EPS drawing: save it as PNG",
    rb"\xf4\xff\x6f": "WebP 2 cannot be read here: save it as JPEG or PNG",
    rb"gimp xcf": "a GIMP document: export it as PNG",
    rb"v/1\x01": "OpenEXR cannot be read here: save it as PNG",
    rb"II\xbc": "JPEG XR cannot be read here: save it as JPEG or PNG",
    rb"SIMPLE  =": "a FITS image: save it as PNG",
    rb"#\?RADIANCE|#\?RGBE": "a Radiance HDR image: save it as PNG",
    rb"\x5c\x01\0\0|\0\0\x01\x5c|\xf0\x01\0\0n\+2": "a NIfTI volume: save its slices as PNG",
    rb"AT&TFORM": "a DjVu document: save its pages as PNG",
    rb"BPG\xfb": "BPG cannot be read here: save it as JPEG or PNG",
    rb"FLIF": "FLIF cannot be read here: save it as PNG",
    rb"qoif": "QOI cannot be read here: save it as PNG",
    rb"\0\0[\x01\x02]\0[\x01-\x40]\0": "an icon of Windows: save it as PNG",
    rb"\xd7\xcd\xc6\x9a": "a Windows metafile: save it as PNG",
    rb"\0\x05\x16[\0\x07]": "notes of macOS on an image (AppleDouble), not the image: delete it",
    rb"L\0\0\0\x01\x14\x02\0": "a shortcut of Windows, not the image: copy the image here",
    rb"PK\x03\x04|\x1f\x8b\x08|7z\xbc\xaf|Rar!": "an archive, not an image: unpack it",
    rb"\x93NUMPY": "a NumPy array: save it as PNG",
    rb"II\*\0.{4}CR|.{4}ftypcrx |FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM": _RAW,
    rb"\x1aE\xdf\xa3|.{4}ftyp": "a video: save images of it as JPEG",
}
_FOREIGN_EXTENSIONS = {
    *(".jxl", ".psd", ".wp2", ".xcf"),
    *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2"),
    *(".pef", ".srw", ".x3f", ".mrw"),
}


def is_foreign_extension(name: str) -> bool:
    """Return whether a file is named like an image in a format that is not read here."""
    return PurePosixPath(name).suffix.lower() in _FOREIGN_EXTENSIONS


def sniff(head: bytes) -> str:
    """Recognize an image format by the first bytes of a file.

    Args:
        head: The first 32 bytes, or more.

    Returns:
        The format as Pillow names it, such as "JPEG"; "" if it is none.
    """
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if name_foreign(head):
        return ""
    matches = (name for name, (magic, _) in _FORMATS.items() if re.match(magic, head, re.S))
    return next(matches, "")


def name_foreign(head: bytes) -> str:
    """Say what an image is that is not read here, and what to do; "" if it is none of these."""
    matches = (what for magic, what in _FOREIGN.items() if re.match(magic, head, re.S))
    return next(matches, "")


def _by_brand(head: bytes) -> str:
    """Return the format of a container by its brands: the first one may be that of any of them."""
    end = max(12, int.from_bytes(head[:4], "big"))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, min(end, 64), 4))}
    return next((name for name, known in _BRANDS.items() if brands & known), "")

"""What was done, or could not be done, so that images do not come out as nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tlearn.data.counted import are, count, first, them
from tlearn.data.high_depth import GrayRange, format_range
from tlearn.data.image_folder import ImageFolder
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import DataIssue, ImageWithInfo

BLANK_CONTRAST = 2.0
"""Standard deviation, of 255, below which an image is of nearly one color: noise has as much."""

DARK = 32
"""Largest value, of 255, up to which all of an image is nearly black."""

_ODD = 2
"""Blank images that are an oddity; more are an error of the folder."""

_SOME_CONTRAST = 0.4  # of a mask of 0 and 1, say; less is blank
_FEW_VALUES = 0.25
"""Share of the range that at least half of the images should reach."""


def find_pixel_issues(
    folder: ImageFolder, infos: Sequence[ImageInfo], gray_range: GrayRange | None
) -> tuple[DataIssue, ...]:
    """Find images of which little or nothing is left, and say what their values were scaled by.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
        gray_range: What was black and white in images of more than 8 bits.
    """
    readable = [pair for pair in zip(folder.images, infos, strict=True) if not pair[1].problem]
    narrow = [*_narrow_range(readable, gray_range)]
    return (
        *_blank(readable),
        *_dark(readable, narrow),
        *narrow,
        *_own_range(readable, gray_range),
        *_gray_range(readable, gray_range),
        *_alpha(readable),
        *_pages(readable),
    )


def _is_dark(info: ImageInfo) -> bool:
    return info.brightest <= DARK and info.contrast >= _SOME_CONTRAST


def _is_narrow(info: ImageInfo, gray_range: GrayRange | None) -> bool:
    """Return whether an image of whole numbers stays in the lower part of the range."""
    return info.depth == "integer" and info.high < _FEW_VALUES * (gray_range or (0, 65535))[1]


def _blank(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    names = [
        image.name
        for image, info in readable
        if info.contrast < BLANK_CONTRAST and not _is_dark(info)
    ]
    if names:
        yield DataIssue(
            "blank",
            "warning" if len(names) > _ODD else "note",
            f"{count(len(names), 'image')} {are(names)} blank, or of nearly one color: "
            f"{_first(names)}. Look at {them(names)}, and delete or replace any that shows "
            "no class.",
            tuple(names),
        )


def _dark(
    readable: Sequence[ImageWithInfo], told_otherwise: Sequence[DataIssue]
) -> Iterator[DataIssue]:
    told = {name for issue in told_otherwise for name in issue.names}
    names = [image.name for image, info in readable if _is_dark(info) and image.name not in told]
    if names:
        yield DataIssue(
            "dark",
            "warning",
            f"{count(len(names), 'image')} {are(names)} nearly black, with hardly a value "
            f"above {DARK} of 255: {_first(names)}. Save {them(names)} brighter; 12-bit values in "
            "a 16-bit file, or masks in place of images, are usual reasons.",
            tuple(names),
        )


def _narrow_range(
    readable: Sequence[ImageWithInfo], gray_range: GrayRange | None
) -> Iterator[DataIssue]:
    narrow = {image.name: info for image, info in readable if _is_narrow(info, gray_range)}
    if not narrow or 2 * len(narrow) < sum(info.depth == "integer" for _, info in readable):
        return
    most, white = max(info.high for info in narrow.values()), (gray_range or (0, 65535))[1]
    advised = format_range((0, 2 ** int(most).bit_length() - 1))
    yield DataIssue(
        "narrow_range",
        "warning",
        f"{count(len(narrow), 'image')} of more than 8 bits {are(narrow)} dark: no value above "
        f"{most:,.0f}, where white is {white:,.0f}: {_first([*narrow])}. Say which values are "
        f"black and white in your images: --set gray_range={advised}",
        tuple(narrow),
    )


def _own_range(
    readable: Sequence[ImageWithInfo], gray_range: GrayRange | None
) -> Iterator[DataIssue]:
    names = [
        image.name
        for image, info in readable
        if info.depth == "float" or (info.depth and not 0 <= info.low <= info.high <= 65535)
    ]
    if names and gray_range is None:
        yield DataIssue(
            "own_range",
            "warning",
            f"{count(len(names), 'image')} of 32 bits or floats {are(names)} scaled by "
            f"{'its' if len(names) == 1 else 'their'} own range, image by image, so how bright "
            f"one is compared with another is lost: {_first(names)}. Say which values are "
            "black and white in your images: --set gray_range=0,1",
            tuple(names),
        )


def _gray_range(
    readable: Sequence[ImageWithInfo], gray_range: GrayRange | None
) -> Iterator[DataIssue]:
    names = [image.name for image, info in readable if info.depth]
    if names and gray_range is not None:
        low, high = (f"{value:,.6g}" for value in gray_range)
        bits = int(gray_range[1]).bit_length()
        unit = f" ({bits} bits)" if gray_range == (0, 2**bits - 1) else ""
        yield DataIssue(
            "gray_range",
            "note",
            f"{count(len(names), 'image has', 'images have')} more than 8 bits: values from {low} "
            f"to {high}{unit} become black to white, by one scale for all images. It is kept in "
            "the run; to set another: --set gray_range=LOW,HIGH",
            tuple(names),
        )


def _alpha(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    names = [image.name for image, info in readable if info.alpha_ignored]
    if names:
        yield DataIssue(
            "transparent",
            "warning",
            f"{count(len(names), 'image')} {are(names)} fully transparent, as after a failed "
            f"export: {_first(names)}. Their transparency is ignored, and their colors are "
            "used; other programs may show nothing.",
            tuple(names),
        )


def _pages(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    several = {image.name: info for image, info in readable if info.pages > 1}
    if several:
        most = max(info.pages for info in several.values())
        yield DataIssue(
            "pages",
            "note",
            f"{count(len(several), 'image has', 'images have')} several pages, up to {most}, and "
            f"the first of {them(several)} is used: {_first([*several])}. Save the others "
            "as images of their own if they show something.",
            tuple(several),
        )
    previews = [image.name for image, info in readable if info.page > 1]
    if previews:
        yield DataIssue(
            "preview",
            "note",
            f"{count(len(previews), 'image begins', 'images begin')} with a small preview, and "
            f"the largest page is used instead: {_first(previews)}. If that is a camera's "
            "RAW file, better export it as JPEG.",
            tuple(previews),
        )


def _first(names: Sequence[str]) -> str:
    return first([repr(name) for name in names])

"""Whether two images show the same: one is laid over the other, and their detail is compared.

A place is an affine map (2, 3) of coordinates from -1 to 1, x before y. It says where in another
image the points of an image are.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

_FEWEST_POINTS = 32
_NOISE = 2.0
"""Gray levels that do not count as detail: what is left of JPEG noise in a thumbnail."""

_FAINT = 0.1
"""Detail that does not count either, as a share of the image's contrast."""


_FAINTEST = 0.003
"""Mean square of detail that counts as none: plain images agree in nothing."""

_SIX = np.eye(6, dtype=np.float32)


class Agreement(NamedTuple):
    """How far the detail of two images agrees where they overlap.

    Attributes:
        correlation: (m,).
        best_part: (m,) the correlation without the tenth of the overlap that fits worst, which may
            be the letters of a watermark or the corners of a rotated image.
        detail: (m,) how much there is to agree in: the number of independent values that would
            be as rich.
    """

    correlation: np.ndarray
    best_part: np.ndarray
    detail: np.ndarray

    def evidence(self) -> np.ndarray:
        """Return the log-likelihood ratio of agreeing so well by chance, with so much detail."""
        unlike: np.ndarray = 1 - np.clip(self.correlation, 0, 0.9995) ** 2
        return -self.detail / 2 * np.log(unlike)


def rotation(degrees: float) -> np.ndarray:
    """Return the place of an image that was turned."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0]], np.float32)


def placed(x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
    """Return the place of a crop, given the parts of both sides, from 0 to 1."""
    center = [(start + stop - 1) for start, stop in (x, y)]
    return np.array([[x[1] - x[0], 0, center[0]], [0, y[1] - y[0], center[1]]], np.float32)


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the place of a part of a part, (..., 2, 3)."""
    linear = outer[..., :2] @ inner[..., :2]
    shift = outer[..., :2] @ inner[..., 2:] + outer[..., 2:]
    return np.concatenate([linear, shift], -1)


def warp(
    images: np.ndarray, which: np.ndarray, place: np.ndarray, stride: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Read images at the points of others, between pixels linearly.

    Args:
        images: (n, side, side).
        which: (m,) rows of the images to read.
        place: (m, 2, 3), where the points are.
        stride: Every how many pixels of both axes a point is.

    Returns:
        (m, points) values, and whether each point is inside.
    """
    between, inside = _between(which, place, images.shape[1], stride)
    return _read(images, *between), inside


def detail_of(thumbnails: np.ndarray, side: int, window: int) -> np.ndarray:
    """Return what differs from its surroundings, of unit strength wherever there is detail.

    Brightness, contrast and slow changes of both are gone; plain areas are 0.

    Args:
        thumbnails: (n, S, S), gray.
        side: Of the result; a divisor of S.
        window: Width of the surroundings, in pixels of the result.
    """
    images = shrunk(thumbnails, side)
    difference = images - _blur(images, window)
    floor = _NOISE + _FAINT * images.std((1, 2), keepdims=True)
    detail: np.ndarray = difference / np.sqrt(_blur(difference**2, window) + floor**2)
    return detail


def shrunk(images: np.ndarray, side: int) -> np.ndarray:
    """Return means of square cells as float32, (n, side, side); `side` divides that of images."""
    factor = images.shape[1] // side
    cells = np.kron(np.eye(side, dtype=np.float32), np.full(factor, 1 / factor, np.float32))
    small: np.ndarray = cells @ images.astype(np.float32) @ cells.T
    return small


def shift(
    detail: np.ndarray, part: np.ndarray, whole: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Do as `align`, by shifts of up to an eighth of the side; borders count less."""
    from scipy.fft import irfft2, rfft2

    side = detail.shape[1]
    reach = side // 8
    bell = np.sqrt(np.hanning(side + 2)[1:-1]).astype(np.float32)
    fade = bell * bell[:, None]
    own = detail * fade
    values, inside = warp(detail, whole, place)
    other = (values * inside).reshape(-1, side, side) * fade
    spectrum = np.conj(rfft2(own))[part] * rfft2(other)
    steps = np.r_[0 : reach + 1, -reach:0]
    fits = irfft2(spectrum, s=(side, side))[:, steps[:, None], steps].reshape(len(part), -1)
    best = fits.argmax(1)
    moves = np.tile(rotation(0), (len(part), 1, 1))
    moves[:, 0, 2] = steps[best % len(steps)] * 2 / side
    moves[:, 1, 2] = steps[best // len(steps)] * 2 / side
    norm = (own**2).sum((1, 2))[part] * (other**2).sum((1, 2))
    return fits.max(1) / np.sqrt(norm + 1e-6), compose(place, moves)


def align(
    detail: np.ndarray, part: np.ndarray, whole: np.ndarray, place: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move images over others until their detail fits (Gauss-Newton, by the mean slope of both).

    Args:
        detail: (n, side, side) of `detail_of`.
        part: (m,) rows of the images that are moved.
        whole: (m,) rows of the images that they are laid over.
        place: (m, 2, 3), where to begin.
        steps: How often each is moved.

    Returns:
        (m,) best correlation, and (m, 2, 3) where it was reached.

    References:
        Benhimane and Malis, "Real-time image-based tracking of planes using efficient
        second-order minimization", 2004.
    """
    side = detail.shape[1]
    stride = max(1, side // _FEWEST_POINTS)
    x, y = _points(side, stride)
    slope_y, slope_x = (slope * (side / 2) for slope in np.gradient(detail, axis=(1, 2)))
    own, own_x, own_y = (_sampled(a[part], stride) for a in (detail, slope_x, slope_y))
    best = np.full(len(part), -1.0, np.float32)
    reached = place.copy()
    for step in range(steps + 1):
        between, inside = _between(whole, place, side, stride)
        other = _read(detail, *between)
        fit = _correlation(own, other, inside)
        better = fit > best
        best[better], reached[better] = fit[better], place[better]
        if step == steps:
            break
        slopes = np.stack([_read(slope_x, *between), _read(slope_y, *between)], 1)
        slopes = place[:, :, :2].transpose(0, 2, 1) @ slopes
        along_x, along_y = (own_x + slopes[:, 0]) * inside, (own_y + slopes[:, 1]) * inside
        effect = np.stack(
            [along_x * x, along_x * y, along_x, along_y * x, along_y * y, along_y], axis=1
        )
        curvature = effect @ effect.transpose(0, 2, 1)
        curvature += (2e-4 * np.trace(curvature, axis1=1, axis2=2) + 1e-3)[:, None, None] * _SIX
        error = np.clip(own - other, -1.5, 1.5)  # what does not fit at all pulls less
        move = np.linalg.solve(curvature, 2 * effect @ error[:, :, None]).reshape(-1, 2, 3)
        place = compose(place, rotation(0) + np.clip(move, -0.15, 0.15))
    return best, reached


def compare(
    detail: np.ndarray, part: np.ndarray, whole: np.ndarray, place: np.ndarray
) -> Agreement:
    """Compare images with others where they were laid over them; the arguments are `align`'s."""
    side = detail.shape[1]
    own = detail[part].reshape(len(part), -1)
    values, inside = warp(detail, whole, place)
    error = _blur(((own - values) ** 2 * inside).reshape(-1, side, side), 5).reshape(own.shape)
    error[~inside] = -1
    some = error[:, ::3]  # the error is blurred: a third of the pixels tell its tenth
    dropped = (0.1 * (some >= 0).sum(1)).astype(int)
    limit = np.take_along_axis(np.sort(some, 1), some.shape[1] - 1 - dropped[:, None], 1)
    fits = inside & (error <= limit)
    return Agreement(
        _correlation(own, values, inside),
        _correlation(own, values, fits),
        np.minimum(_richness(own * inside, side), _richness(values * inside, side)),
    )


def _richness(detail: np.ndarray, side: int) -> np.ndarray:
    """Return the share of the area that has detail, times the number of its frequencies.

    A line, a checkerboard and a plain area with a spot have little: any two of them fit.
    """
    from scipy.fft import rfft2

    images = detail.reshape(-1, side, side)
    energy = _blur(images**2, 5).reshape(len(images), -1)
    area = energy.sum(1) ** 2 / ((energy**2).sum(1) * energy.shape[1] + 1e-9)
    power = (np.abs(rfft2(images)) ** 2).reshape(len(images), -1)
    share = power / (power.sum(1, keepdims=True) + 1e-9)
    frequencies = np.exp(-(share * np.log(share + 1e-12)).sum(1))
    richness: np.ndarray = area * frequencies
    return richness


def _points(side: int, stride: int) -> np.ndarray:
    """Return the coordinates of pixels, (2, points)."""
    steps = ((np.arange(side) + 0.5) / side * 2 - 1)[stride // 2 :: stride]
    return np.stack(np.meshgrid(steps, steps)).reshape(2, -1).astype(np.float32)


def _sampled(images: np.ndarray, stride: int) -> np.ndarray:
    """Return the pixels of `_points`, (n, points)."""
    kept = images[:, stride // 2 :: stride, stride // 2 :: stride]
    return np.ascontiguousarray(kept).reshape(len(images), -1)


def _between(
    which: np.ndarray, place: np.ndarray, side: int, stride: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Find the pixels around the points of `warp`.

    Returns:
        What `_read` takes: indices of the pixels at the upper left, and the shares (m, points) of
        the pixels to the right and below; and whether each point is inside.
    """
    at = place[:, :, :2] @ _points(side, stride) + place[:, :, 2:]
    inside = (np.abs(at) <= 1).all(1)
    at = np.clip((at + 1) * (side / 2) - 0.5, 0, side - 1.001)
    corner = np.floor(at)
    share = at - corner
    index = corner[:, 1] * side + corner[:, 0]
    index = index.astype(np.intp) + (which * side**2)[:, None]
    return (index, share[:, 0], share[:, 1]), inside


def _read(images: np.ndarray, index: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = images.shape[1]
    flat = images.reshape(-1)
    top, bottom = flat.take(index), flat.take(index + side)
    top = top + (flat.take(index + 1) - top) * x
    bottom = bottom + (flat.take(index + side + 1) - bottom) * x
    value: np.ndarray = top + (bottom - top) * y
    return value


def _correlation(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> np.ndarray:
    count = np.maximum(where.sum(1, dtype=np.float32), 1)
    a, b = a * where, b * where
    mean_a, mean_b = a.sum(1) / count, b.sum(1) / count
    together, own, other = (np.einsum("np,np->n", x, y) for x, y in ((a, b), (a, a), (b, b)))
    spread = (own - count * mean_a**2) * (other - count * mean_b**2) + (_FAINTEST * count) ** 2
    correlation: np.ndarray = (together - count * mean_a * mean_b) / np.sqrt(spread)
    return correlation


def _blur(images: np.ndarray, window: int) -> np.ndarray:
    """Average over a window twice, which is nearly a bell; the image is mirrored at its borders."""
    blur = _blur_matrix(images.shape[1], window)
    blurred: np.ndarray = blur @ images @ blur.T
    return blurred


@cache
def _blur_matrix(side: int, window: int) -> np.ndarray:
    """Return what blurs columns: a product of two matrices of this size is faster than a filter."""
    from scipy.ndimage import uniform_filter1d

    once = uniform_filter1d(np.eye(side, dtype=np.float32), window, 0, mode="reflect")
    twice: np.ndarray = uniform_filter1d(once, window, 0, mode="reflect")
    return twice

"""The size of the images that a file takes, as each runtime describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract_rules import MOST_SIDE
from tlearn.errors import ExportError, quoted


def image_shape(
    path: Path, inputs: Mapping[str, Sequence[Any]], name: str | None = None
) -> tuple[int, ...]:
    """Return (height, width, channels) of a file's only input.

    Args:
        path: The artifact, for the error message.
        inputs: Shapes of all inputs by name; what is not an integer is a size known only later.
        name: The name that the input must have, if the runtime needs one.

    Raises:
        ExportError: There is another number of inputs, or the one is not an image.
    """
    if len(inputs) == 1 and name in (None, *inputs):
        (sides,) = (tuple(shape[1:]) for shape in inputs.values())
        if len(sides) == 3 and all(map(_is_side, sides)):
            return sides
    named = f" named {name!r}" if name else ""
    listed = ", ".join(f"{key!r} {shape}" for key, shape in inputs.items())
    raise ExportError(
        f"{quoted(path)} takes {listed}; expected one image{named}",
        "name a file that was written by: tlearn export RUN",
    )


def _is_side(side: Any) -> bool:
    return isinstance(side, int) and 0 < side <= MOST_SIDE


def sides_of(shape: Any) -> tuple[int | None, ...]:
    """Return OpenVINO's shape as integers, with None for a size known only later."""
    return tuple(None if side.is_dynamic else side.get_length() for side in shape)

"""Packages that only some formats need, and how they are installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from tlearn.errors import HostError

EXTRAS: dict[str, tuple[str, ...]] = {
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
    "openvino": ("openvino",),
}
"""Name of an extra of tlearn to the packages that come with it."""


def require_extra(extra: str, packages: tuple[str, ...] = ()) -> None:
    """Make sure that an extra is installed, without importing it.

    Args:
        extra: A key of EXTRAS.
        packages: The packages that are needed; all of the extra by default.

    Raises:
        HostError: One is missing; the hint says how to get it.
    """
    missing = [name for name in packages or EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise HostError(
            f"{extra} files need {', '.join(missing)}, not installed here",
            f"pip install 'tlearn[{extra}]'",
        )


def import_openvino() -> Any:
    """OpenVINO without its statistics.

    On import it would write an identifier into the home folder and report to its maker, unless
    the package that does so cannot be found.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino

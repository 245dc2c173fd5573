"""Optional packages, which only some formats and commands need."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from tlearn.errors import HostError

EXTRAS: dict[str, tuple[str, ...]] = {
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "serve": ("starlette", "uvicorn", "httptools", "python_multipart"),
    "board": ("tflite_micro", "ethosu"),
}
"""The packages that come with each extra of tlearn."""


def require_extra(extra: str, packages: tuple[str, ...] = ()) -> None:
    """Check that the packages of an extra are installed, without importing them.

    Args:
        extra: A key of EXTRAS.
        packages: The packages that are needed; by default all of the extra.

    Raises:
        HostError: One of them is not installed; the hint says how to install it.
    """
    missing = [name for name in packages or EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise HostError(
            f"packages of the extra {extra!r} are not installed: {', '.join(missing)}",
            f"install them from the folder of tlearn's source: pip install '.[{extra}]'",
        )


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    On import OpenVINO writes an identifier into the home folder and reports to its maker, unless
    the package that does so cannot be imported.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def import_onnxruntime() -> Any:
    """Import ONNX Runtime without its telemetry, which leaves a file in the temporary folder."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime

"""The modes of quantization, and what to try where one costs too much accuracy."""

from __future__ import annotations

MODES: dict[str, str] = {
    "none": "float32 throughout; answers as the model does",
    "float16": "weights in float16, half the size; computes in float32",
    "dynamic": "weights in int8, a quarter of the size; computes in float32 where it must",
    "int8": "weights and arithmetic in int8, bytes in and out; for DSPs, NPUs, small processors",
    "int8_float": "int8 inside, float32 in and out; for programs that feed floats",
}
"""Every mode with one line for a person. Weights in int8 have one scale per output channel:
with one scale per tensor MobileNetV2 falls from .89 to .08 on ImageNet classes."""

SMALLER = ("none", "float16", "dynamic", "int8")
"""The modes that differ in size, the largest first; "int8_float" has the size of "int8"."""

CALIBRATED = ("int8", "int8_float")
"""Modes whose ranges are set by images."""

_ENOUGH_IMAGES = 100


def what_to_try(mode: str, int8_note: str, n_images: int) -> tuple[str, ...]:
    """Return what may help where a mode costs too much accuracy.

    Args:
        mode: One of MODES.
        int8_note: What is known against int8 for the backbone, as the catalog has it.
        n_images: How many set the ranges.
    """
    if mode not in CALIBRATED:
        return {"dynamic": ("try --quantize float16",)}.get(mode, ())
    remedies = ["try --quantize dynamic or float16: they keep activations in float32"]
    if int8_note:
        remedies.append(f"train another backbone, mobilenet_v2 say (this one: {int8_note})")
    if n_images < _ENOUGH_IMAGES:
        remedies.append(f"train on more images: only {n_images} could set the ranges")
    return tuple(remedies)

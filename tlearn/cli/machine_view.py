"""What a machine has and how fast it is, for the terminal and as a document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import backbone_name, pluralize, size
from tlearn.cli.display.widgets import (
    DIM,
    bullets,
    heading,
    indented,
    key_value_table,
    next_step,
    safe_lines,
    safe_text,
    table,
)

if TYPE_CHECKING:
    from tlearn.commands.machine import Machine, Speed, Speeds

_NAMES = {
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "jax": "JAX",
    "litert": "LiteRT",
    "python": "Python",
}
_NEXT = "tlearn suggest FOLDER"


def to_json(machine: Machine, speeds: Speeds) -> dict[str, Any]:
    """Return the document: what there is, and what was measured."""
    return {"machine": asdict(machine), "speeds": asdict(speeds), "next": _NEXT}


def draw_machine(machine: Machine) -> list[RenderableType]:
    """Return what there is, in lines by name."""
    memory = "unknown" if machine.memory_bytes is None else size(machine.memory_bytes)
    installed = {name: version for name, version in machine.versions.items() if version}
    cache = machine.cache
    rows: dict[str, RenderableType] = {
        "system": safe_text(machine.system + ", in WSL2" * machine.wsl),
        "processor": safe_text(f"{machine.processor}, {pluralize(machine.cores, 'core')} to use"),
        "memory": Text(memory),
        "GPU": safe_lines("\n".join(machine.gpus) or "none of NVIDIA or Apple"),
        "versions": Text(
            ", ".join(f"{_NAMES.get(name, name)} {version}" for name, version in installed.items())
        ),
        "weights at hand": safe_text(", ".join(machine.weights)),
        "cache": safe_lines(
            f"{cache['folder']}\n{size(cache['bytes'])} of at most {size(cache['limit_bytes'])}; "
            f"{size(cache['free_bytes'])} are free on its disk"
        ),
    }
    return [heading("This machine"), indented(key_value_table(rows))]


def draw_speeds(speeds: Speeds, cores: int) -> list[RenderableType]:
    """Return what computes the two parts of the work, and how fast.

    Args:
        speeds: What was measured.
        cores: How many cores the processor has to use.
    """
    rows = table("part", "computed by", "images/s", right=(2,))
    rows.add_row("frozen, for features", *_cells(speeds.frozen, cores))
    rows.add_row("the whole, trained", *_cells(speeds.training, cores))
    measured = f"{backbone_name(speeds.backbone)} at {speeds.image_size} pixels"
    blocks: list[RenderableType] = [
        heading(f"What is used, and how fast it is with {measured}"),
        indented(rows),
    ]
    if speeds.engines:
        compared = (f"{_NAMES[name]} {rate:,.0f}" for name, rate in speeds.engines.items())
        blocks.append(indented(Text(f"the faster one of: {', '.join(compared)} images/s", DIM)))
    if speeds.advice:
        blocks += [Text(), indented(bullets(speeds.advice, "!"))]
    return [*blocks, next_step(_NEXT)]


def _cells(speed: Speed, cores: int) -> tuple[str, str]:
    on_processor = speed.devices == ("cpu",)
    devices = pluralize(cores, "core") if on_processor else ", ".join(speed.devices)
    return f"{_NAMES[speed.name]} on {devices}", f"{speed.images_per_second:,.0f}"

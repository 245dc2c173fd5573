"""An int8 file as sources in C++ for a board, run in TensorFlow Lite Micro before they are done."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.artifacts.contract import Contract, Tensor
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.micro import MicroRun, operators_of, output_names, run_micro, slimmed
from tlearn.confidence.answers import Answers
from tlearn.data.targets import CLASSES
from tlearn.errors import ExportError
from tlearn.export.boards import Board, find_board
from tlearn.export.comparison import compare, gate
from tlearn.export.inputs import ExportInputs
from tlearn.export.snippets import render, template_values
from tlearn.export.target_comparison import compare_targets
from tlearn.export.vela import VelaFile, compile_for_npu, vela_command
from tlearn.storage.atomic import TEXT_ENCODING, write_atomic

SOURCES = (
    *("model_data.h", "model_data.cc", "model.h", "answer.h", "image.h", "image.cc"),
    *("self_test.h", "self_test.cc", "main.cc"),
)
CAMERA = "camera.cc"
"""The one source that is a person's own; it is written once."""

MARGIN = 0.1
"""Of the arena, for what a board's own kernels and alignment take more."""

_NPU_BYTES = 32 * 1024  # structures of TensorFlow Lite Micro around the NPU's one operator
_MOST_GOLDEN = 3
_PER_LINE = 20
_PLAIN = frozenset(string.ascii_letters + string.digits + " _-+.,:;()[]")


@dataclass(frozen=True)
class BoardFiles:
    """The sources for a board, and what was measured of them.

    Attributes:
        board: Name of the board.
        folder: With the sources; they are not there where the network failed.
        failure: Why it may not be used, or nothing; see `comparison.gate`.
        model_bytes: Flash that the network takes.
        arena_bytes: RAM that the sources reserve for it.
        measured_bytes: RAM that it took in TensorFlow Lite Micro here; with an NPU, that Vela
            counts.
        operators: What the network computes with, and how often.
        accuracy: In TensorFlow Lite Micro, on the images that the export is checked on.
        accuracy_drop: That of the model minus this one.
        n_checked: How many images these are.
        refused: Share of them that are "none of these"; None where nothing is refused.
        n_on_cpu: Operators that an NPU leaves to the processor; None without an NPU.
        vela: The command that compiles the file for the NPU; empty without one.
    """

    board: str
    folder: Path
    failure: str
    model_bytes: int
    arena_bytes: int
    measured_bytes: int
    operators: dict[str, int]
    accuracy: float
    accuracy_drop: float
    n_checked: int
    refused: float | None = None
    n_on_cpu: int | None = None
    vela: str = ""

    @property
    def fits(self) -> bool:
        """Return whether a usual board of this name has the memory."""
        board = find_board(self.board)
        return self.model_bytes <= board.flash_bytes and self.arena_bytes <= board.ram_bytes


def write_board(model: Path, board: str, inputs: ExportInputs) -> BoardFiles:
    """Write the folder `BOARD/` beside an int8 file: sources of a program that uses it.

    Before, TensorFlow Lite Micro runs the network on the images that every export is checked on:
    its kernels round otherwise than LiteRT's, and those of boards as they do.

    Args:
        model: The file, with its contract beside it.
        board: One of `boards.BOARDS`.
        inputs: What the file was made of.

    Raises:
        ExportError: The network cannot run on boards.
        HostError: An extra is missing, or the folder cannot be written to.
    """
    to, (contract, _), content = find_board(board), read_contract(model), model.read_bytes()
    names, flashed, operators = output_names(content), slimmed(content), operators_of(content)
    golden = _golden(inputs)
    run = run_micro(flashed, names, [*inputs.check.pixels, *golden])
    n, known = len(inputs.check.labels), contract.known
    outputs = run.outputs[contract.output.name]
    answers = Answers(
        _values(outputs[:n], contract.output),
        _values(run.outputs[known.name][:n, 0], known) if known else None,
    )
    comparison = (compare if inputs.task == CLASSES else compare_targets)(inputs, answers)
    least = _least_known(run.outputs[known.name][:n, 0], inputs.refuse) if known else 0
    files = BoardFiles(
        board=board,
        folder=model.parent / board,
        failure=gate(comparison, inputs.max_drop),
        model_bytes=len(flashed),
        arena_bytes=_reserved(run.arena_bytes, to),
        measured_bytes=run.arena_bytes,
        operators=operators,
        accuracy=comparison.accuracy,
        accuracy_drop=comparison.accuracy_drop,
        n_checked=n,
        refused=float(np.mean(run.outputs[known.name][:n] < least)) if known else None,
    )
    if files.failure:
        return files
    if to.accelerator:
        npu = compile_for_npu(model, to.accelerator)
        # As it is: its metadata say where in the arena the NPU looks for its values.
        flashed, operators = npu.content, operators_of(npu.content)
        files = _on_npu(files, len(flashed), npu, vela_command(model.name, to.accelerator))
    values = template_values(model) | _template_values(contract, files, names)
    values |= {"operators": operators, "data": _in_c(flashed), "least_known": least}
    values["golden"] = [
        _golden_in_c(pixels, run, row, contract) for row, pixels in enumerate(golden, start=n)
    ]
    own = [] if (files.folder / CAMERA).exists() else [CAMERA]
    for name in (*SOURCES, *own):
        write_atomic(files.folder / name, render(f"board/{name}.j2", values))
    return files


def ensure_int8(mode: str, board: str) -> None:
    """Check that a board takes files of a mode.

    Raises:
        ExportError: It computes in floats, or takes them.
    """
    if mode != "int8":
        written = "float32" if mode == "none" else mode.replace("_", "-")
        raise ExportError(
            f"--for {board} takes int8 files, not {written}: what computes fast on it knows no "
            "floats",
            f"leave out --quantize: tlearn export --for {board}",
        )


def _golden(inputs: ExportInputs) -> list[np.ndarray]:
    """Return images for the self-test; noise where the run keeps none to show."""
    side = inputs.preprocessing.image_size
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return [image.pixels for image in inputs.golden[:_MOST_GOLDEN]] or [noise]


def _values(steps: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Return what bytes stand for."""
    values = (tensor.scale or 1) * (steps.astype(np.float32) - (tensor.zero_point or 0))
    return np.asarray(values, np.float32)


def _least_known(known: np.ndarray, refuse: float) -> int:
    """Return the byte of `known` from which on images are answered: all but a share of one's own.

    Int8 shifts `known`, so that the share itself is no threshold; where it is the same for all
    images, nothing is refused, and where no share of them is, no stranger either.
    """
    return int(np.quantile(known, refuse, method="lower")) if refuse else 0


def _reserved(measured: int, board: Board) -> int:
    """Return the arena with its margin, in whole kibibytes."""
    return math.ceil((measured * (1 + MARGIN) + _scratch(measured, board)) / 1024) * 1024


def _scratch(measured: int, board: Board) -> int:
    """Return what a board's own kernels ask for: copies of activations, so not beyond these."""
    return min(board.scratch_bytes, measured)


def _on_npu(files: BoardFiles, model_bytes: int, npu: VelaFile, command: str) -> BoardFiles:
    measured = npu.sram_bytes + _NPU_BYTES
    return replace(
        files,
        model_bytes=model_bytes,
        measured_bytes=measured,
        arena_bytes=_reserved(measured, find_board(files.board)),
        n_on_cpu=npu.n_on_cpu,
        vela=command,
    )


def _template_values(contract: Contract, files: BoardFiles, names: Sequence[str]) -> dict[str, Any]:
    """Return what the templates need beside what programs for phones do."""
    board = find_board(files.board)
    copies = _scratch(files.measured_bytes, board)
    scratch = f" and {copies} for the copies that kernels make" * bool(copies)
    how = "counted by Vela" if files.vela else "measured in TensorFlow Lite Micro"
    return {
        "board": board,
        "arena": files.arena_bytes,
        "arena_in_words": f"{files.measured_bytes} bytes {how}, and {MARGIN:.0%} more{scratch}",
        "size_bytes": files.model_bytes,
        "labels": [_c_string(label) for label in contract.labels],
        "input": contract.input,
        "output_index": names.index(contract.output.name),
        "known_index": names.index(contract.known.name) if contract.known else None,
        "steps": math.floor(contract.tolerance / (contract.output.scale or 1)),
        "tolerance": contract.tolerance,
    }


def _golden_in_c(pixels: np.ndarray, run: MicroRun, row: int, contract: Contract) -> dict[str, Any]:
    """Return an image of the self-test with the answer in a row of what was run."""
    known = contract.known
    return {
        "pixels": _in_c(pixels.tobytes()),
        "output": run.outputs[contract.output.name][row].tolist(),
        "known": int(run.outputs[known.name][row, 0]) if known else None,
    }


def _in_c(content: bytes) -> str:
    """Return bytes as the inside of an array in C."""
    rows = (content[start : start + _PER_LINE] for start in range(0, len(content), _PER_LINE))
    return ",\n    ".join(",".join(map(str, row)) for row in rows)


def _c_string(text: str) -> str:
    """Return a literal in C; whatever is no plain letter is written as its bytes."""
    encoded = text.encode(**TEXT_ENCODING)
    inside = (chr(byte) if chr(byte) in _PLAIN else f"\\{byte:03o}" for byte in encoded)
    return f'"{"".join(inside)}"'

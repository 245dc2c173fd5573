"""A file compiled for an NPU of the Ethos-U series, by Arm's compiler Vela."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tlearn.artifacts.extras import require_extra
from tlearn.artifacts.micro import ETHOS_U, operators_of
from tlearn.errors import ExportError, quoted

_CALL = "import sys; from ethosu.vela.vela import main; sys.exit(main())"
_SRAM_COLUMN = "sram_memory_used"


@dataclass(frozen=True, eq=False)
class VelaFile:
    """What Vela made of a file.

    Attributes:
        content: The file that it wrote.
        n_operators: In the file that it was given.
        n_on_cpu: That are left to the processor.
        sram_bytes: Memory for activations.
    """

    content: bytes
    n_operators: int
    n_on_cpu: int
    sram_bytes: int


def vela_command(model: str, accelerator: str) -> str:
    """Return the command line that compiles a file in the same way."""
    return f"vela {model} --accelerator-config {accelerator}"


def compile_for_npu(model: Path, accelerator: str) -> VelaFile:
    """Compile a quantized file for an NPU.

    Args:
        model: The file; it is left as it is.
        accelerator: "ethos-u55-64", ...

    Raises:
        ExportError: Vela refuses the file.
        HostError: Vela is not installed.
    """
    require_extra("board", ("ethosu",))
    with tempfile.TemporaryDirectory() as folder:
        options = ["--accelerator-config", accelerator, "--output-dir", folder]
        done = subprocess.run(
            [sys.executable, "-c", _CALL, str(model), *options], capture_output=True, text=True
        )
        written = Path(folder, f"{model.stem}_vela.tflite")
        if done.returncode or not written.exists():
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise ExportError(
                f"{quoted(model)} cannot be compiled by Vela: {lines[-1][:300]}",
                "choose a backbone of plain convolutions: --backbone mobilenet_v2",
            )
        content = written.read_bytes()
        (summary,) = Path(folder).glob("*_summary_*.csv")
        with summary.open(newline="") as table:
            (row,) = csv.DictReader(table)
    left = sum(count for name, count in operators_of(content).items() if name != ETHOS_U)
    n_operators = sum(operators_of(model.read_bytes()).values())
    return VelaFile(content, n_operators, left, round(float(row[_SRAM_COLUMN]) * 1024))

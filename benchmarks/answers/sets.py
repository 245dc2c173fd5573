"""Do sets of answers hold the truth as often as they promise, on test images?

    python -m benchmarks.answers.sets FOLDER ... [--weights MOBILENETV2.h5] [--sizes 25,60]
        [--policy linear_head] [--int8]

Thresholds come from validation images. "holds" is the share of test images whose set holds the
truth, with its exact 95% interval; "p" the probability of so few hits if the promise holds, which
counts that the threshold is an estimate too. With --int8 the int8 file is measured as well, with
thresholds of its own.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import binomtest

from benchmarks.answers.cells import Cell, cells
from benchmarks.answers.files import export_inputs, pixels
from tlearn.artifacts.runtime import run_artifact
from tlearn.confidence.answer_sets import AnswerSets, Coverage, measure_coverage, promise_sets
from tlearn.export.write import write_and_check

Row = tuple[str, Coverage, int]
"""A kind of file, a promise that was measured, and the images that it was made on."""


def measure(
    kind: str, sets: tuple[AnswerSets, ...], probabilities: np.ndarray, labels: np.ndarray
) -> list[Row]:
    """Hold promises against test images."""
    return [(kind, measure_coverage(promise, probabilities, labels), promise.n) for promise in sets]


def measure_int8(cell: Cell) -> list[Row]:
    """Export an int8 file with promises of its own, and hold them against test images."""
    with export_inputs(cell, calibrate=True) as inputs, TemporaryDirectory() as folder:
        artifact = write_and_check(inputs, Path(folder), ("tflite", "int8"))
        answers = run_artifact(artifact.path, pixels(cell, "test"))
    return measure("int8", artifact.sets, answers.probabilities, cell.labels["test"])


def main() -> None:
    """Print a row for each promise, and a summary."""
    print(f"{'folder':20} size file  promise  from  holds  interval       p      size    n")
    table: list[Coverage] = []
    for name, size, cell, given in cells(__doc__, "--int8"):
        val, test = cell.answers("val").probabilities, cell.answers("test").probabilities
        sets = promise_sets(val, cell.labels["val"])
        rows = measure("float", sets, test, cell.labels["test"])
        for kind, kept, n in rows + (measure_int8(cell) if given.int8 else []):
            table.append(kept)
            interval = binomtest(round(kept.coverage * kept.n), kept.n).proportion_ci()
            print(
                f"{name:20} {size:4} {kind:5} {kept.level:7.0%} {n:5}  {kept.coverage:5.3f}  "
                f"{interval.low:.3f}-{interval.high:.3f} {kept.p_value:7.3f} "
                f"{kept.mean_size:8.2f} {kept.n:4}{'' if kept.holds else '  broken'}",
                flush=True,
            )
    for level in sorted({kept.level for kept in table}):
        kept = [row for row in table if row.level == level]
        broken = sum(not row.holds for row in kept)
        print(
            f"{level:.0%}: {broken} of {len(kept)} broken; they hold "
            f"{np.mean([row.coverage for row in kept]):.3f} with "
            f"{np.mean([row.mean_size for row in kept]):.2f} answers, mean; "
            f"p < .05 in {sum(row.p_value < 0.05 for row in kept)}"
        )


if __name__ == "__main__":
    main()

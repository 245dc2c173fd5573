"""Are probabilities true on test images, and no worse than before calibration?

    python -m benchmarks.answers.calibration FOLDER ... [--weights MOBILENETV2.h5]
        [--sizes 25,60] [--policy linear_head]

"before" and "after" are the expected calibration error, "chance" what a perfectly calibrated model
shows on as many images; "nats" is the log loss. A row ends with "worse" where both rose.
"""

from __future__ import annotations

import numpy as np

from benchmarks.answers.cells import cells
from tlearn.confidence.temperature import with_temperature
from tlearn.evaluation.calibration import log_losses, measure_calibration


def main() -> None:
    """Print a row for each cell, and the means of each size."""
    print(f"{'folder':20} size   n  right     T  before  after  chance  nats before  after")
    rows: dict[int, list[list[float]]] = {}
    for name, size, cell, _ in cells(__doc__):
        after, labels = cell.answers("test").probabilities, cell.labels["test"]
        temperature = cell.fitted.calibration.temperature.value
        errors, losses = [], []
        for p in (with_temperature(after, 1 / temperature), after):
            errors.append(measure_calibration(p.max(axis=1), p.argmax(axis=1) == labels))
            losses.append(float(log_losses(p, labels).mean()))
        row = [errors[0].error, errors[1].error, errors[1].by_chance, *losses]
        rows.setdefault(size, []).append(row)
        worse = row[1] > row[0] and row[4] > row[3]
        right = float((after.argmax(axis=1) == labels).mean())
        print(
            f"{name:20} {size:4} {len(labels):4} {right:5.3f} {temperature:5.2f}  {row[0]:6.3f} "
            f"{row[1]:6.3f}  {row[2]:6.3f}  {row[3]:11.3f} {row[4]:6.3f}{'  worse' * worse}",
            flush=True,
        )
    for size, measured in rows.items():
        before, after, chance, *losses = np.mean(measured, axis=0)
        print(
            f"{'mean':20} {size:4} {'':17} {before:6.3f} {after:6.3f}  {chance:6.3f}  "
            f"{losses[0]:11.3f} {losses[1]:6.3f}"
        )


if __name__ == "__main__":
    main()

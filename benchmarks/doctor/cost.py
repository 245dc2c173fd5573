"""What does the examination cost, beside the commands that it belongs to?

    python -m benchmarks.doctor.cost FOLDER [--flags "--image-size 96"] [--rounds 5]

Whole processes with an empty store of pixels and features and the backbone prepared, one after the
other in each round; medians. "short part" is what every `suggest` and `finetune` does.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "suggest": ["suggest"],
    "doctor": ["doctor"],
    "finetune": ["finetune", "--policy", "linear-head"],
    "finetune without the short part": ["finetune", "--policy", "linear-head"],
}
PROGRAM = """
import sys
from tlearn.__main__ import main
if sys.argv.pop(1) == "without":
    import tlearn.data.dataset as dataset
    dataset.find_copies = lambda *_, **__: ()
main()
"""


def run(name: str, folder: Path, scratch: Path, flags: list[str]) -> float:
    """Return the seconds of one process."""
    for store in ("pixels", "features", "probes"):
        shutil.rmtree(scratch / "cache" / store, ignore_errors=True)
    words = [*COMMANDS[name], str(folder), *flags, "--json"]
    if "suggest" not in words:
        words += ["--out", str(scratch / name)]
        shutil.rmtree(scratch / name, ignore_errors=True)
    part = "without" if "without" in name else "with"
    line = [sys.executable, "-c", PROGRAM, part, *words]
    environment = os.environ | {"TLEARN_CACHE": str(scratch / "cache")}
    began = time.perf_counter()
    subprocess.run(line, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flags", default="", help="choose a backbone and its size")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(asked.rounds + 1):  # the first prepares the backbone
            for name, times in seconds.items():
                spent = run(name, asked.folder, Path(scratch), shlex.split(asked.flags))
                times += [spent] * (number > 0)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print("| command | seconds |\n|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.1f} |")
    print(f"\ndoctor / suggest: {medians['doctor'] / medians['suggest']:.2f}")
    without = medians["finetune without the short part"]
    print(f"finetune with / without the short part: {medians['finetune'] / without:.2f}")


if __name__ == "__main__":
    main()

"""Does memory grow with the folder? Peak memory of commands on 2,000 and on 20,000 images.

    python -m benchmarks.memory WEIGHTS [--size 96]

Images are generated. Every measurement is a process of its own, with the backbone prepared and no
stored pixels or features.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.conftest import SHAPES, draw_image

COUNTS = (2_000, 20_000)
COMMANDS = {
    "suggest": ["suggest"],
    "linear_head": ["finetune", "--policy", "linear_head"],
    "top_stages": ["finetune", "--policy", "top_stages", "--epochs", "1"],
    "deep": ["finetune", "--policy", "deep", "--epochs", "1"],
    "doctor": ["doctor"],
}


def write_folder(root: Path, count: int) -> Path:
    """Write `count` generated images in five classes; return their folder."""
    for label, shape in enumerate(SHAPES):
        (root / shape).mkdir(parents=True)
        for index in range(count // len(SHAPES)):
            image = draw_image(shape, 100_000 * label + index, 96)
            image.save(root / shape / f"{index}.jpg")
    return root


def peak_megabytes(command: list[str], cache: Path) -> float:
    """Return the largest resident memory of a process, in MB."""
    with open(os.devnull, "wb") as sink:
        files = [(os.POSIX_SPAWN_DUP2, sink.fileno(), number) for number in (1, 2)]
        environment = os.environ | {"TLEARN_CACHE": str(cache)}
        child = os.posix_spawn(command[0], command, environment, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", default="96")
    arguments = parser.parse_args()
    common = ["--weights", str(arguments.weights), "--image-size", arguments.size, "--json"]
    print("| command | 2,000 images | 20,000 images | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folders = {count: write_folder(Path(scratch, str(count)), count) for count in COUNTS}
        cache = Path(scratch, "cache")
        for name, command in COMMANDS.items():
            out = [] if name == "suggest" else ["--out", str(Path(scratch, name))]
            out += ["--overwrite"] * (command[0] == "finetune")
            peaks = []
            for count in (COUNTS[0], *COUNTS):  # the first prepares the backbone
                for store in ("pixels", "features"):
                    shutil.rmtree(cache / store, ignore_errors=True)
                line = [sys.executable, "-m", "tlearn", command[0], str(folders[count])]
                peaks.append(peak_megabytes([*line, *command[1:], *common, *out], cache))
            print(
                f"| {name} | {peaks[1]:.0f} MB | {peaks[2]:.0f} MB | {peaks[2] / peaks[1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

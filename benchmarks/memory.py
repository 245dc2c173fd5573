"""Peak memory of a command on 1,000 and on 10,000 drawn pictures: the folder must not matter.

    python -m benchmarks.memory WEIGHTS [--size 96]

Every row is a process of its own; each begins with an empty store and the backbone prepared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.conftest import SHAPES, draw_image

COUNTS = (1_000, 10_000)
COMMANDS = {
    "suggest": ["suggest"],
    "linear_head": ["finetune", "--policy", "linear_head"],
    "top_stages": ["finetune", "--policy", "top_stages", "--set", "epochs=1"],
}


def draw_folder(root: Path, count: int) -> Path:
    """`count` pictures in five classes."""
    for label, shape in enumerate(SHAPES):
        (root / shape).mkdir(parents=True)
        for index in range(count // len(SHAPES)):
            image = draw_image(shape, 100_000 * label + index, 96)
            image.save(root / shape / f"{index}.jpg")
    return root


def peak(command: list[str], cache: Path) -> float:
    """Largest resident memory of a process, in MB."""
    with open(os.devnull, "wb") as sink:
        files = [(os.POSIX_SPAWN_DUP2, sink.fileno(), number) for number in (1, 2)]
        environment = os.environ | {"TLEARN_CACHE": str(cache)}
        child = os.posix_spawn(command[0], command, environment, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", default="96")
    chosen = parser.parse_args()
    common = ["--weights", str(chosen.weights), "--image-size", chosen.size, "--json"]
    print("| command | 1,000 pictures | 10,000 pictures | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folders = {count: draw_folder(Path(scratch, str(count)), count) for count in COUNTS}
        cache = Path(scratch, "cache")
        for name, words in COMMANDS.items():
            out = [] if name == "suggest" else ["--out", str(Path(scratch, "run")), "--overwrite"]
            found = []
            for count in (COUNTS[0], *COUNTS):  # the first prepares the backbone
                for store in ("pixels", "features"):
                    shutil.rmtree(cache / store, ignore_errors=True)
                line = [sys.executable, "-m", "tlearn", words[0], str(folders[count])]
                found.append(peak([*line, *words[1:], *common, *out], cache))
            print(
                f"| {name} | {found[1]:.0f} MB | {found[2]:.0f} MB | {found[2] / found[1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

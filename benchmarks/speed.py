"""How fast is tlearn? Whole processes against plain Keras scripts, on the same images.

    python -m benchmarks.speed FOLDER WEIGHTS --size 160 [--scripts careful tutorial]

Every row is a process of its own, imports included; accuracy is on the same held-out images.
"first" starts with an empty cache and a backbone never used on this machine, "cold" has the
backbone prepared but none of the images, "warm" follows another command on the same images.
"floor" is what a cold linear head cannot do without: imports, decoding every image once, one pass
through the frozen network.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

POLICIES = ("linear_head", "top_stages", "deep", "auto")
IMPORTS = "import tlearn.api, tlearn.commands.train, ai_edge_litert.interpreter, scipy.optimize"


def timed(command: list[str], cache: Path) -> tuple[dict[str, Any], float]:
    """Return the JSON that a command prints, and the seconds that its process took."""
    environment = os.environ | {"TLEARN_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(process.stdout), time.perf_counter() - started


def import_seconds() -> float:
    """Return the seconds of a process that imports what a cold linear head needs, and ends."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - started


class Bench:
    """Commands of tlearn and of plain Keras on one folder, with a cache of their own.

    Args:
        arguments: The command line of the benchmark.
        scratch: Folder for the cache and the run.
    """

    def __init__(self, arguments: argparse.Namespace, scratch: Path) -> None:
        self.cache, self.run = scratch / "cache", scratch / "run"
        self.tlearn = [sys.executable, "-m", "tlearn"]
        self.arguments = [str(arguments.folder), "--weights", str(arguments.weights), "--json"]
        self.arguments += ["--image-size", str(arguments.size), "--seed", arguments.seed]
        self.plain = [sys.executable, "-m", "benchmarks.plain_keras"]
        self.plain += [str(self.run / "split.csv"), str(arguments.folder), str(arguments.weights)]
        self.plain += ["--size", str(arguments.size)]

    def forget_images(self) -> None:
        """Remove everything stored of the images; the backbone stays prepared."""
        for store in ("pixels", "features"):
            shutil.rmtree(self.cache / store)

    def suggest(self) -> None:
        """Measure `tlearn suggest`."""
        document, seconds = timed([*self.tlearn, "suggest", *self.arguments], self.cache)
        print_row(f"tlearn suggest, cold: {document['policy']}", None, seconds)

    def finetune(self, policy: str, state: str) -> dict[str, Any]:
        """Measure `tlearn finetune`; return the seconds that it reports by step."""
        command = ["finetune", *self.arguments, "--out", str(self.run), "--overwrite"]
        document, seconds = timed([*self.tlearn, *command, "--policy", policy], self.cache)
        name = f"auto ({document['policy']})" if policy == "auto" else policy
        accuracy = document["test_accuracy"] or document["val_accuracy"]
        print_row(f"tlearn {name}, {state}", accuracy, seconds)
        return document["timings"]

    def script(self, name: str) -> None:
        """Measure a plain Keras script."""
        document, seconds = timed([*self.plain, "--script", name], self.cache)
        print_row(f"{name}, frozen", document["frozen"], document["frozen_seconds"])
        print_row(f"{name}, tuned", document["tuned"], seconds)


def print_row(job: str, accuracy: float | None, seconds: float) -> None:
    """Print a row of the table."""
    shown = "" if accuracy is None else f"{accuracy:.3f}"
    print(f"| {job} | {shown} | {seconds:.1f} |", flush=True)


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", default="0", help="of tlearn's split and training")
    parser.add_argument("--policies", nargs="*", default=POLICIES)
    parser.add_argument("--scripts", nargs="*", default=["careful"])
    arguments = parser.parse_args()
    print(f"{arguments.folder.name} at {arguments.size} pixels\n")
    print("| job | accuracy | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(arguments, Path(scratch))
        import_seconds()  # reading the libraries from disk the first time is not measured
        bench.finetune("linear_head", "first")
        bench.forget_images()
        spent = bench.finetune("linear_head", "cold")
        print_row("floor of that", None, spent["decode"] + spent["features"] + import_seconds())
        bench.forget_images()
        bench.suggest()
        for policy in arguments.policies:
            bench.finetune(policy, "warm")
        for name in arguments.scripts:
            bench.script(name)


if __name__ == "__main__":
    main()

"""tlearn against the careful and the tutorial script: whole processes, same pictures, one run.

    python -m benchmarks.speed FOLDER WEIGHTS --size 160 [--scripts careful tutorial]

Every row is a process of its own, imports counted; accuracy is on the same held-out pictures.
"first" begins with an empty cache and a backbone this machine has never used, "cold" knows the
backbone but none of the pictures, "warm" comes after another command on the same pictures.
"floor" is what a cold linear_head cannot do without: imports, one decoding of every picture, one
pass of the frozen network.
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
IMPORTS = "import tlearn.api, tlearn.finetuning, ai_edge_litert.interpreter, scipy.optimize"


def timed(command: list[str], cache: Path) -> tuple[dict[str, Any], float]:
    """The JSON that a command prints, and the seconds its process took."""
    environment = os.environ | {"TLEARN_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), time.perf_counter() - started


def imports() -> float:
    """Seconds of a process that imports what a cold linear_head needs and does nothing."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - started


class Bench:
    """Both sides on one folder, in a cache of their own."""

    def __init__(self, chosen: argparse.Namespace, scratch: Path) -> None:
        self.cache, self.run = scratch / "cache", scratch / "run"
        self.tlearn = [sys.executable, "-m", "tlearn"]
        self.asked = [str(chosen.folder), "--weights", str(chosen.weights), "--json"]
        self.asked += ["--image-size", str(chosen.size), "--seed", chosen.seed]
        self.plain = [sys.executable, "-m", "benchmarks.plain_keras"]
        self.plain += [str(self.run / "split.csv"), str(chosen.folder), str(chosen.weights)]
        self.plain += ["--size", str(chosen.size)]

    def forget_images(self) -> None:
        for kept in ("pixels", "features"):
            shutil.rmtree(self.cache / kept)

    def suggest(self) -> None:
        found, seconds = timed([*self.tlearn, "suggest", *self.asked], self.cache)
        row(f"tlearn suggest, cold: {found['policy']}", None, seconds)

    def finetune(self, policy: str, store: str) -> dict[str, Any]:
        words = ["finetune", *self.asked, "--out", str(self.run), "--overwrite"]
        found, seconds = timed([*self.tlearn, *words, "--policy", policy], self.cache)
        name = f"auto ({found['policy']})" if policy == "auto" else policy
        row(f"tlearn {name}, {store}", found["test_accuracy"] or found["val_accuracy"], seconds)
        return found["timings"]

    def script(self, name: str) -> None:
        found, seconds = timed([*self.plain, "--script", name], self.cache)
        row(f"{name}, frozen", found["frozen"], found["frozen_seconds"])
        row(f"{name}, tuned", found["tuned"], seconds)


def row(job: str, accuracy: float | None, seconds: float) -> None:
    shown = "" if accuracy is None else f"{accuracy:.3f}"
    print(f"| {job} | {shown} | {seconds:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", default="0", help="of tlearn's split and training")
    parser.add_argument("--policies", nargs="*", default=POLICIES)
    parser.add_argument("--scripts", nargs="*", default=["careful"])
    chosen = parser.parse_args()
    print(f"{chosen.folder.name} at {chosen.size} pixels\n")
    print("| job | accuracy | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(chosen, Path(scratch))
        imports()  # what the system must read from disk once is nobody's time
        bench.finetune("linear_head", "first")
        bench.forget_images()
        spent = bench.finetune("linear_head", "cold")
        row("floor of that", None, spent["decode"] + spent["features"] + imports())
        bench.forget_images()
        bench.suggest()
        for policy in chosen.policies:
            bench.finetune(policy, "warm")
        for name in chosen.scripts:
            bench.script(name)


if __name__ == "__main__":
    main()

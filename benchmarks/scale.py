"""What do a million images cost, beside decoding them and running the network?

    python -m benchmarks.scale [--counts 10000 100000 1000000] [--width 1280] [--images FOLDER]

Files are empty, keys and features are drawn: there are no images. Each step is a process of its
own; seconds are those of the processor, so that other processes hardly disturb them, and the peak
is that of resident memory. With --images, the constant that the rest is compared with: what
decoding and the built-in network cost for an image of that folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from tlearn.commands.features import features, shard_number
from tlearn.data.image_folder import list_names, scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import read_manifest, write_manifest
from tlearn.data.sampling import train_folds
from tlearn.data.split import make_split
from tlearn.features.extractor import EMBEDDING, FeatureExtractor, StageInfo
from tlearn.features.features import Features, HeadProblem
from tlearn.features.store import BATCH, FeatureStore

CLASSES, PENALTY = 10, 0.01


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def make_files(folder: Path, count: int, width: int) -> None:
    for label in range(CLASSES):
        (folder / "images" / f"class {label}").mkdir(parents=True)
        for number in range(label, count, CLASSES):
            os.close(os.open(f"{folder}/images/class {label}/{number}.jpg", os.O_CREAT))


def list_shard(folder: Path, count: int, width: int) -> None:
    _, names = list_names(folder / "images", lambda: folder)
    assert sum(shard_number(name, 8) == 3 for name in names) > count / 10


def scan_and_split(folder: Path, count: int, width: int) -> None:
    images = scan(folder / "images")
    numbers = range(len(images.images))
    infos = [ImageInfo(key(n), 640, 480, "JPEG", False, pixels=key(-n)) for n in numbers]
    manifest = make_split(images, infos)
    write_manifest(manifest, folder / "split.csv")
    train_folds(read_manifest(folder / "split.csv"), seed=0)


def store_of(folder: Path, width: int) -> FeatureStore:
    return FeatureStore(folder, "drawn", "squash", (width,), "float32")


def fill(folder: Path, count: int, width: int) -> None:
    """Append rows batch by batch: classes that overlap, in a random layer with ReLU."""
    table, rng = store_of(folder, width).table, np.random.default_rng(0)
    scale = np.arange(1, 129) ** -0.5
    centers, layer = rng.normal(size=(CLASSES, 128)) * scale, rng.normal(size=(128, width))
    layer = layer.astype(np.float32)
    for start in range(0, count, BATCH):
        numbers = np.arange(start, min(start + BATCH, count))
        latent = centers[numbers % CLASSES] + 2 * rng.normal(size=(len(numbers), 128)) * scale
        rows = np.maximum(latent.astype(np.float32) @ layer / 2 - 1, 0)
        table.append([key(n) for n in numbers.tolist()], rows)


def open_table(folder: Path, count: int, width: int) -> None:
    assert len(store_of(folder, width).table) == count


def check_rows(folder: Path, count: int, width: int) -> None:
    assert not store_of(folder, width).table.missing(map(key, range(count)))


def solve(folder: Path, count: int, width: int) -> None:
    stage = StageInfo("stage 1", 1, 1, width, 0, 0)
    extractor = FeatureExtractor(folder, "", 1, (stage,), ((EMBEDDING, width),))
    keys = [key(n) for n in range(count)]
    stored = Features(extractor, store_of(folder, width), keys, lambda _: sys.exit("no engine"))
    problem = HeadProblem([1], keys, np.arange(count) % CLASSES, CLASSES)
    head = stored.solve(problem, PENALTY)
    seen = np.arange(0, count, max(1, count // 10_000))
    answers = head.probabilities(stored.embeddings(seen))
    print(json.dumps({"accuracy": float((answers.argmax(1) == seen % CLASSES).mean())}))


STEPS: dict[str, Callable[[Path, int, int], None]] = {
    "make empty files": make_files,
    "list one shard of eight": list_shard,
    "scan, split, manifest, folds": scan_and_split,
    "append rows": fill,
    "open the table": open_table,
    "check every row": check_rows,
    "solve the head": solve,
}


def run(step: str, folder: Path, count: int, width: int) -> None:
    """Do one step in this process, and print its seconds."""
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with threadpool_limits(1):  # waiting threads of BLAS count, too
        STEPS[step](folder, count, width)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall, peak = time.perf_counter() - started, after.ru_maxrss / 1e3
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak}), flush=True)


def measure(step: str, folder: Path, count: int, width: int) -> dict[str, float]:
    """Do one step in a process of its own; return what it printed."""
    line = [sys.executable, "-m", "benchmarks.scale", "--step", step, "--counts", str(count)]
    line += ["--width", str(width), "--folder", str(folder)]
    out = folder.with_suffix(".out")
    with out.open("w+") as sink:
        actions = [(os.POSIX_SPAWN_DUP2, sink.fileno(), 1)]
        child = os.posix_spawn(line[0], line, os.environ, file_actions=actions)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"{step} failed")
    found: dict[str, float] = {}
    for text in out.read_text().splitlines():
        found |= json.loads(text)
    return found


def cost_of_images(images: Path, scratch: Path) -> None:
    """Print what decoding and the built-in network cost for an image."""
    flags = {"backbone": "builtin"}
    features(images, (1, 50), store=scratch / "warm", flags=flags)
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = features(images, store=scratch / "store", flags=flags)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    n, n_bytes = result.n_images, result.path.stat().st_size
    print(f"an image of {images}: {1e3 * cpu / n:.2f} ms of a core, {n_bytes / n:,.0f} bytes")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        run(arguments.step, arguments.folder, arguments.counts[0], arguments.width)
        return
    with tempfile.TemporaryDirectory() as scratch:
        print("| step | images | processor s | µs an image | wall s | peak MB |")
        print("|---|---|---|---|---|---|")
        for count in arguments.counts:
            folder = Path(scratch, str(count))
            folder.mkdir()
            for step in STEPS:
                found = measure(step, folder, count, arguments.width)
                cpu, peak = found["cpu"], found["peak"]
                numbers = f"{cpu:.1f} | {1e6 * cpu / count:.1f} | {found['wall']:.1f} | {peak:.0f}"
                print(f"| {step} | {count:,} | {numbers} |", flush=True)
            print(f"accuracy {found['accuracy']:.3f}", file=sys.stderr)
            shutil.rmtree(folder)
        if arguments.images:
            cost_of_images(arguments.images, Path(scratch))


if __name__ == "__main__":
    main()

"""Where does the time of a fine-tuning go, and how fast is it next to bare steps of Keras?

    python -m benchmarks.deep_profile FOLDER WEIGHTS [--policy deep] [--epochs 3] [--size 160]

Trains once with an empty cache (or a `--cache` that an earlier call filled) and prints seconds by
kind: wall time of the main thread, each second counted once, and processor seconds of the whole
process meanwhile. Then it takes training steps of plain Keras on the run's own network. Both rates
are training images a second; that of the run is over all of its time.
"""

from __future__ import annotations

import argparse
import builtins
import functools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FIRST_STEPS, STEPS = "first step of each batch size", "other steps"
_BARE_STEPS = 12

KINDS = {
    "scan and decode": ["commands.session:Session.scan_folder", "commands.session:load_dataset"],
    "convert the backbone (once)": ["commands.session:make_extractor"],
    "features": ["commands.session:Session.extract_features"],
    "examine": ["commands.finetune:examine_shortly"],
    "solve the head": ["commands.train:solve"],
    "load the backbone": ["models.resolve:ResolvedBackbone.load"],
    "build and compile": ["training.fine_tune:fine_tune"],
    STEPS: ["training.phase:Phase._train_piece"],
    "wait for batches": ["training.phase:Phase._train_epoch"],
    "checkpoints": ["training.checkpoint:Checkpoint.save"],
    "validation": ["training.phase:score_batches"],
    "interpolation": ["training.interpolation:score_batches"],
    "score and calibrate": ["commands.train:_fitted"],
    "save": ["commands.save_model:save_model"],
    "read back": ["commands.save_model:_read_back"],
    "convert for predict": ["commands.save_model:keep_converted"],
    "report": ["commands.save:_write_results"],
}
"""Kind to what is timed as such, less what is of another kind inside. The rest is "other"."""


class Clock:
    """Stopwatch for nested calls of the main thread: what passes counts for the innermost one.

    Attributes:
        seconds: Kind to wall time and processor time.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, np.ndarray] = {}
        self._kinds = ["other"]
        self._last = self._now()

    def timed(self, kind: str | Callable[..., str], work: Callable[..., Any]) -> Callable[..., Any]:
        """Return `work`, timed as of a kind, which may depend on its arguments."""

        @functools.wraps(work)
        def call(*arguments: Any, **keywords: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return work(*arguments, **keywords)
            self.stop()
            self._kinds.append(kind if isinstance(kind, str) else kind(*arguments))
            try:
                return work(*arguments, **keywords)
            finally:
                self.stop()
                self._kinds.pop()

        return call

    def stop(self) -> None:
        """Count the time since the last call."""
        now, kind = self._now(), self._kinds[-1]
        self.seconds[kind] = self.seconds.get(kind, 0) + now - self._last
        self._last = now

    def _now(self) -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])


def watch(clock: Clock) -> None:
    """Put the clock around imports and, once it is imported, around what `KINDS` names."""
    import_as_ever = builtins.__import__
    waiting = [(kind, name) for kind, names in KINDS.items() for name in names]

    def import_and_watch(*arguments: Any, **keywords: Any) -> Any:
        module = import_as_ever(*arguments, **keywords)
        for kind, name in [*waiting]:
            place, _, path = name.partition(":")
            owner: Any = sys.modules.get(f"tlearn.{place}")
            if owner is None or owner.__spec__._initializing:
                continue
            waiting.remove((kind, name))
            *outer, last = path.split(".")
            owner = getattr(owner, *outer) if outer else owner
            which = _kind_of_step() if kind == STEPS else kind
            setattr(owner, last, clock.timed(which, getattr(owner, last)))
        return module

    builtins.__import__ = clock.timed("import", import_and_watch)


def _kind_of_step() -> Callable[..., str]:
    sizes: set[int] = set()

    def kind(_: object, batch: Any) -> str:
        if len(batch[0]) in sizes:
            return STEPS
        sizes.add(len(batch[0]))
        return FIRST_STEPS

    return kind


def bare_rate(model: Path, batch_size: int) -> float:
    """Return the images a second of plain Keras's training steps on a network."""
    import keras

    network = keras.models.load_model(model, compile=False)
    network = keras.Model(network.inputs[0], network.outputs[0])
    network.compile("adam", "categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (batch_size, *network.inputs[0].shape[1:])).astype(np.float32)
    targets = np.eye(network.outputs[0].shape[-1], dtype=np.float32)
    targets = targets[rng.integers(len(targets), size=batch_size)]
    seconds = []
    for _ in range(_BARE_STEPS):
        began = time.perf_counter()
        network.train_on_batch(images, targets)
        seconds.append(time.perf_counter() - began)
    return batch_size / statistics.median(seconds[2:])


def main() -> None:
    """Parse the command line, train and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--policy", default="deep")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--json", type=Path, help="file to append the numbers to as a line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TLEARN_CACHE"] = str(asked.cache or Path(scratch, "cache"))
        clock = Clock()
        watch(clock)
        from tlearn import api

        flags = {"policy": asked.policy, "epochs": asked.epochs, "backbone": "mobilenet_v2"}
        flags |= {"weights": str(asked.weights), "image_size": asked.size}
        run = Path(scratch, "run")
        plan = api.finetune(asked.folder, flags=flags, out=run).plan
        clock.stop()
        seconds, total = dict(clock.seconds), sum(clock.seconds.values())
        bare = bare_rate(run / "model.keras", plan.training.batch_size)
    rate = plan.split.n_train * plan.training.epochs / total[0]
    print("| kind | seconds | processor seconds |\n|---|---|---|")
    for kind, (wall, processor) in [*seconds.items(), ("total", total)]:
        print(f"| {kind} | {wall:.1f} | {processor:.1f} |")
    print(f"{rate:.1f} training images a second; steps of plain Keras: {bare:.1f}")
    if asked.json:
        record: dict[str, Any] = {"rate": rate, "bare": bare}
        for kind, times in {**seconds, "total": total}.items():
            record[kind] = np.round(times, 2).tolist()
        with asked.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()

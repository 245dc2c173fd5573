"""What int8 does to each family: fine-tune, export, and hold the file against the model.

    python -m tests.benchmarks.int8 FOLDER TABLE NAME[:WEIGHTS] ... [--image-size 96] [--epochs 8]

With WEIGHTS (or for the built-in backbone) the last stages are tuned; without, the network is
trained from random weights, so that its activations at least are those of a trained one. A line
of TABLE is a backbone; what stands there is not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from tlearn import api

MODES = ("none", "dynamic", "int8")


def measure(folder: Path, words: str, image_size: int, epochs: int) -> dict[str, Any]:
    name, *weights = words.split(":")
    flags: dict[str, Any] = {"backbone": name, "image_size": image_size}
    known = bool(weights) or name == "builtin"
    flags |= {"policy": "top_stages"} if known else {"policy": "from_scratch", "epochs": epochs}
    flags |= {"weights": weights[0]} if weights else {}
    with tempfile.TemporaryDirectory() as scratch:
        done = api.finetune(folder, flags=flags, out=Path(scratch, "run"))
        assert done.run is not None
        files = api.export(done.run.path, [("tflite", mode) for mode in MODES], max_drop=1.0)
        # A gate that nothing passes: the file is written again with a head solved for int8.
        files += api.export(done.run.path, [("tflite", "int8")], max_drop=-1.0)
    row: dict[str, Any] = {"backbone": name, "policy": flags["policy"], "px": image_size}
    row["accuracy"] = round(files[0].accuracy, 4)
    for mode, file in zip((*MODES, "int8, head solved for it"), files, strict=True):
        row[mode] = {"drop": round(file.drop, 4), "agreement": round(file.agreement, 4)}
        row[mode] |= {"kB": file.size_bytes // 1000, "ms": round(file.milliseconds, 2)}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("backbones", nargs="+")
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=8)
    chosen = parser.parse_args()
    lines = chosen.table.read_text().splitlines() if chosen.table.exists() else []
    known = {json.loads(line)["backbone"] for line in lines}
    for words in chosen.backbones:
        if words.split(":")[0] in known:
            continue
        row = measure(chosen.folder, words, chosen.image_size, chosen.epochs)
        with chosen.table.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

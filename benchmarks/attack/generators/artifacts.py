"""Exported files of every format and their contracts: damaged, exchanged, with other claims."""

from __future__ import annotations

import inspect
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.attack.case import EITHER, REFUSE, Case
from benchmarks.attack.generators.bytes import damaged
from benchmarks.attack.workshop import Workshop
from tlearn.cli import check

KIND = "artifacts"
_STRICT = ("--strict",) if "strict" in inspect.signature(check.check).parameters else ()
Change = Callable[[dict[str, Any]], object]
WRONG: dict[str, Change] = {
    "BGR": lambda c: c["preprocessing"].update(color_order="BGR"),
    "std 0": lambda c: c["preprocessing"].update(std=0.0),
    "std 2": lambda c: c["preprocessing"].update(std=2.0),
    "mean 127.5": lambda c: c["preprocessing"].update(mean=127.5),
    "range 0 to 1": lambda c: c["preprocessing"].update(range=[0, 1]),
    "another resize": lambda c: c["preprocessing"].update(resize="crop"),
    "unknown resize": lambda c: c["preprocessing"].update(resize="melt"),
    "image size 64": lambda c: c["preprocessing"].update(image_size=64),
    "image size 100000": lambda c: c["preprocessing"].update(image_size=100_000),
    "another normalization": lambda c: c["preprocessing"].update(normalization="divide by 255"),
    "another decoding": lambda c: c["preprocessing"].update(decoding="as it lies"),
    "another resize in words": lambda c: c["preprocessing"].update(resize_in_words="crop"),
    "tolerance 1e308": lambda c: c.update(tolerance=1e308),
    "tolerance 1": lambda c: c.update(tolerance=1),
    "tolerance -1": lambda c: c.update(tolerance=-1),
    "tolerance NaN": lambda c: c.update(tolerance=float("nan")),
    "quantization": lambda c: c.update(quantization="int3"),
    "int8 claimed": lambda c: c.update(quantization="int8"),
    "format": lambda c: c.update(format="coreml"),
    "version 99": lambda c: c.update(version=99),
    "labels exchanged": lambda c: c["labels"].reverse(),
    "a label twice": lambda c: c["labels"].__setitem__(1, c["labels"][0]),
    "a label missing": lambda c: c["labels"].pop(),
    "an empty label": lambda c: c["labels"].__setitem__(0, ""),
    "labels a text": lambda c: c.update(labels="abc"),
    "input name": lambda c: c["input"].update(name="picture"),
    "input shape": lambda c: c["input"].update(shape=[1, 3, 32, 32]),
    "input dtype": lambda c: c["input"].update(dtype="uint8"),
    "input scale": lambda c: c["input"].update(scale=0.5, zero_point=3),
    "output name": lambda c: c["output"].update(name="logits"),
    "output shape": lambda c: c["output"].update(shape=[1, 4]),
    "output dtype": lambda c: c["output"].update(dtype="int8"),
    "signature": lambda c: c.update(signature="another"),
    "file": lambda c: c.update(file="../../../etc/passwd"),
    "sha256": lambda c: c.update(sha256="0" * 64),
    "golden with /": lambda c: c["golden"][0].update(file="/etc/passwd"),
    "golden with ..": lambda c: c["golden"][0].update(file="../model.tflite"),
    "golden sha256": lambda c: c["golden"][0].update(sha256="0" * 64),
    "golden label": lambda c: c["golden"][0].update(label="elephant"),
    "golden shape": lambda c: c["golden"][0].update(pixels_shape=[10**6, 10**6, 3]),
    "golden probabilities": lambda c: c["golden"][0].update(artifact_probabilities=[1, 0, 0]),
    "model probabilities": lambda c: c["golden"][0].update(model_probabilities=[0, 0, 1]),
    "probabilities NaN": lambda c: c["golden"][0].update(artifact_probabilities=[float("nan")] * 3),
    "too few probabilities": lambda c: c["golden"][0].update(artifact_probabilities=[1.0]),
}
"""Claims that are not true of the file, by what they claim."""

TEXTS = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "number": b"1e999",
    "brackets": b"[" * 200_000,
    "nested": b'{"a":' * 100_000,
    "latin-1": b'{"version": "\xe4"}',
    "NUL": bytes(5000),
    "empty object": b"{}",
}


def _files(export: Path) -> list[str]:
    found = (path.relative_to(export).as_posix() for path in export.rglob("*") if path.is_file())
    return sorted(found)


def _contracts(export: Path) -> dict[str, str]:
    """Return the contract of each artifact, both as names in the folder."""
    found = {}
    for path in sorted(export.rglob("*contract.json")):
        about = json.loads(path.read_text())
        artifact = path.parent if path.parent != export else path.parent / about["file"]
        found[artifact.relative_to(export).as_posix()] = path.relative_to(export).as_posix()
    return found


def _edit(path: Path, change: Callable[[Any], object]) -> None:
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))


def _other_value(value: Any, rng: random.Random) -> Any:
    odd = [
        None,
        True,
        "",
        "x",
        -1,
        0,
        1e308,
        10**30,
        [],
        {},
        [[]],
        "\x1b[31m",
        "../x",
        "x" * 10_000,
    ]
    return rng.choice([*odd, [value], {"a": value}])


def _change_a_field(about: Any, rng: random.Random) -> None:
    """Go down to some field and put something else there, or remove it."""
    while True:
        keys = list(about) if isinstance(about, dict) else list(range(len(about)))
        key = rng.choice(keys)
        below = about[key]
        if isinstance(below, dict | list) and below and rng.random() < 0.8:
            about = below
            continue
        if rng.random() < 0.2:
            del about[key]
        else:
            about[key] = _other_value(below, rng)
        return


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield wrong contracts of each format, exchanged and missing files, then damage for ever."""
    export = workshop.folder / "export"
    good = workshop.copy("export")
    contracts = _contracts(export)

    def case(name: str, artifact: str, damage: Callable[[Path], object], must: str) -> Case:
        line = ("check", f"export/{artifact}", *_STRICT)
        return Case(KIND, f"{artifact}: {name}", line, lambda u: damage(u / "export"), good, must)

    for artifact, contract in contracts.items():
        for name, change in WRONG.items():
            edit = lambda e, c=contract, f=change: _edit(e / c, f)  # noqa: E731
            yield case(name, artifact, edit, REFUSE)
        for name, data in TEXTS.items():
            write = lambda e, c=contract, d=data: (e / c).write_bytes(d)  # noqa: E731
            yield case(f"contract {name}", artifact, write, REFUSE)
        for other in contracts.values():
            if other != contract:
                swap = lambda e, c=contract, o=other: shutil.copy(e / o, e / c)  # noqa: E731
                yield case(f"contract of {other}", artifact, swap, REFUSE)
        for name, place in _replacements(artifact, contract):
            yield case(name, artifact, place, REFUSE)
    files = _files(export)
    while True:
        artifact = rng.choice(list(contracts))
        if rng.random() < 0.5:
            seed = rng.random()
            change = lambda e, c=contracts[artifact], s=seed: _edit(  # noqa: E731
                e / c, lambda about: _change_a_field(about, random.Random(s))
            )
            yield case(f"a field, seed {seed}", artifact, change, EITHER)
            continue
        own = [
            name for name in files if name.startswith(artifact.partition("/")[0].partition(".")[0])
        ]
        victim = rng.choice(own)
        kind, data = damaged((export / victim).read_bytes(), rng)
        write = lambda e, v=victim, d=data: (e / v).write_bytes(d)  # noqa: E731
        weights = victim == artifact or (artifact, victim) == ("model.xml", "model.bin")
        weights = weights or victim.startswith(f"{artifact}/")
        changed = data != (export / victim).read_bytes()
        yield case(f"{kind} {victim}", artifact, write, REFUSE if weights and changed else EITHER)


def _replacements(artifact: str, contract: str) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Yield what stands in place of a file of an export."""
    yield "contract missing", lambda e: (e / contract).unlink()
    yield "contract a folder", lambda e: ((e / contract).unlink(), (e / contract).mkdir())
    yield "contract a fifo", lambda e: ((e / contract).unlink(), os.mkfifo(e / contract))
    yield (
        "contract a loop",
        lambda e: ((e / contract).unlink(), (e / contract).symlink_to(Path(contract).name)),
    )
    yield "golden missing", lambda e: [shutil.rmtree(p) for p in [*e.rglob("golden")] if p.is_dir()]
    yield "golden empty", lambda e: [p.write_bytes(b"") for p in e.rglob("golden/*.png")]
    yield (
        "artifact missing",
        lambda e: (
            shutil.rmtree(e / artifact) if (e / artifact).is_dir() else (e / artifact).unlink()
        ),
    )

"""CSV files that list images, wrongly."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.attack.case import EITHER, REFUSE, Case
from benchmarks.attack.generators.bytes import damaged
from benchmarks.attack.workshop import SMALL, Copy, Workshop

KIND = "CSVs"
_LINES = (
    ("suggest", "list.csv", SMALL),
    ("finetune", "list.csv", SMALL, "--policy", "linear-head", "--dry-run"),
)


def _rows(root: Path) -> list[list[str]]:
    images = sorted((root / "images").rglob("*.png"))
    return [[f"images/{i.parent.name}/{i.name}", i.parent.name] for i in images]


def _text(rows: list[list[str]], head: str = "path,label", end: str = "\n") -> bytes:
    return end.join([head, *(",".join(row) for row in rows)]).encode()


def odd_tables(rows: list[list[str]]) -> dict[str, tuple[bytes, str]]:
    """Return files by what is wrong, and what must become of them."""
    split = "path,label,split"
    other = [[path, "other"] for path, _ in rows]
    test = {
        word: [[*row, word] for row in rows] for word in ("test", "val", "train", "holdout", "")
    }
    mixed = [[*row, ("train", "test", "TRAIN", "Test")[n % 4]] for n, row in enumerate(rows)]
    return {
        "empty": (b"", REFUSE),
        "head only": (_text([]), REFUSE),
        "no label": (_text([[path] for path, _ in rows], "path"), REFUSE),
        "no path": (_text([[label] for _, label in rows], "label"), REFUSE),
        "no head": (_text(rows[1:], ",".join(rows[0])), REFUSE),
        "all test": (_text(test["test"], split), REFUSE),
        "all val": (_text(test["val"], split), REFUSE),
        "all train": (_text(test["train"], split), EITHER),
        "another split": (_text(test["holdout"], split), REFUSE),
        "empty split": (_text(test[""], split), EITHER),
        "mixed case": (_text(mixed, split), EITHER),
        "one label": (_text([[path, "a"] for path, _ in rows]), REFUSE),
        "blank labels": (_text([[path, " "] for path, _ in rows]), REFUSE),
        "one blank label": (_text([*rows, [rows[0][0], ""]]), EITHER),
        "two labels for a file": (_text(rows + other), REFUSE),
        "same row twice": (_text(rows + rows), EITHER),
        "test and train": (
            _text([[*r, "train"] for r in rows] + [[*r, "test"] for r in rows], split),
            REFUSE,
        ),
        "missing files": (_text([["nowhere.png", "a"], ["none.png", "b"]]), REFUSE),
        "one missing file": (_text([*rows, ["nowhere.png", "circle"]]), EITHER),
        "outside": (_text([*rows, ["../../../../etc/passwd", "circle"]]), EITHER),
        "absolute": (_text([*rows, ["/dev/zero", "circle"]]), EITHER),
        "itself": (_text([*rows, ["list.csv", "circle"]]), EITHER),
        "a folder": (_text([*rows, ["images", "circle"]]), EITHER),
        "address": (_text([*rows, ["http://127.0.0.1:9/a.png", "circle"]]), EITHER),
        "long path": (_text([*rows, ["x" * 5000, "circle"]]), EITHER),
        "long label": (_text([*rows, [rows[0][0], "x" * 200_000]]), EITHER),
        "NUL": (_text([*rows, ["a\0b.png", "circle"]]), EITHER),
        "open quote": (_text(rows) + b'\n"images/circle', EITHER),
        "quotes": (_text([[f'"{path}"', f'"{label}"'] for path, label in rows]), EITHER),
        "UTF-16": (_text(rows).decode().encode("utf-16"), REFUSE),
        "latin-1": (_text([*rows, [rows[0][0], "ä"]]).decode().encode("latin-1"), REFUSE),
        "old line ends": (_text(rows, end="\r"), EITHER),
        "tabs": (_text(rows).replace(b",", b"\t"), EITHER),
        "short rows": (_text([*rows, ["images"]]), EITHER),
        "long rows": (_text([[*row, "a", "b", "c"] for row in rows]), EITHER),
        "backslashes": (_text(rows).replace(b"/", b"\\"), EITHER),
        "escapes": (_text([*rows, [rows[0][0], "\x1b[31mred"]]), EITHER),
        "equal columns": (_text([[*row, "x"] for row in rows], "path,label,label"), EITHER),
        "zeros": (bytes(5000), REFUSE),
    }


def _good(workshop: Workshop) -> Copy:
    list_csv = _text(_rows(workshop.folder))
    return workshop.copy("images", **{"list.csv": list_csv})


def _case(name: str, data: bytes, line: tuple[str, ...], must: str, workshop: Workshop) -> Case:
    def damage(user: Path) -> None:
        (user / "list.csv").write_bytes(data)

    return Case(KIND, name, line, damage, _good(workshop), must)


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield what is wrong in a way that has a name, then damaged files for ever."""
    rows = _rows(workshop.folder)
    lines = _LINES[:1] if cheap else _LINES
    for name, (data, must) in odd_tables(rows).items():
        for line in lines:
            yield _case(name, data, line, must, workshop)
    good = _text(
        [[*row, "train" if n % 4 else "test"] for n, row in enumerate(rows)], "path,label,split"
    )
    while True:
        if rng.random() < 0.5:
            kind, data = damaged(good, rng)
        else:
            kind, data = "cells", _drawn(rng, rows)
        yield _case(kind, data, rng.choice(lines), EITHER, workshop)


def _drawn(rng: random.Random, rows: list[list[str]]) -> bytes:
    """Return a table of good cells with a few odd ones among them."""
    odd = [
        '"',
        "\0",
        "",
        " ",
        "a,b",
        "\n",
        "../x",
        "~",
        "~nosuch/x",
        "C:\\x",
        "\ufeff",
        "字",
        "-",
        "🙂" * 99,
    ]
    drawn = []
    for row in rows:
        cells = [*row, rng.choice(("train", "test", "val", ""))]
        if rng.random() < 0.1:
            cells[rng.randrange(3)] = rng.choice(odd)
        drawn.append(cells)
    return _text(
        drawn, rng.choice(("path,label,split", "file;class;part", "path,label", "label,path"))
    )

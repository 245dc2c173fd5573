"""How many planted near-copies are found, and which different images are joined?

    python -m benchmarks.doctor.copies FOLDER ... --out DIR [--image-size 224] [--per-kind 10]

Each kind of copy is planted in each folder. Pairs that are joined in the folder as it is are drawn
on a page, DIR/FOLDER.png, and listed in DIR/joined.csv. Whoever has looked at a page writes "same"
or "different" behind the pairs of results/doctor_copies.csv; a pair counts as wrong unless it
says "same".
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.doctor.planting import ONE_STEP, TWO_STEPS, plant_copy
from tlearn.data.near_copies import copy_groups, find_near_copies
from tlearn.data.pixel_store import PixelStore, store_pixels

CHECKED = Path(__file__).parents[1] / "results" / "doctor_copies.csv"
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}
Pair = tuple[str, str, str]


def planted(paths: Sequence[Path], into: Path, per_kind: int) -> list[tuple[str, int, Path]]:
    """Write near-copies; return the kind of each, the row of its image and the file."""
    rng = np.random.default_rng(0)
    kinds = [kind for kind in ONE_STEP for _ in range(per_kind)]
    kinds += [kind for kind in TWO_STEPS for _ in range(max(1, per_kind // 5))]
    rows = rng.permutation(np.resize(rng.permutation(len(paths)), len(kinds)))
    copies = []
    for number, (kind, row) in enumerate(zip(kinds, rows.tolist(), strict=True)):
        with Image.open(paths[row]) as image:
            copy = plant_copy(image.convert("RGB"), kind, rng)
        copies.append((kind, row, into / f"{number}.png"))
        copy.save(copies[-1][2])
    return copies


def joined_pairs(store: PixelStore) -> tuple[list[tuple[int, int]], np.ndarray, float]:
    """Return the pairs that are found, the group of each image, and the seconds it took."""
    started = time.perf_counter()
    pairs = find_near_copies(store)
    seconds = time.perf_counter() - started
    group = np.arange(len(store.infos))
    for members in copy_groups(pairs):
        group[members] = members[0]
    return [(pair.first, pair.second) for pair in pairs], group, seconds


def draw_page(page: Path, pairs: Sequence[tuple[int, int]], paths: Sequence[Path]) -> None:
    """Draw pairs side by side, eight in a row."""
    side, columns = 96, 8
    lines = -(-len(pairs) // columns)
    sheet = Image.new("RGB", (columns * (2 * side + 8), max(1, lines) * (side + 16)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, pair in enumerate(pairs):
        left, top = number % columns * (2 * side + 8), number // columns * (side + 16)
        pen.text((left, top), str(number), "black")
        for place, row in enumerate(pair):
            with Image.open(paths[row]) as image:
                small = image.convert("RGB").resize((side, side))
            sheet.paste(small, (left + place * side, top + 12))
    sheet.save(page)


def measure(
    folder: Path, out: Path, image_size: int, per_kind: int, checked: dict[Pair, str]
) -> tuple[dict[str, list[bool]], list[Pair], int, float]:
    """Return found or not by kind, joined pairs that no one called the same, images, seconds."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(temporary)
        store = store_pixels(paths, image_size, "squash", cache)
        paths = [p for p, info in zip(paths, store.infos, strict=True) if info.problem is None]
        store = store_pixels(paths, image_size, "squash", cache)
        pairs, _, seconds = joined_pairs(store)
        copies = planted(paths, cache, per_kind)
        every = [*paths, *(path for _, _, path in copies)]
        _, group, _ = joined_pairs(store_pixels(every, image_size, "squash", cache))
    found: dict[str, list[bool]] = {}
    for number, (kind, row, _) in enumerate(copies):
        name = kind if kind in ONE_STEP else "two of them"
        found.setdefault(name, []).append(bool(group[len(paths) + number] == group[row]))
    names = [
        (folder.name, *sorted(paths[row].relative_to(folder).as_posix() for row in pair))
        for pair in pairs
    ]
    draw_page(out / f"{folder.name}.png", pairs, paths)
    wrong = [(a, b, c) for a, b, c in names if checked.get((a, b, c)) != "same"]
    with (out / "joined.csv").open("a", newline="") as file:
        csv.writer(file).writerows((*name, checked.get(name, "")) for name in names)
    return found, wrong, len(paths), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--per-kind", type=int, default=10)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "joined.csv").unlink(missing_ok=True)
    checked = {}
    if CHECKED.exists():
        with CHECKED.open(newline="") as file:
            checked = {(row[0], row[1], row[2]): row[3] for row in csv.reader(file)}
    everything: dict[str, list[bool]] = {}
    images = wrong = 0
    print("| folder | images | found | wrongly joined | seconds |\n|---|---|---|---|---|")
    for folder in options.folders:
        found, pairs, count, seconds = measure(
            folder, options.out, options.image_size, options.per_kind, checked
        )
        for kind, hits in found.items():
            everything.setdefault(kind, []).extend(hits)
        mean = np.mean([hit for hits in found.values() for hit in hits])
        print(
            f"| {folder.name} | {count} | {mean:.3f} | {len(pairs)} | {seconds:.1f} |", flush=True
        )
        images, wrong = images + count, wrong + len(pairs)
    print("\n| kind | copies | found |\n|---|---|---|")
    for kind, hits in everything.items():
        print(f"| {kind} | {len(hits)} | {np.mean(hits):.3f} |")
    total = np.mean([hit for hits in everything.values() for hit in hits])
    one_step = [hit for kind in ONE_STEP for hit in everything[kind]]
    print(f"| of one step | {len(one_step)} | {np.mean(one_step):.3f} |")
    print(
        f"| all | | {total:.3f} |\n\nwrongly joined: {1000 * wrong / images:.2f} per 1,000 images"
    )


if __name__ == "__main__":
    main()

"""What a record says of an image, in words for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlearn.data.targets import CLASSES, LABELS, NUMBER, ONE_CLASS
from tlearn.evaluation.wording import percent, significant

_SHOWN = 5


def in_words(task: str, record: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the answer, and what else there is to say of it, line by line.

    Args:
        task: What is answered, see `targets`.
        record: Of an image that was read, see `reader.Reader.record`.
    """
    if task == CLASSES:
        return _of_classes(record)
    answers: Mapping[str, float] = record["answers"]
    if task == LABELS:
        best = sorted(answers.items(), key=lambda item: -item[1])[:_SHOWN]
        shares = [f"{label} ({percent(share)})" for label, share in best]
        return ", ".join(record["labels"]) or "no label", shares
    ((name, value),) = answers.items()
    if task == NUMBER:
        ends = " to ".join(map(significant, record["interval"] or ()))
        lines = [f"{ends}, which holds 9 of 10 true numbers"] if ends else []
        return f"{name} {significant(value, 4)}", lines
    return record["labels"][0], [f"{name} {value:.3f} (half of good images are below 0.5)"]


def map_in_words(task: str, label: str) -> str:
    """Return what the colors of a map mean.

    Args:
        task: What is answered, see `targets`.
        label: What the map explains.
    """
    if task == NUMBER:
        return "yellow to red: what moves the number up; blue: what moves it down"
    if task == ONE_CLASS:
        return "yellow to red: what is unlike good images"
    return f"yellow to red: what speaks for {label}"


def _of_classes(record: Mapping[str, Any]) -> tuple[str, list[str]]:
    (first, *others), label = record["top"], record["label"]
    lines = [percent(first["probability"])] if label else [f"nearest: {_share(first)}"]
    lines += [f"second: {_share(other)}" for other in others[:1]]
    if record["set"]:
        lines.append(f"set of answers: {', '.join(record['set'])}")
    if record["known"] is not None:
        lines.append(f"known: {record['known']:.2f} of 1")
    return label or "none of these", lines


def _share(row: Mapping[str, Any]) -> str:
    return f"{row['label']} ({percent(row['probability'])})"

"""Exported files as a table, and what each changed, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.artifacts.contract import PROCESSORS
from tlearn.artifacts.least_runtime import LAST_TFLITE_RUNTIME, is_newer
from tlearn.cli.display.formats import (
    change,
    escape_control,
    interval,
    percent,
    points,
    relative_path,
    size,
)
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    bullets,
    heading,
    indented,
    safe_text,
    table,
)
from tlearn.cli.evaluate_view import point_in_words
from tlearn.confidence.novelty import REFUSED

if TYPE_CHECKING:
    from tlearn.export.comparison import ChangedPrediction
    from tlearn.export.parity import Artifact

_SHOWN_IMAGES = 3
_SHOWN_CLASSES = 2
_SHOWN_SHARES = 3
_LEGEND = (
    "same: images with the model's answer; change: of accuracy, in points, with its\n"
    "95% interval; ms: median of one image at a time, warm, on one thread here"
)
_ACCURACY = {
    "labels": "\naccuracy: of the labels of an image, how many are right",
    "one_class": "\naccuracy: of good and bad images, how many are called what they are",
    "number": "\naccuracy: what is taken away of the error of always answering the median",
}


def draw(artifacts: Sequence[Artifact]) -> list[RenderableType]:
    """Return one line per file; then where they are, what failed, and which answers changed."""
    rows = table(
        "", "format", "size", "same", "accuracy", "change", "interval", "ms", right=range(2, 8)
    )
    for artifact in artifacts:
        if not artifact.size_bytes:
            rows.add_row(Text("✗", BAD), _kind(artifact), *("-" * 6))
            continue
        low, high = artifact.drop_interval
        rows.add_row(
            Text("✓", GOOD) if artifact.passed else Text("✗", BAD),
            _kind(artifact),
            size(artifact.size_bytes),
            percent(artifact.agreement),
            percent(artifact.accuracy),
            change(-artifact.accuracy_drop),
            interval(-high, -low),
            f"{artifact.milliseconds:.1f}" if artifact.milliseconds else "-",
        )
    about = f"{_ACCURACY.get(artifacts[0].task, '')}{about_use(artifacts[0])}"
    legend = f"checked on {_checked_on(artifacts[0])}\n{_LEGEND}{about}"
    files = bullets([_file(artifact) for artifact in artifacts])
    return [Text(), rows, Text(legend, DIM), Text(), files, *_changes(artifacts)]


def about_use(artifact: Artifact) -> str:
    """Return lines that say what the answers of a file are set for, where that is not usual."""
    lines = ""
    if artifact.prior:
        shares = sorted(artifact.prior.items(), key=lambda item: -item[1])
        shown = shares[:_SHOWN_SHARES]
        named = [f"{percent(share)} {escape_control(name)}" for name, share in shown]
        more = f" and {len(shares) - len(shown)} more" if len(shares) > len(shown) else ""
        lines += f"\nanswers are set for {', '.join(named)}{more};\n"
        lines += "the accuracy is that on images with classes as frequent as these"
    if artifact.refuse is not None and artifact.refuse != REFUSED:
        lines += f"\nabout {percent(artifact.refuse)} of images of the classes are refused"
    if artifact.map_difference is not None and artifact.task == "classes":
        lines += (
            "\nmaps add up to the answer, but may be wrong about places: tlearn explain tests that"
        )
    return lines


def _kind(artifact: Artifact) -> str:
    if artifact.quantization == "none":
        return artifact.format
    return f"{artifact.format} {artifact.quantization.replace('_', '-')}"


def _checked_on(artifact: Artifact) -> str:
    """Return which images all of them were checked on."""
    split = artifact.checked_on.split()[-1]
    kinds = {"val": "validation images", "test": "test images", "train": "images it was trained on"}
    kind = kinds[split]
    stored = " stored with the run" if artifact.checked_on != split else ""
    return f"{artifact.n_checked or 'the'} {kind}{stored}"


def _file(artifact: Artifact) -> Text:
    text = safe_text(relative_path(artifact.path))
    if not artifact.passed:
        tried = "\na head refitted for int8 was tried too" * artifact.head_refitted
        return text.append(f"\n{escape_control(artifact.failure)}{tried}", BAD)
    how = ", with a head refitted for int8" * artifact.head_refitted
    gained = artifact.accuracy_drop < 0
    gain = f", gains {points(artifact.accuracy_drop)}" if gained else ""
    difference = f"probabilities within {artifact.largest_difference:.2g} of the model's"
    if artifact.task == "number":
        spread = "standard deviations of the training numbers"
        difference = f"within {artifact.largest_difference:.2g} {spread} of the model's answers"
    if artifact.map_difference is not None:
        difference += f", maps within {artifact.map_difference:.2g}"
    newer = is_newer(artifact.runtime, LAST_TFLITE_RUNTIME)
    runtime = f"\nneeds TensorFlow Lite {artifact.runtime} or newer, or LiteRT" * newer
    on = f"for {PROCESSORS[artifact.quantization]}, " * (artifact.format == "tflite")
    return text.append(f"  {on}{difference}{gain}{how}{runtime}{point_of(artifact)}", DIM)


def point_of(artifact: Artifact) -> str:
    """Return the operating point of a file and its rates, on a line of its own; "" without one."""
    point = artifact.operating_point
    if not point:
        return ""
    found, left = point.sensitivity, point.specificity
    rates = f"{found.n_right:,} of {found.n:,} found, {left.n_right:,} of {left.n:,} left alone"
    note = f"\n{escape_control(point.note)}" if point.note else ""
    return f"\n{point_in_words(point)}: {rates}{note}"


def _changes(artifacts: Sequence[Artifact]) -> list[RenderableType]:
    """Return images that a file classifies differently than the model: a few of each file."""
    differing = [artifact for artifact in artifacts if artifact.changed_predictions]
    if not differing:
        return []
    blocks: list[RenderableType] = [heading("Images that are answered differently")]
    for artifact in differing:
        blocks.append(_class_changes(artifact))
        shown = [
            _changed_image(changed) for changed in artifact.changed_predictions[:_SHOWN_IMAGES]
        ]
        rest = len(artifact.changed_predictions) - len(shown)
        more = [f"and {rest} more (--json has all)"] if rest else []
        blocks.append(indented(bullets([*shown, *more])))
    return blocks


def _class_changes(artifact: Artifact) -> Text:
    """Return how many predictions changed, and the classes that lost most by it."""
    classes = sorted(artifact.changed_classes, key=lambda recall: recall.after - recall.before)
    worst = [
        f"{recall.name} from {percent(recall.before)} to {percent(recall.after)}"
        for recall in classes[:_SHOWN_CLASSES]
        if recall.after < recall.before
    ]
    losses = f"; classes that lost accuracy: {', '.join(worst)}" if worst else ""
    return safe_text(f"{_kind(artifact)}: {len(artifact.changed_predictions)}{losses}")


def _changed_image(image: ChangedPrediction) -> str:
    verdicts = {image.before: "was right", image.after: "is right"}
    verdict = verdicts.get(image.truth, f"in truth {image.truth}")
    return f"{image.image}: {image.before} -> {image.after} ({verdict})"

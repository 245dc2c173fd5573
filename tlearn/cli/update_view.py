"""What `tlearn update` says before it trains and after: what is added, and what it changes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import (
    class_names,
    duration,
    pluralize,
    relative_path,
    rough_duration,
)
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    WARN,
    bullets,
    indented,
    issue_block,
    key_value_table,
    safe_text,
    table,
    verdict,
)
from tlearn.cli.target_view import draw_target_scores
from tlearn.evaluation.wording import split_in_words

if TYPE_CHECKING:
    from tlearn.commands.additions import Additions
    from tlearn.commands.update import UpdateResult
    from tlearn.commands.verdict import Pairing, Verdict
    from tlearn.data.inspection import DataIssue
    from tlearn.evaluation.paired_scores import PairedScores

_SHOWN = 3


def draw_plan(planned: UpdateResult) -> list[RenderableType]:
    """Return what is added to what, what is left out, and how long training takes."""
    additions, added = planned.additions, planned.added
    old = additions.earlier.manifest
    splits = ", ".join(f"{n:,} {split}" for split, n in added.items() if n)
    classes = f"{len(old.classes)}, no new ones"
    if names := additions.new_classes:
        classes = f"{len(old.classes)} + {len(names)} new: {class_names(names)}"
    outputs = planned.dataset.folder.outputs
    rows: dict[str, RenderableType] = {
        "run": safe_text(relative_path(planned.old.path)),
        "images": Text(f"{len(old.names):,} + {sum(added.values()):,} new: {splits}"),
        "learned" if outputs else "classes": Text(class_names(outputs) if outputs else classes),
    }
    if copies := additions.copies:
        rows["copies"] = Text(f"{pluralize(len(copies), 'new image')} left out: the run has them")
    if left_out := planned.left_out:
        why = "unreadable, in two classes, or alike to images of two splits"
        rows["left out"] = Text(f"{pluralize(len(left_out), 'new image')}: {why}")
    if planned.resumed_from_epoch is not None:
        epochs = pluralize(planned.resumed_from_epoch, "epoch")
        rows["resumed"] = Text(f"after {epochs} of {planned.plan.training.epochs}")
    rows["time"] = Text(f"about {rough_duration(planned.forecast_seconds)} on this machine")
    found = [*issue_block(_issues_of_new(planned)), *_relabeled(planned)]
    return [*found, Text(), key_value_table(rows)]


def _issues_of_new(planned: UpdateResult) -> list[DataIssue]:
    """Return the warnings on new images and classes; the others were told before."""
    additions = planned.additions
    new = {image.name for image in additions.new_images} | {*additions.new_classes}
    return [
        replace(issue, message=_as_typed(issue.message, additions))
        for issue in planned.dataset.issues
        if issue.severity == "warning"
        # An unreadable image is followed by its problem.
        and any(name in new or name.rpartition(": ")[0] in new for name in issue.names)
    ]


def _relabeled(planned: UpdateResult) -> list[RenderableType]:
    """Return which new images have another class in the run."""
    found = planned.additions.relabeled
    if not found:
        return []
    shown = "; ".join(
        f"{x.image!r} is {x.new_class!r}, and in the run ({x.old_image!r}) {x.old_class!r}"
        for x in found[:_SHOWN]
    )
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    text = (
        f"{pluralize(len(found), 'image')} that the run has in another class: {shown}{more}. The "
        "class in the run counts. To correct it, correct the run's folder and train again."
    )
    return [Text(), bullets([safe_text(_as_typed(text, planned.additions), WARN)], "!")]


def _as_typed(text: str, additions: Additions) -> str:
    """Return text with new images named from where the person is, not from the run's folder."""
    if not additions.prefix:
        return text
    place = os.path.normpath(additions.folder.root / additions.prefix)
    return text.replace(additions.prefix, f"{relative_path(place)}/")


def draw_result(result: UpdateResult) -> list[RenderableType]:
    """Return how the old classes fare, how good the new model is on all, and where it is."""
    if result.run is None or result.verdict is None:
        return [Text("\nDry run: nothing was trained")]
    from tlearn.evaluation.metrics import SPLITS_IN_WORDS

    split = "test" if "test" in (result.reports or result.target_reports) else "val"
    report = result.reports.get(split)
    where = relative_path(result.run.path)
    rows: dict[str, RenderableType] = {
        "run": safe_text(f"{where} ({duration(result.seconds.get('total', 0.0))})"),
        "report": safe_text(f"{relative_path(result.run.report_path)} (open it in a browser)"),
    }
    if not result.released:
        rows["released"] = Text("no: a whole run, kept under this name", BAD)
    whose = SPLITS_IN_WORDS.get(split, split)
    scores = [verdict(report, whose)] if report else draw_target_scores(result.target_reports)
    blocks: list[RenderableType] = [Text(), *_draw_verdict(result.verdict, split), Text(), *scores]
    if result.warnings:
        blocks.append(bullets([safe_text(warning, WARN) for warning in result.warnings], "!"))
    return [*blocks, key_value_table(rows)]


def _draw_verdict(found: Verdict, split: str) -> list[RenderableType]:
    grid = table(
        found.all.what, "images", "before", "after", "gain", "95% interval", right=range(1, 6)
    )
    grid.add_row(f"all {split_in_words(split)} images", *_cells(found.all))
    if found.own.n < found.all.n:
        grid.add_row("those of the old run", *_cells(found.own))
    blocks: list[RenderableType] = [indented(grid), indented(_in_words(found))]
    if found.taken:
        taken = pluralize(found.taken, "image")
        blocks.append(indented(Text(f"taken for a new class: {taken} answered right before", DIM)))
    if found.new_are_unlike:
        text = "the old model errs more on the new images: another kind, or wrong labels?"
        blocks.append(indented(Text(text, WARN)))
    return blocks


def _cells(pairing: Pairing | PairedScores) -> tuple[str, ...]:
    return (f"{pairing.n:,}", *pairing.in_words())


def _in_words(found: Verdict) -> Text:
    if found.worse_on:
        where = " on images of the old run" if found.worse_on is found.own else ""
        return Text(f"worse than before{where}, by more than chance", BAD)
    if found.all.interval and found.all.interval[0] > 0:
        return Text("better than before, by more than chance", GOOD)
    return Text("no clear difference from before", DIM)

"""`tlearn update`: add images or classes to a finished run, and see what they change."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlearn.cli import options
from tlearn.cli.display.formats import shell_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import next_step
from tlearn.cli.update_view import draw_plan, draw_result
from tlearn.errors import GateError

if TYPE_CHECKING:
    from tlearn.commands.update import UpdateResult
    from tlearn.commands.verdict import Pairing
    from tlearn.evaluation.paired_scores import PairedScores

_Run = Annotated[Path, options.argument("Directory of a finished run; it stays as it is.", "RUN")]
_New = Annotated[
    Path,
    options.argument(
        "Images to add, in any form that finetune reads: of classes of the run, or of new ones.",
        "NEW",
    ),
]
_Folder = Annotated[
    Path | None, options.option("Where the run's own images are now, if they moved.", "FOLDER")
]
_Out = Annotated[
    Path | None,
    options.option("Directory of the new run. Default: RUN-2, or the next free number.", "DIR"),
]
_Overwrite = Annotated[
    bool, options.switch("Replace the run at --out, if there is one.", "--overwrite")
]
_Force = Annotated[
    bool, options.switch("Release the new run even if it is worse on the old classes.", "--force")
]
_DryRun = Annotated[
    bool, options.switch("Show what would be added, and train nothing.", "--dry-run")
]


def update(
    run: _Run,
    new: _New,
    folder: _Folder = None,
    out: _Out = None,
    overwrite: _Overwrite = False,
    force: _Force = False,
    dry_run: _DryRun = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Add images or classes to a finished run.

    Trains by the recipe of RUN on its images and the new ones, as a new run. Old
    images keep their split. Both models are compared on the same test images of
    the old classes; if the new one is worse by more than chance, it is kept under
    another name, and exit code 1 says so.

    Example: [cyan]tlearn update runs/flowers more_flowers/[/]
    """
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        result = api.update(
            run,
            new,
            folder=folder,
            out=out,
            overwrite=overwrite,
            force=force,
            dry_run=dry_run,
            progress=display,
            on_plan=lambda planned: display.show(*draw_plan(planned)),
            on_epoch=display.epoch,
        )
    named = {"--folder": folder, "--out": out}
    flags = "".join(f" {flag} {shell_path(path)}" for flag, path in named.items() if path)
    command, released = next_command(result, new, flags), result.released or result.run is None
    if as_json:
        print_json(to_json(result) | {"next": command})
    else:
        print_result(*draw_result(result), *([next_step(command)] if released else []))
    if not released:
        _fail(result, command, as_json)


def next_command(result: UpdateResult, new: Path, flags: str) -> str:
    """Return what to type next; after a dry run the same, with the flags for places."""
    if result.run is None:
        return f"tlearn update {shell_path(result.old.path)} {shell_path(new)}{flags}"
    if not result.released:
        old = "" if result.additions.new_classes else f"evaluate {shell_path(result.old.path)}"
        return f"tlearn {old or 'doctor'} {shell_path(new)}"
    return f"tlearn export {shell_path(result.run.path)} --tflite"


def _fail(result: UpdateResult, command: str, as_json: bool) -> None:
    """End with exit code 1 and why the run was not released; a JSON document has said it."""
    if as_json:
        raise typer.Exit(GateError.exit_code)
    verdict = result.verdict
    assert verdict and verdict.worse_on
    pairing, whose = (
        verdict.worse_on,
        "old run" if verdict.worse_on is verdict.own else "old classes",
    )
    before, after, _, ends = pairing.in_words()
    raise GateError(
        f"the new model was not released: on the {pairing.n:,} test images of the {whose} it "
        f"{pairing.does} {after}, and the old one {pairing.does} {before} (95% interval of the "
        f"change: {ends}{' points' * ('%' in after)})",
        "release it nevertheless with --force, or look for wrong labels among the new images: "
        + command,
    )


def to_json(result: UpdateResult) -> dict[str, Any]:
    """Return the document; a dry run has no run and no accuracies."""
    verdict, reports, seconds = result.verdict, result.reports, dict(result.seconds)
    report = reports.get("test") or reports.get("val")
    every = {**reports, **result.target_reports}
    additions = result.additions
    return {
        "run": str(result.run.path) if result.run else None,
        "released": result.released if result.run else None,
        "updated_from": str(result.old.path),
        **(_pairing_to_json(verdict.all) if verdict else dict.fromkeys(_PAIRING)),
        "on_own_images": _pairing_to_json(verdict.own) if verdict else None,
        "new_images_are_unlike": verdict.new_are_unlike if verdict else None,
        "taken_for_new_classes": verdict.taken if verdict else None,
        "accuracy": report.accuracy if report else None,
        "classes": result.dataset.manifest.classes,
        "classes_added": additions.new_classes,
        "images_added": result.added,
        "copies": additions.copies,
        "relabeled": [asdict(image) for image in additions.relabeled],
        "left_out": result.left_out,
        "policy": result.plan.policy,
        "resumed_from_epoch": result.resumed_from_epoch,
        "forecast_seconds": result.forecast_seconds,
        "seconds": seconds.pop("total", None),
        "timings": seconds,
        "warnings": result.warnings,
        "issues": [asdict(issue) for issue in result.dataset.issues],
        "reports": {split: report.to_json() for split, report in every.items()},
        "plan": asdict(result.plan),
    }


_PAIRING = ("n", "old_accuracy", "new_accuracy", "interval", "won", "lost")


def _pairing_to_json(pairing: Pairing | PairedScores) -> dict[str, Any]:
    from tlearn.evaluation.paired_scores import PairedScores

    if isinstance(pairing, PairedScores):
        return asdict(pairing)
    paired = pairing.paired
    values = (pairing.n, pairing.old_accuracy, paired.accuracy)
    return dict(zip(_PAIRING, (*values, paired.interval, paired.won, paired.lost), strict=True))

"""`tlearn check`: whether an exported file keeps its contract, and its score on images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import confidence_view, evaluate, evaluate_view, options, predict_view, target_view
from tlearn.cli.annotations import Annotations, annotation, print_annotations
from tlearn.cli.display.formats import (
    enumeration,
    outputs_row,
    quantization_name,
    relative_path,
    shell_path,
)
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    WARN,
    key_value_table,
    next_step,
    safe_text,
    table,
)
from tlearn.errors import GateError

if TYPE_CHECKING:
    from tlearn.artifacts.contract import Contract
    from tlearn.artifacts.verification import VerificationReport
    from tlearn.commands.check import CheckResult

_SIGNS = {"kept": ("✓", GOOD), "broken": ("✗", BAD), "warning": ("!", WARN)}
_SIGNS |= {"not checked": ("·", DIM)}
_TOP = 2


def check(
    artifact: Annotated[
        Path | None,
        options.argument(
            "A file that tlearn export wrote, or a SavedModel directory. Default: what was last "
            "exported from the latest run in runs/.",
            "ARTIFACT",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        options.argument(
            "Also run it on these images: a folder with one subfolder per class, or a table, is "
            "scored; other images are classified.",
            "IMAGES",
        ),
    ] = None,
    strict: Annotated[
        bool,
        options.switch("Fail too on a warning, and if anything could not be checked.", "--strict"),
    ] = False,
    output: Annotations = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Verify an exported file against its contract.

    Works on any machine: needs no run and, for a LiteRT file, no TensorFlow. Exit
    code 1 if any check fails; with --strict also if one gives a warning or could
    not be made.

    Example: [cyan]tlearn check[/]
    A file that was copied elsewhere: [cyan]tlearn check model.tflite[/]
    Score it too: [cyan]tlearn check model.tflite new_images/[/]
    """
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        result = api.check(artifact, images, progress=display)
    verification = result.verification
    broken = _broken_promises(result)
    doubts = _doubts(verification) if strict else []
    passed = result.passed and not doubts
    if output:
        print_annotations(_annotations(verification, strict), as_json)
    if as_json:
        print_json(to_json(result) | {"passed": passed, "strict": strict})
        raise typer.Exit(0 if passed else GateError.exit_code)
    closing = _next(verification, images) if passed else []
    print_result(*draw(verification), *_draw_answers(result, images, verbose), *closing)
    if not passed:
        _fail(verification, broken, doubts, images)


def _fail(
    verification: VerificationReport,
    broken: Sequence[str],
    doubts: Sequence[str],
    images: Path | None,
) -> None:
    """End with exit code 1, what failed, and what to do about it."""
    failed = verification.named("broken")
    again = "copy the file, its contract and golden/ from the export folder again, or "
    if failed:
        raise GateError(
            f"'{verification.artifact.name}' does not keep its contract: {enumeration(failed)}",
            f"{again}export it again: tlearn export RUN {_export_flag(verification.contract)}",
        )
    if broken:
        raise GateError(
            f"'{verification.artifact.name}' does not keep its promise: {'; '.join(broken)}",
            "the images are not like those it was made for, or their labels are not right: look at "
            f"them with tlearn doctor {shell_path(images or Path())}",
        )
    if doubts:
        raise GateError("; ".join(doubts), f"{again}leave out --strict")


def _broken_promises(result: CheckResult) -> list[str]:
    """Return how promises about answers were broken, in words."""
    sensitivity, coverage = result.sensitivity, [of for of in result.coverage if not of.holds]
    found = [] if sensitivity is None or sensitivity.holds else [sensitivity]
    return [
        *map(confidence_view.broken_sensitivity, found),
        *([confidence_view.broken_promise(coverage)] if coverage else ()),
    ]


def _doubts(verification: VerificationReport) -> list[str]:
    """Return what --strict fails, in words: checks that were not made or gave a warning."""
    kinds = {"not checked": "not checked", "with a warning": "warning"}
    named = {words: verification.named(verdict) for words, verdict in kinds.items()}
    return [
        f"{_share(verification, names)} {words}: {enumeration(names)}"
        for words, names in named.items()
        if names
    ]


def _annotations(verification: VerificationReport, strict: bool) -> list[str]:
    """Return a line for each check that failed, warns or was not made, and one for the verdict."""
    levels = {"broken": "error", "warning": "warning", "not checked": "notice"}
    if strict:
        levels = dict.fromkeys(levels, "error")
    lines = [
        annotation(
            levels[check.verdict], f"tlearn check: {check.name}", f"{check.verdict}: {check.detail}"
        )
        for check in verification.checks
        if check.verdict in levels
    ]
    verdict = f"{verification.artifact.name}: {_verdict(verification)}"
    return [*lines, annotation("notice", "tlearn check", verdict)]


def to_json(result: CheckResult) -> dict[str, Any]:
    """Return the document; `report` is for a folder that was scored, `predictions` for others."""
    verification, predictions = result.verification, result.predictions
    point, kept = verification.contract.operating_point, result.sensitivity
    return {
        "artifact": str(verification.artifact),
        "passed": verification.passed,
        "n_passed": len(verification.named("kept", "warning")),
        "n_failed": len(verification.named("broken")),
        "n_not_checked": len(verification.named("not checked")),
        "contract": "beside" if verification.beside else "inside",
        "checks": [asdict(check) for check in verification.checks],
        "report": result.scores and result.scores.to_json(),
        **confidence_view.to_json(result.coverage, result.known, result.refused),
        "operating_point": point and asdict(point),
        "sensitivity_kept": kept and asdict(kept) | {"holds": kept.holds},
        "predictions": [target.to_json() for target in result.targets]
        or (predictions and [prediction.to_json(_TOP) for prediction in predictions]),
    }


def draw(verification: VerificationReport) -> list[RenderableType]:
    """Return what the file is, and a line for each check."""
    contract, preprocessing = verification.contract, verification.contract.preprocessing
    numbers, point = quantization_name(contract.quantization), contract.operating_point
    side = preprocessing.image_size
    where = "beside the file" if verification.beside else "inside the file only"
    about = {
        "file": relative_path(verification.artifact),
        "format": f"{contract.format}, {numbers}, written by tlearn {contract.tlearn}",
        **_runtime_row(contract),
        "input": f"{side} x {side} {preprocessing.color_order}, {preprocessing.resize}: "
        f"{preprocessing.resize_in_words}",
        **outputs_row(contract.task, contract.labels),
        **({"answers": evaluate_view.point_in_words(point)} if point else {}),
        "contract": f"version {contract.version}, {where}",
    }
    rows = table("", "check", "on this machine")
    for check in verification.checks:
        rows.add_row(Text(*_SIGNS[check.verdict]), check.name, safe_text(check.detail))
    about_table = key_value_table({name: safe_text(text) for name, text in about.items()})
    return [Text(), about_table, Text(), rows, Text(), safe_text(_verdict(verification))]


def _runtime_row(contract: Contract) -> dict[str, str]:
    """Return what runs a LiteRT file; contracts of before say no version."""
    if contract.format != "tflite":
        return {}
    from tlearn.artifacts.contract import PROCESSORS

    version = f"TensorFlow Lite {contract.runtime} or newer, on " * bool(contract.runtime)
    return {"runs in" if version else "runs on": f"{version}{PROCESSORS[contract.quantization]}"}


def _verdict(verification: VerificationReport) -> str:
    """Return how many checks passed, failed and were not made, in one line."""
    counts = {"passed": ("kept", "warning"), "failed": ("broken",), "not checked": ("not checked",)}
    named = {word: verification.named(*verdicts) for word, verdicts in counts.items()}
    return ", ".join(
        f"{_share(verification, names)} {word}" for word, names in named.items() if names
    )


def _share(verification: VerificationReport, names: Sequence[str]) -> str:
    return f"{len(names)} of {len(verification.checks)}"


def _draw_answers(result: CheckResult, images: Path | None, verbose: bool) -> list[RenderableType]:
    from tlearn.evaluation.target_scores import TargetScores

    confidence = confidence_view.draw_confidence(
        result.coverage, result.known, sensitivity=result.sensitivity, refused=result.refused
    )
    if isinstance(result.scores, TargetScores):
        return [Text(), *target_view.draw_scores(result.scores, verbose)]
    if result.scores:
        point = result.verification.contract.operating_point
        scores = evaluate.draw_scores({}, result.scores, verbose=verbose, chosen=point)
        return [*scores, *confidence]
    if not (result.predictions or result.targets):
        return []
    answers = (
        [Text(), *target_view.draw_predictions(result.targets)]
        if result.targets
        else [*predict_view.draw(result.predictions or (), _TOP, verbose=True), *confidence]
    )
    if images and images.is_dir() and any(entry.is_dir() for entry in images.iterdir()):
        answers.append(Text("\nnot scored: no folder in it is named as a label of the file", WARN))
    return answers


def _export_flag(contract: Contract) -> str:
    """Return the flag that exports a file of the same format and mode."""
    if contract.quantization == "none":
        return f"--{contract.format.replace('_', '-')}"
    return f"--quantize {contract.quantization.replace('_', '-')}"


def _next(verification: VerificationReport, images: Path | None) -> list[RenderableType]:
    """Return the next step; a failure has a hint of its own instead."""
    if images is None:
        return [next_step(f"tlearn check {shell_path(verification.artifact)} FOLDER")]
    return [Text("\nAdd golden/ and the contract to the tests of your app.", DIM)]

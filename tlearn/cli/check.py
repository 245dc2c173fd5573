"""`tlearn check`: does an exported file keep its contract here, and how good is it on pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import evaluate, options, predict, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import BAD, DIM, GOOD, WARN
from tlearn.errors import GateError

if TYPE_CHECKING:
    from tlearn.artifacts.verification import VerificationReport
    from tlearn.evaluation.metrics import Report
    from tlearn.evaluation.predictions import Prediction

_SIGNS = {"kept": ("✓", GOOD), "broken": ("✗", BAD), "warning": ("!", WARN)}
_SIGNS |= {"not checked": ("·", DIM)}
_TOP = 2


def check(
    artifact: Annotated[
        Path,
        typer.Argument(
            metavar="ARTEFACT",
            help="A file that `tlearn export` wrote, or the directory of a SavedModel.",
            show_default=False,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Argument(
            metavar="IMAGES",
            help="Pictures to ask it about besides: a folder of class folders is scored, loose "
            "pictures are answered.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Hold an exported file to its contract, on any machine.

    Needs no run and, for a LiteRT file, no TensorFlow. A broken promise
    exits with 1.

    Example: [cyan]tlearn check model.tflite[/]
    Score it too: [cyan]tlearn check model.tflite new_pictures/[/]
    """
    from tlearn import api

    with Display(as_json) as display:
        checked, found = api.check(artifact, images, progress=display)
    if as_json:
        print_json(to_json(checked, found))
        raise typer.Exit(0 if checked.passed else GateError.exit_code)
    print_result(*draw(checked), *_draw_found(found), *_closing(checked, images))
    broken = [issue.name for issue in checked.checks if issue.verdict == "broken"]
    if broken:
        raise GateError(
            f"{checked.artifact.name} breaks its contract: {', '.join(broken)}",
            "take the file, its contract and golden/ together from the export folder again, or "
            "export anew: tlearn export RUN",
        )


def to_json(
    checked: VerificationReport, found: Report | Sequence[Prediction] | None
) -> dict[str, Any]:
    """The document; `report` is null without a folder to score, `predictions` without answers."""
    from tlearn.evaluation.metrics import Report

    report = found.to_json() if isinstance(found, Report) else None
    answers = None if found is None or isinstance(found, Report) else found
    return {
        "artifact": str(checked.artifact),
        "passed": checked.passed,
        "contract": "beside" if checked.beside else "inside",
        "checks": [asdict(promise) for promise in checked.checks],
        "report": report,
        "predictions": answers and predict.to_json(answers, _TOP)["predictions"],
    }


def draw(checked: VerificationReport) -> list[RenderableType]:
    """What the file is, and a line for each promise."""
    contract, how = checked.contract, checked.contract.preprocessing
    numbers = "float32" if contract.quantization == "none" else contract.quantization
    side = how.image_size
    where = "beside the file" if checked.beside else "inside the file only"
    facts = {
        "file": render.near(checked.artifact),
        "is": f"{contract.format}, {numbers}, by tlearn {contract.tlearn}",
        "takes": f"{side} x {side} {how.color_order}, {how.resize}: {how.resize_in_words}",
        "gives": f"{len(contract.labels)}: {render.class_names(contract.labels)}",
        "contract": f"version {contract.version}, {where}",
    }
    made = render.table("", "promise", "on this machine")
    for issue in checked.checks:
        made.add_row(Text(*_SIGNS[issue.verdict]), issue.name, render.words(issue.detail))
    drawn = {name: render.words(fact) for name, fact in facts.items()}
    return [Text(), render.facts(drawn), Text(), made]


def _draw_found(found: Report | Sequence[Prediction] | None) -> list[RenderableType]:
    from tlearn.evaluation.metrics import Report

    if found is None:
        return []
    if isinstance(found, Report):
        return evaluate.draw_report({}, found)
    return predict.draw(found, _TOP, None)


def _closing(checked: VerificationReport, images: Path | None) -> list[RenderableType]:
    """The next step, where nothing is broken; what is broken has a hint of its own."""
    if not checked.passed:
        return []
    if images is None:
        name = render.argument(checked.artifact)
        return [render.next_step(f"tlearn check {name} FOLDER")]
    return [render.next_step("golden/ and the contract belong into the tests of your app", "then")]

"""`tlearn export`: files for a device, each one run before it is called done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import budget, options, render, snippets
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import BAD, DIM, GOOD
from tlearn.errors import ExportError, GateFailure

if TYPE_CHECKING:
    from tlearn.export.parity import Artefact

_GENTLER = {
    "int8": "try --quantize dynamic or float16: they keep activations in float32",
    "dynamic": "try --quantize float16",
}

_Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where to. Left out: export/ inside the run."),
]
_MaxDrop = Annotated[
    float,
    typer.Option(
        min=0,
        max=100,
        metavar="POINTS",
        help="Largest drop of accuracy allowed, in percentage points.",
    ),
]
_Data = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where the run's pictures are now, if they moved."),
]


def export(
    run: options.Run = None,
    tflite: Annotated[
        bool, options.switch("A LiteRT (TFLite) file, for phones and boards.", "--tflite")
    ] = False,
    saved_model: Annotated[
        bool, options.switch("A TensorFlow SavedModel, for servers.", "--saved-model")
    ] = False,
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODE",
            help="Numbers in the LiteRT file: none (float32), float16 (half the size), dynamic "
            "(a quarter), int8 (a quarter, for NPUs). Implies --tflite; may be repeated.",
            show_default=False,
        ),
    ] = None,
    out: _Out = None,
    max_drop: _MaxDrop = 1.0,
    data: _Data = None,
    max_size: options.MaxSize = None,
    max_latency: options.MaxLatency = None,
    snippet: options.Snippet = None,
    as_json: options.Json = False,
) -> None:
    """Write the model as files for a device, and prove that they answer as it does.

    Every file is run on the validation pictures, or where they are gone on
    those that travel in the run. One that loses more than --max-drop is kept
    under a name that says so, and the exit code is 1. Beside each file lies
    its contract, which `tlearn check` holds it to.

    Example: [cyan]tlearn export --tflite[/]
    Small and smaller: [cyan]tlearn export --quantize float16 --quantize int8[/]
    The best that fits: [cyan]tlearn export --max-size 4MB --max-latency 30ms[/]
    To start an app with: [cyan]tlearn export --tflite --snippet android[/]
    """
    platforms = snippets.read_platforms(snippet)
    limits = budget.read_budget(max_size, max_latency)
    if limits:
        quantize = budget.modes_to_try(saved_model, quantize or ())
    formats = choose_formats(tflite or bool(platforms), saved_model, quantize or ())
    if limits:
        where = {"out": out, "max_drop": max_drop / 100, "data": data}
        budget.export_within(run, formats, limits, where, platforms, as_json)
        return
    from tlearn import api

    with Display(as_json) as display:
        artefacts = api.export(
            run, formats, out=out, max_drop=max_drop / 100, data=data, watch=display
        )
        programs = api.write_snippets(artefacts, platforms)
    failed = [artefact for artefact in artefacts if not artefact.passed]
    if as_json:
        print_json(to_json(artefacts) | snippets.to_json(programs))
        raise typer.Exit(GateFailure.exit_code if failed else 0)
    print_result(*draw(artefacts), *snippets.draw(programs))
    if failed:
        raise GateFailure(
            f"{len(failed)} of {len(artefacts)} files failed the check", _hint(failed)
        )


def choose_formats(
    tflite: bool, saved_model: bool, quantize: Sequence[str]
) -> list[tuple[str, str]]:
    """Pairs of format and quantization, in the order asked, each once.

    Raises:
        ExportError: Nothing was chosen, or a mode that does not exist.
    """
    from tlearn.export.quantization import MODES

    modes = [mode.lower() for mode in quantize]
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise ExportError(
            f"--quantize {', '.join(unknown)}: there is no such mode",
            "; ".join(f"{mode}: {meaning.split(';')[0]}" for mode, meaning in MODES.items()),
        )
    if not (tflite or saved_model or modes):
        raise ExportError(
            "no format was chosen",
            "--tflite for phones and boards, --saved-model for servers, or both",
        )
    chosen = [("tflite", mode) for mode in modes or (["none"] if tflite else [])]
    chosen += [("saved_model", "none")] if saved_model else []
    return list(dict.fromkeys(chosen))


def to_json(artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """The document; accuracies, agreement and drop are fractions."""
    return {
        "artefacts": [asdict(artefact) | {"path": str(artefact.path)} for artefact in artefacts]
    }


def draw(artefacts: Sequence[Artefact]) -> list[RenderableType]:
    """One line a file, then where they are and what failed."""
    made = render.table(
        "", "format", "numbers", "size", "agrees", "accuracy", "drop", "ms", right=(3, 4, 5, 6, 7)
    )
    for artefact in artefacts:
        made.add_row(
            Text("✓", GOOD) if artefact.passed else Text("✗", BAD),
            artefact.format,
            "float32" if artefact.quantization == "none" else artefact.quantization,
            render.size(artefact.size_bytes),
            render.percent(artefact.agreement),
            render.percent(artefact.accuracy),
            f"{100 * artefact.drop:.1f}",
            f"{artefact.milliseconds:.1f}" if artefact.milliseconds else "-",
        )
    legend = (
        f"agrees: same answer as the model, on {_checked_on(artefacts[0])}; drop: in points;\n"
        "ms: median of one picture at a time on one thread of this machine"
    )
    files = render.bullets([_file(artefact) for artefact in artefacts])
    return [Text(), made, Text(legend, DIM), Text(), files]


def _checked_on(artefact: Artefact) -> str:
    """The pictures that all of them were checked on."""
    part = artefact.checked_on.split()[-1]
    words = {"val": "validation pictures", "train": "pictures it was trained on"}[part]
    travel = "\nthat travel in the run" if artefact.checked_on != part else ""
    return f"{artefact.n_checked or 'the'} {words}{travel}"


def _file(artefact: Artefact) -> Text:
    text = render.words(render.near(artefact.path))
    return text if artefact.passed else text.append(f"\n{render.inert(artefact.reason)}", BAD)


def _hint(failed: Sequence[Artefact]) -> str:
    ways = [_GENTLER[a.quantization] for a in failed if a.quantization in _GENTLER]
    return "; ".join([*dict.fromkeys(ways), "or allow more with --max-drop POINTS"])

"""`tlearn export`: files for a device, each one run before it is called done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import export_budget as budget
from tlearn.cli import options, render, snippets
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import BAD, DIM, GOOD
from tlearn.errors import ExportError, GateError

if TYPE_CHECKING:
    from tlearn.export.comparison import ChangedPrediction
    from tlearn.export.parity import Artifact

_SHOWN_IMAGES = 3
_SHOWN_CLASSES = 2
_EXPLAINED = (
    "same: those that get the model's answer; right: accuracy; drop: in points of\n"
    "accuracy, with its 95 % interval; ms: median of one picture at a time, warm, on\n"
    "one thread here (a SavedModel: on its own threads)"
)


Tflite = Annotated[
    bool, options.switch("A LiteRT (TFLite) file, for phones and boards.", "--tflite")
]
Onnx = Annotated[
    bool, options.switch("An ONNX file; needs pip install 'tlearn\\[onnx]'.", "--onnx")
]
OpenVino = Annotated[
    bool,
    options.switch(
        "An OpenVINO pair (.xml, .bin); needs pip install 'tlearn\\[openvino]'.", "--openvino"
    ),
]
SavedModel = Annotated[
    bool, options.switch("A TensorFlow SavedModel, for servers.", "--saved-model")
]
Quantize = Annotated[
    list[str] | None,
    options.option(
        "Numbers in the LiteRT file: none (float32), float16 (half the size), dynamic (a quarter), "
        "int8 (a quarter, for NPUs), int8-float (int8 inside, floats in and out). Implies "
        "--tflite; may be repeated.",
        "MODE",
    ),
]
Out = Annotated[Path | None, options.option("Where to. Left out: export/ inside the run.", "DIR")]
MaxDrop = Annotated[
    float,
    typer.Option(
        min=0,
        max=100,
        metavar="POINTS",
        help="Largest drop of accuracy allowed, in percentage points.",
    ),
]


def export(
    run: options.Run = None,
    tflite: Tflite = False,
    onnx: Onnx = False,
    openvino: OpenVino = False,
    saved_model: SavedModel = False,
    quantize: Quantize = None,
    out: Out = None,
    max_drop: MaxDrop = 1.0,
    data: options.Data = None,
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
    asked = {"tflite": tflite, "onnx": onnx, "openvino": openvino, "saved_model": saved_model}
    names = [name for name, wanted in asked.items() if wanted]
    if limits:
        quantize = budget.modes_to_try(names, quantize or ())
    if platforms and "tflite" not in names:
        names.insert(0, "tflite")
    formats = choose_formats(names, quantize or ())
    if limits:
        where = {"out": out, "max_drop": max_drop / 100, "data": data}
        budget.export_within(run, formats, limits, where, platforms, as_json)
        return
    from tlearn import api

    with Display(as_json) as display:
        artifacts = api.export(
            run, formats, out=out, max_drop=max_drop / 100, data=data, progress=display
        )
        programs = api.write_snippets(artifacts, platforms)
    failed = [artifact for artifact in artifacts if not artifact.passed]
    if as_json:
        print_json(to_json(artifacts) | snippets.to_json(programs))
        raise typer.Exit(GateError.exit_code if failed else 0)
    first = render.argument(artifacts[0].path)
    closing = [] if failed else [render.next_step(f"tlearn check {first}")]
    print_result(*draw(artifacts), *snippets.draw(programs), *closing)
    if failed:
        raise GateError(f"{len(failed)} of {len(artifacts)} files failed the check", _hint(failed))


def choose_formats(asked: Sequence[str], quantize: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of format and quantization, in the order of the registry, each once.

    Args:
        asked: Keys of `export.formats.FORMATS`.
        quantize: Modes as a person writes them; they are those of the LiteRT file.

    Raises:
        ExportError: Nothing was chosen, or a mode that does not exist.
    """
    from tlearn.export.formats import FORMATS
    from tlearn.export.quantization import MODES

    modes = [mode.lower().replace("-", "_") for mode in quantize]
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise ExportError(
            f"--quantize {', '.join(unknown)}: there is no such mode",
            "; ".join(f"{mode}: {meaning.split(';')[0]}" for mode, meaning in MODES.items()),
        )
    if not (asked or modes):
        offered = (f"--{name.replace('_', '-')} for {f.meant_for}" for name, f in FORMATS.items())
        raise ExportError("no format was chosen", "; ".join(offered))
    wanted = {"tflite", *asked} if modes else set(asked)
    chosen = [
        (name, mode)
        for name in FORMATS
        if name in wanted
        for mode in ((modes or ["none"]) if name == "tflite" else ["none"])
    ]
    return list(dict.fromkeys(chosen))


def to_json(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """The document; accuracies, agreement, drop and differences are fractions."""
    return {
        "artifacts": [asdict(artifact) | {"path": str(artifact.path)} for artifact in artifacts]
    }


def draw(artifacts: Sequence[Artifact]) -> list[RenderableType]:
    """One line a file; then where they are, what failed, and pictures with another answer."""
    made = render.table(
        "", "file", "size", "same %", "right %", "drop", "95 %", "ms", right=range(2, 8)
    )
    for artifact in artifacts:
        made.add_row(
            Text("✓", GOOD) if artifact.passed else Text("✗", BAD),
            _kind(artifact),
            render.size(artifact.size_bytes),
            f"{100 * artifact.agreement:.1f}",
            f"{100 * artifact.accuracy:.1f}",
            f"{100 * artifact.accuracy_drop:.1f}",
            render.interval(*artifact.drop_interval),
            f"{artifact.milliseconds:.1f}" if artifact.milliseconds else "-",
        )
    files = render.bullets([_file(artifact) for artifact in artifacts])
    return [
        Text(),
        made,
        Text(f"checked on {_checked_on(artifacts[0])}\n{_EXPLAINED}", DIM),
        Text(),
        files,
        *_changes(artifacts),
    ]


def _kind(artifact: Artifact) -> str:
    named = artifact.quantization != "none"
    return f"{artifact.format} {artifact.quantization}" if named else artifact.format


def _checked_on(artifact: Artifact) -> str:
    """The pictures that all of them were checked on."""
    part = artifact.checked_on.split()[-1]
    words = {"val": "validation pictures", "train": "pictures it was trained on"}[part]
    travel = " that travel in the run" if artifact.checked_on != part else ""
    return f"{artifact.n_checked or 'the'} {words}{travel}"


def _file(artifact: Artifact) -> Text:
    text = render.words(render.near(artifact.path))
    if not artifact.passed:
        tried = "\na head solved for int8 was tried too" * artifact.head_refitted
        return text.append(f"\n{render.escape_control(artifact.failure)}{tried}", BAD)
    how = ", with a head solved for int8" * artifact.head_refitted
    return text.append(f"  probabilities within {artifact.largest_difference:.2g}{how}", DIM)


def _changes(artifacts: Sequence[Artifact]) -> list[RenderableType]:
    """Pictures that a file calls something else than the model does: a few of each file."""
    changed = [artifact for artifact in artifacts if artifact.changed_predictions]
    if not changed:
        return []
    blocks: list[RenderableType] = [render.heading("Pictures with another answer")]
    for artifact in changed:
        blocks.append(_classes(artifact))
        shown = [_change(change) for change in artifact.changed_predictions[:_SHOWN_IMAGES]]
        rest = len(artifact.changed_predictions) - len(shown)
        more = [f"and {rest} more (--json has them all)"] if rest else []
        blocks.append(render.indented(render.bullets([*shown, *more])))
    return blocks


def _classes(artifact: Artifact) -> Text:
    """How many pictures changed, and the classes that lost most by it."""
    lost = sorted(artifact.changed_classes, key=lambda change: change.after - change.before)
    worst = [
        f"{change.name} {100 * change.before:.1f} -> {100 * change.after:.1f} %"
        for change in lost[:_SHOWN_CLASSES]
        if change.after < change.before
    ]
    fell = f"; classes that fell: {', '.join(worst)}" if worst else ""
    return render.words(f"{_kind(artifact)}: {len(artifact.changed_predictions)}{fell}")


def _change(change: ChangedPrediction) -> str:
    became = {change.before: "was right", change.after: "is right"}
    judged = became.get(change.truth, f"in truth {change.truth}")
    return f"{change.image}: {change.before} -> {change.after} ({judged})"


def _hint(failed: Sequence[Artifact]) -> str:
    ways = dict.fromkeys(way for artifact in failed for way in artifact.advice)
    return "; ".join([*ways, "or " * bool(ways) + "allow more with --max-drop POINTS"])

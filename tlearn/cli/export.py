"""`tlearn export`: files for a device, each verified against the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tlearn.cli import boards, export_budget, options, snippets
from tlearn.cli.display.formats import enumeration, escape_control, pluralize, shell_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import next_steps
from tlearn.cli.evaluate_options import Cost, MinSensitivity, Positive, read_choice
from tlearn.cli.export_budget import read_budget
from tlearn.cli.export_options import (
    Bundle,
    ForRuntime,
    Layout,
    MaxDrop,
    MaxLatency,
    MaxSize,
    Onnx,
    OpenVino,
    Out,
    Prior,
    Quantize,
    Refuse,
    SavedModel,
    Snippet,
    Tflite,
    WithEmbedding,
    WithMaps,
)
from tlearn.cli.export_view import draw
from tlearn.cli.units import parse_class_shares
from tlearn.errors import ExportError, GateError, RecipeError, pasted

if TYPE_CHECKING:
    from tlearn.export.budget import Budget
    from tlearn.export.inputs import ExportOptions
    from tlearn.export.parity import Artifact


def export(
    run: options.Run = None,
    tflite: Tflite = False,
    onnx: Onnx = False,
    openvino: OpenVino = False,
    saved_model: SavedModel = False,
    quantize: Quantize = None,
    snippet: Snippet = None,
    bundle: Bundle = False,
    board: boards.For = None,
    out: Out = None,
    max_drop: MaxDrop = 1.0,
    data: options.Data = None,
    positive: Positive = None,
    cost: Cost = None,
    min_sensitivity: MinSensitivity = None,
    refuse: Refuse = None,
    prior: Prior = None,
    with_maps: WithMaps = False,
    with_embedding: WithEmbedding = False,
    max_size: MaxSize = None,
    max_latency: MaxLatency = None,
    for_runtime: ForRuntime = None,
    layout: Layout = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Export the model and verify every exported file against it.

    Each file is run on the validation images or, if the images are no longer
    available, on the samples stored with the run. A file that loses more than
    --max-drop is kept under a name that says so, and the exit code is 1. Beside each
    file lies its contract, for tlearn check.

    Example: [cyan]tlearn export --tflite[/]
    Smaller files: [cyan]tlearn export --quantize float16 --quantize int8[/]
    Refuse more: [cyan]tlearn export --tflite --refuse 10%[/]
    The best that fits: [cyan]tlearn export --max-size 4MB --max-latency 30ms[/]
    To start an app with: [cyan]tlearn export --snippet android[/]
    For a small board: [cyan]tlearn export --for esp32[/]
    """
    wanted = snippets.read_wanted(snippet, bundle)
    flags = {"tflite": tflite, "onnx": onnx, "openvino": openvino, "saved_model": saved_model}
    names = [name for name, chosen in flags.items() if chosen or name in wanted.formats]
    budget = read_budget(max_size, max_latency, for_runtime, not board and bool(names or quantize))
    formats = _formats(names, quantize or (), budget, board)
    _refuse_idle(formats, tflite=("--for-runtime", for_runtime), onnx=("--layout", layout))
    asked = _options(parse_class_shares(prior or (), "--prior"), positive, cost, min_sensitivity)
    asked = replace(asked, max_drop=max_drop / 100, refuse=refuse, maps=with_maps)
    asked = replace(asked, embedding=with_embedding or wanted.teaching)
    settings: dict[str, Any] = {"options": asked, "out": out, "data": data}
    display = Display(as_json, quiet, verbose)
    if board:
        boards.export_for(run, board, settings, wanted, display)
    elif budget:
        export_budget.export_within(run, formats, budget, settings, wanted, display)
    else:
        settings |= {"for_runtime": for_runtime or "", "layout": layout}
        _export_each(run, formats, settings, wanted, display)


def _export_each(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
    wanted: snippets.Wanted,
    display: Display,
) -> None:
    """Export every file that was asked for, with the programs for them, and report."""
    from tlearn import api

    with display:
        artifacts = api.export(run, formats, **settings, progress=display)
        programs = wanted.write(artifacts)
    _report(artifacts, programs, display.as_json)


def _refuse_idle(formats: Sequence[tuple[str, str]], **flags: tuple[str, object]) -> None:
    """Refuse a flag about the files of a format of which none is written."""
    for name, (flag, value) in flags.items():
        if value is not None and name not in {format for format, _ in formats}:
            raise ExportError(f"{flag} is about {name} files", f"have one written: --{name}")


def _formats(
    names: Sequence[str],
    quantize: Sequence[str],
    budget: Budget | None,
    board: str | None,
) -> list[tuple[str, str]]:
    """Return pairs of format and quantization, with those that other flags imply."""
    if board:
        boards.ensure_int8_alone(board, names, quantize, budget)
        return [("tflite", "int8")]
    if budget:
        quantize = export_budget.modes_to_try(names, quantize)
    return choose_formats(names, quantize)


def _report(artifacts: Sequence[Artifact], programs: Sequence[Path], as_json: bool) -> None:
    """Print the document or the table, and end with the exit code that is due."""
    failed = [artifact for artifact in artifacts if not artifact.passed]
    if as_json:
        print_json(to_json(artifacts) | snippets.to_json(programs))
        raise typer.Exit(GateError.exit_code if failed else 0)
    closing = [] if failed else [next_steps(_steps(artifacts))]
    print_result(*draw(artifacts), *snippets.draw(programs), *closing)
    if failed:
        _fail(failed, len(artifacts))


def _fail(failed: Sequence[Artifact], n: int) -> None:
    """End with exit code 1 and what to do about the files, of n, that failed."""
    what = "failed the check" if any(map(_is_written, failed)) else "could not be written"
    raise GateError(f"{len(failed)} of {pluralize(n, 'file')} {what}", _hint(failed))


def _options(
    prior: dict[str, float], positive: str | None, cost: str | None, min_sensitivity: float | None
) -> ExportOptions:
    choice = read_choice(positive, cost, min_sensitivity)
    if positive and not choice.has_point:
        raise RecipeError(
            "--positive says what a threshold looks for, and none is chosen",
            f"choose one: --min-sensitivity 0.95 --positive {pasted(positive)}",
        )
    from tlearn.export.inputs import ExportOptions

    return ExportOptions(choice=choice, prior=prior)


def choose_formats(names: Sequence[str], quantize: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of format and quantization, in the order of the registry, each once.

    Args:
        names: Keys of `export.formats.FORMATS`.
        quantize: Modes as people write them; they are those of the LiteRT file.

    Raises:
        ExportError: Nothing was chosen, or a mode that does not exist.
    """
    from tlearn.export.formats import FORMATS
    from tlearn.export.quantization import MODES

    modes = [mode.lower().replace("-", "_") for mode in quantize]
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        known = ", ".join(mode.replace("_", "-") for mode in MODES)
        raise ExportError(
            f"no such mode: --quantize {enumeration(unknown)}",
            f"choose one of {known}, as in: --quantize float16",
        )
    if not (names or modes):
        offers = [f"--{name.replace('_', '-')} for {f.meant_for}" for name, f in FORMATS.items()]
        raise ExportError(
            "no format was chosen", f"{', '.join(offers)}; as in: tlearn export --tflite"
        )
    chosen = {"tflite", *names} if modes else set(names)
    pairs = [
        (name, mode)
        for name in FORMATS
        if name in chosen
        for mode in ((modes or ["none"]) if name == "tflite" else ["none"])
    ]
    return list(dict.fromkeys(pairs))


def to_json(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """Return the document; a path is null where no file could be written.

    Accuracies, agreement, drop and differences are fractions.
    """
    return {
        "artifacts": [
            asdict(artifact) | {"path": str(artifact.path) if _is_written(artifact) else None}
            for artifact in artifacts
        ]
    }


def _steps(artifacts: Sequence[Artifact]) -> dict[str, str]:
    file = escape_control(shell_path(artifacts[0].path))
    steps = {f"tlearn check {file}": "on any machine", f"tlearn benchmark {file}": "its speed here"}
    for artifact in artifacts:
        if artifact.format == "saved_model":
            # TensorFlow Serving wants a folder of numbered versions; it need not be on the disk.
            volume = f"{escape_control(str(artifact.path.absolute()))}:/models/model/1"
            serve = f"docker run -p 8501:8501 -v {pasted(volume)} tensorflow/serving"
            steps[serve] = "answers at /v1/models/model:predict"
    return steps


def _hint(failed: Sequence[Artifact]) -> str:
    remedies = dict.fromkeys(remedy for artifact in failed for remedy in artifact.advice)
    if any(_is_written(artifact) and _loses(artifact) for artifact in failed):
        remedies["or " * bool(remedies) + "allow a larger loss: --max-drop POINTS"] = None
    return "; ".join(remedies)


def _loses(artifact: Artifact) -> bool:
    return max(artifact.accuracy_drop, artifact.steps_drop or 0.0) > 0


def _is_written(artifact: Artifact) -> bool:
    return artifact.size_bytes > 0

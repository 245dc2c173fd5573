"""`tlearn export`: files for a device, each verified against the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlearn.artifacts.contract import LAYOUTS
from tlearn.artifacts.extras import require_extra
from tlearn.backend.with_tensorflow import prefer_tensorflow
from tlearn.data.targets import ONE_CLASS
from tlearn.errors import ExportError
from tlearn.export import web_runtime
from tlearn.export.best_of import export_best
from tlearn.export.board_files import BoardFiles, write_board
from tlearn.export.budget import Budget, BudgetResult, suggestions
from tlearn.export.folder import export_folder
from tlearn.export.formats import find_format
from tlearn.export.from_run import prepare_export
from tlearn.export.inputs import ExportOptions
from tlearn.export.parity import Artifact
from tlearn.export.snippets import format_for, write_snippet
from tlearn.export.write import (
    Target,
    export_artifact,
    needs_calibration,
    step_label,
    unwritten_artifact,
)
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import ensure_writable
from tlearn.storage.text import read_json


def export(
    run: Path | None,
    targets: Sequence[Target],
    *,
    options: ExportOptions | None = None,
    out: Path | None = None,
    data: Path | None = None,
    for_runtime: str = "",
    layout: str | None = None,
    progress: ProgressCallback = no_progress,
) -> list[Artifact]:
    """Write files for a device, each run on the validation images before it is called done.

    Args:
        run: The run directory; None takes the newest under runs/.
        targets: Pairs of a format in `export.formats.FORMATS` and a mode that it has.
        options: What the files shall give, and how they are checked; None for the defaults.
        out: Where to; by default the run's own export folder.
        data: Where the run's images are now.
        for_runtime: Version of TensorFlow Lite that must run LiteRT files, as "2.14"; "" for any.
        layout: Order of the axes of the ONNX file's input, one of `contract.LAYOUTS`; None for the
            first, that of the other formats.
        progress: Called with (step, done, total).

    Returns:
        Every artifact; one that failed says so, and its file's name too. Of several formats, one
        that cannot hold the network is among them, failed and without a size.

    Raises:
        TlearnError: A format, the run, its images or the place cannot be used.
    """
    trained, folder = _open(run, targets, out, data, progress)
    inputs = prepare_export(trained, needs_calibration(targets), options)
    inputs = replace(inputs, for_runtime=for_runtime, layout=layout or LAYOUTS[0])
    artifacts = []
    with export_folder(folder, progress):
        for target in targets:
            progress(step_label(target), 0, 0)
            try:
                artifacts.append(export_artifact(inputs, folder, target))
            except ExportError as error:
                if len(targets) == 1:
                    raise
                artifacts.append(unwritten_artifact(inputs, folder, target, error))
    return artifacts


def export_within(
    run: Path | None,
    targets: Sequence[Target],
    budget: Budget,
    *,
    options: ExportOptions | None = None,
    out: Path | None = None,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> BudgetResult:
    """Write the best file within a budget; the other arguments are those of `export`.

    Returns:
        What was tried, what was kept, and what would help where nothing was.

    Raises:
        TlearnError: The run, its images or the place cannot be used.
    """
    trained, folder = _open(run, targets, out, data, progress)
    inputs = prepare_export(trained, needs_calibration(targets), options)
    inputs = replace(inputs, for_runtime=budget.for_runtime)
    with export_folder(folder, progress):
        result = export_best(inputs, targets, folder, budget, progress)
    if result.kept:
        return result
    images = str(data or read_json(trained.directory.metrics_path)["folder"])
    ways = suggestions(result, trained.plan.images.image_size, trained.plan.backbone.name, images)
    return replace(result, suggestions=ways)


def export_for_board(
    run: Path | None,
    board: str,
    *,
    options: ExportOptions | None = None,
    out: Path | None = None,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> tuple[Artifact, BoardFiles | None]:
    """Write an int8 file and the sources of a program for a board of `export.boards.BOARDS`.

    The other arguments are those of `export`.

    Returns:
        The file, and what was measured of it in TensorFlow Lite Micro; None where it failed before.

    Raises:
        TlearnError: The run, its images or the place cannot be used, a package is missing, or the
            network cannot run on boards.
    """
    target = ("tflite", "int8")
    require_extra("board")
    trained, folder = _open(run, [target], out, data, progress)
    if trained.plan.task == ONE_CLASS:
        raise ExportError(
            f"--for {board}: how unlike good images one is does not survive int8",
            "have what judges it in floats, for phones and computers: --quantize int8-float",
        )
    inputs = prepare_export(trained, True, options)
    with export_folder(folder, progress):
        progress(step_label(target), 0, 0)
        artifact = export_artifact(inputs, folder, target)
        if not artifact.passed:
            return artifact, None
        progress(f"run for {board}", 0, 0)
        return artifact, write_board(artifact.path, board, inputs)


def write_snippets(
    artifacts: Sequence[Artifact], platforms: Sequence[str], *, bundle: bool = False
) -> list[Path]:
    """Write a program for every platform beside every file for it that passed its check.

    Args:
        artifacts: As exported.
        platforms: Of `tlearn.export.snippets.PROGRAMS`.
        bundle: Whether LiteRT.js, which runs web pages, is fetched by npm and laid beside them.

    Raises:
        TlearnError: A file or the place cannot be used.
    """
    passed = [artifact for artifact in artifacts if artifact.passed]
    programs = [
        write_snippet(artifact.path, platform)
        for artifact in passed
        for platform in platforms
        if artifact.format == format_for(platform)
    ]
    if bundle:
        for folder in {artifact.path.parent for artifact in passed if artifact.format == "tflite"}:
            web_runtime.lay(folder)
    return programs


def _open(
    run: Path | None,
    targets: Sequence[Target],
    out: Path | None,
    data: Path | None,
    progress: ProgressCallback,
) -> tuple[TrainedRun, Path]:
    """Open the run and find where its files go; what can be refused is refused at once."""
    prefer_tensorflow()
    for target in targets:
        find_format(*target)
    trained = TrainedRun.open(run, data, progress)
    if out is None:
        trained.directory.refuse_links((trained.directory.export_dir.name,))
    folder = out or trained.directory.export_dir
    ensure_writable(folder)
    return trained, folder

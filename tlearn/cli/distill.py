"""`tlearn distill`: train a small network to reproduce the outputs of a large one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import percent, relative_path, shell_path, size
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import key_value_table, next_step, safe_text, table
from tlearn.cli.units import parse_time

if TYPE_CHECKING:
    from tlearn.commands.distill import DistillResult
    from tlearn.commands.shrink import ShrinkResult

_TEACHER = "Teacher and student"

_Sources = Annotated[
    list[Path],
    options.argument(
        "Folders, zip or tar archives, or files; labels are not needed, many images are.",
        "IMAGES...",
    ),
]
_Teacher = Annotated[
    str,
    options.option(
        "Backbone by name (also hub:PRESET), a .keras file, or a run directory.",
        "NAME|RUN",
        _TEACHER,
    ),
]
_Student = Annotated[str, options.option("Backbone by name.", "NAME", _TEACHER, show_default=True)]
_For = Annotated[
    str,
    options.option(
        "How long to train, e.g. 45s, 90m, 3h; includes time from earlier, interrupted runs.",
        "TIME",
        name="--for",
        show_default=True,
    ),
]
_Out = Annotated[
    Path, options.option("Where the student and its checkpoint go.", "DIR", show_default=True)
]
_ImageSize = Annotated[
    int | None,
    options.option("Input resolution of the student. Default: its own.", "PIXELS", _TEACHER),
]
_TeacherWeights = Annotated[
    str | None, options.option("File with the teacher's weights.", "FILE", _TEACHER)
]
_TeacherSize = Annotated[
    int | None,
    options.option("Input resolution of the teacher. Default: its own.", "PIXELS", _TEACHER),
]
_Views = Annotated[
    int,
    options.option(
        "Augmented views per image that the teacher is run on.",
        "N",
        options.IMAGES,
        min=1,
        max=64,
        show_default=True,
    ),
]
_Augmentation = Annotated[
    str,
    options.option(
        "How strongly views are augmented: none, light, medium, strong.",
        "LEVEL",
        options.IMAGES,
        "--augment --augmentation",
        show_default=True,
    ),
]


def distill(
    sources: _Sources,
    teacher: _Teacher,
    student: _Student = "mobilenet_050",
    budget: _For = "60m",
    out: _Out = Path("student"),
    image_size: _ImageSize = None,
    teacher_weights: _TeacherWeights = None,
    teacher_size: _TeacherSize = None,
    views: _Views = 4,
    augmentation: _Augmentation = "light",
    horizontal_flip: options.HorizontalFlip = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train a small network to reproduce the outputs of a large one, without labels.

    For a run that is too large or too slow for the phone, or to make a small
    backbone for images of your kind. Teacher outputs are computed once per view;
    the student trains for a fixed time, and resumes when the command is rerun.

    Example: [cyan]tlearn distill images/ --teacher runs/big --student mobilenet_025[/]
    A backbone: [cyan]tlearn distill shard-*.tar.gz --teacher mobilenet_v2 --for 2h[/]
    """
    seconds = parse_time(budget, "--for")
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        result = api.distill(
            sources,
            teacher,
            student,
            seconds=seconds,
            out=out,
            image_size=image_size,
            teacher_weights=Path(teacher_weights) if teacher_weights else None,
            teacher_size=teacher_size,
            views=views,
            augmentation=augmentation,
            horizontal_flip=horizontal_flip is not False,
            resize=resize or "squash",
            seed=seed or 0,
            progress=display,
        )
    if as_json:
        print_json(to_json(result))
    else:
        print_result(*draw(result, student, image_size))


def to_json(result: DistillResult) -> dict[str, Any]:
    """Return the document; correlation and agreement are fractions."""
    return {
        "weights": str(result.weights),
        "embedding_correlation": result.embedding_correlation,
        "agreement": result.agreement,
        "n_images": result.n_images,
        "seconds": result.seconds.get("total"),
        "timings": result.seconds,
        "shrunk": _shrunk_to_json(result.shrunk) if result.shrunk else None,
    }


def _shrunk_to_json(shrunk: ShrinkResult) -> dict[str, Any]:
    pairs = {key: getattr(shrunk, key) for key in ("accuracy", "size_bytes", "milliseconds")}
    return {"run": str(shrunk.run.path)} | {
        key: dict(zip(("teacher", "student"), pair, strict=True)) for key, pair in pairs.items()
    }


def draw(result: DistillResult, student: str, image_size: int | None) -> list[RenderableType]:
    """Return how alike the two are, where the student is, and how to use it."""
    rows = {
        "student": safe_text(relative_path(result.weights)),
        "images": Text(f"{result.n_images:,}"),
        "match": Text(
            f"{result.embedding_correlation:.2f} correlation with the teacher's embedding, on "
            "held-out images"
        ),
    }
    if result.agreement is not None:
        rows["agreement"] = Text(
            f"the same class as the teacher on {percent(result.agreement)} of held-out images"
        )
    if result.shrunk:
        return [Text(), key_value_table(rows), Text(), *_draw_shrunk(result.shrunk)]
    resolution = f" --image-size {image_size}" if image_size else ""
    weights = shell_path(result.weights)
    command = f"tlearn finetune FOLDER --backbone {student} --weights {weights}{resolution}"
    return [Text(), key_value_table(rows), next_step(command)]


def _draw_shrunk(shrunk: ShrinkResult) -> list[RenderableType]:
    rows = table("", "accuracy", "model", "one image", right=(1, 2, 3))
    values = zip(shrunk.accuracy, shrunk.size_bytes, shrunk.milliseconds, strict=True)
    for name, (accuracy, n_bytes, milliseconds) in zip(("teacher", "student"), values, strict=True):
        rows.add_row(name, percent(accuracy), size(n_bytes), f"{milliseconds:.1f} ms")
    return [rows, next_step(f"tlearn export {shell_path(shrunk.run.path)} --tflite")]

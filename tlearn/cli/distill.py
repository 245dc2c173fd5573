"""`tlearn distill`: a smaller network learns to answer as a larger one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.units import parse_time

if TYPE_CHECKING:
    from tlearn.commands.shrink import ShrinkResult
    from tlearn.commands.teach import DistillResult


_Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="PICTURES...",
        help="Folders, tar archives or files; labels are not needed, more pictures are.",
        show_default=False,
    ),
]
_Teacher = Annotated[
    str,
    typer.Option(
        metavar="NAME|RUN",
        help="Who teaches: a backbone by name, a .keras file, or the directory of a run.",
        show_default=False,
    ),
]
_Student = Annotated[
    str,
    typer.Option(metavar="NAME", help="Who learns: a backbone by name."),
]
_For = Annotated[
    str,
    typer.Option(
        "--for", metavar="TIME", help="How long to teach: 45s, 90m, 3h; earlier sittings count."
    ),
]
_Out = Annotated[
    Path, typer.Option(metavar="DIR", help="Where the student goes, and its checkpoint.")
]
_ImageSize = Annotated[
    int | None,
    typer.Option(metavar="PIXELS", help="Side of the student's input. Left out: its own."),
]
_TeacherWeights = Annotated[
    str | None, typer.Option(metavar="FILE", help="File with the teacher's weights.")
]
_TeacherSize = Annotated[
    int | None,
    typer.Option(metavar="PIXELS", help="Side of the teacher's input. Left out: its own."),
]
_Views = Annotated[
    int,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        help="Views of each picture that the teacher is asked about.",
    ),
]
_Augmentation = Annotated[
    str, typer.Option(metavar="NAME", help="How views are drawn: none, light, medium, strong.")
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
    as_json: options.Json = False,
) -> None:
    """Teach a small network to answer as a large one, from pictures without labels.

    Use it when a run is too large or too slow for the phone, or to make a small
    backbone for pictures of your own kind. The teacher looks at every view once;
    the student sees the same views. A narrower backbone of the teacher's family
    begins with its best channels. Run the same command again to go on.

    Example: [cyan]tlearn distill pictures/ --teacher runs/big --student mobilenet_025[/]
    A backbone: [cyan]tlearn distill shard-*.tar.gz --teacher mobilenet_v2 --for 2h[/]
    """
    seconds = parse_time(budget, "--for")
    from tlearn import api

    with Display(as_json) as display:
        taught = api.distill(
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
        print_json(to_json(taught))
    else:
        print_result(*draw(taught, student, image_size))


def to_json(taught: DistillResult) -> dict[str, Any]:
    """The document; match and agreement are fractions."""
    return {
        "weights": str(taught.weights),
        "embedding_correlation": taught.embedding_correlation,
        "agreement": taught.agreement,
        "n_images": taught.n_images,
        "seconds": taught.seconds.get("total"),
        "timings": taught.seconds,
        "shrunk": _shrunk_to_json(taught.shrunk) if taught.shrunk else None,
    }


def _shrunk_to_json(shrunk: ShrinkResult) -> dict[str, Any]:
    pairs = {key: getattr(shrunk, key) for key in ("accuracy", "size_bytes", "milliseconds")}
    return {"run": str(shrunk.run.path)} | {
        key: dict(zip(("teacher", "student"), pair, strict=True)) for key, pair in pairs.items()
    }


def draw(taught: DistillResult, student: str, image_size: int | None) -> list[RenderableType]:
    """How alike they are, where the student is, how to use it."""
    rows = {
        "student": render.words(render.near(taught.weights)),
        "pictures": Text(f"{taught.n_images:,}"),
        "match": Text(
            f"{taught.embedding_correlation:.2f} correlation with the teacher's embedding, held out"
        ),
    }
    if taught.agreement is not None:
        rows["agreement"] = Text(f"{render.percent(taught.agreement)} the same class, held out")
    if taught.shrunk:
        return [Text(), render.facts(rows), Text(), *_draw_shrunk(taught.shrunk)]
    size = f" --image-size {image_size}" if image_size else ""
    weights = render.argument(taught.weights)
    command = f"tlearn finetune FOLDER --backbone {student} --weights {weights}{size}"
    return [Text(), render.facts(rows), render.next_step(command)]


def _draw_shrunk(shrunk: ShrinkResult) -> list[RenderableType]:
    made = render.table("", "accuracy", "model", "one picture", right=(1, 2, 3))
    rows = zip(shrunk.accuracy, shrunk.size_bytes, shrunk.milliseconds, strict=True)
    for name, (accuracy, size, spent) in zip(("teacher", "student"), rows, strict=True):
        made.add_row(name, render.percent(accuracy), render.size(size), f"{spent:.1f} ms")
    run = render.argument(shrunk.run.path)
    return [made, Text(), render.next_step(f"tlearn export {run} --tflite")]

"""`tlearn distill`: teach a small network to answer as a large one, from unlabeled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlearn.commands.shrink import shrink
from tlearn.commands.teach import DistillConfig, DistillResult, Job, distill_weights
from tlearn.data.targets import ensure_classes
from tlearn.errors import BackboneError, quoted
from tlearn.models.catalog import BackboneSpec, check_image_size, find_backbone
from tlearn.models.resolve import ResolvedBackbone, resolve_backbone
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.contents import read_contents
from tlearn.runs.directory import RunDirectory


def distill(
    sources: Sequence[Path],
    teacher: str,
    student: str,
    *,
    seconds: float,
    out: Path,
    image_size: int | None = None,
    teacher_weights: Path | None = None,
    teacher_size: int | None = None,
    views: int = 4,
    augmentation: str = "light",
    horizontal_flip: bool = True,
    resize: str = "squash",
    seed: int = 0,
    progress: ProgressCallback = no_progress,
) -> DistillResult:
    """Teach a small network to answer as a large one, from images without labels.

    Args:
        sources: Folders, files, zip and tar archives.
        teacher: A backbone by name, a .keras file, or the directory of a run.
        student: A backbone by name; starts from random weights.
        seconds: Time to teach, including time from earlier, interrupted sessions at `out`.
        out: Where the student goes.
        image_size: Side of the student's input; None for its own.
        teacher_weights: The teacher's weights; None looks for them.
        teacher_size: Side of the teacher's input; None for its own.
        views: Views of each image, the clean one counted.
        augmentation: How the others are drawn.
        horizontal_flip: Whether they may be flipped.
        resize: How an image becomes square.
        seed: Of everything random.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: Teacher, student or images cannot be used.
    """
    spec, size = find_student(student, image_size)
    resolved = find_teacher(teacher, teacher_weights, teacher_size)
    config = DistillConfig(
        resolved, spec, size, resize, views, augmentation, horizontal_flip, seconds, seed
    )
    result = distill_weights(Job(config, out, progress), sources)
    if not Path(teacher).is_dir():
        return result
    small = resolve_backbone(spec.name, result.weights, size)
    run = RunDirectory.open(Path(teacher))
    return replace(result, shrunk=shrink(run, resolved, small, resize, progress))


def find_teacher(name: str, weights: Path | None, image_size: int | None) -> ResolvedBackbone:
    """Find a backbone by name, a .keras file, or the model of a run."""
    if Path(name).is_dir():
        run = RunDirectory.open(Path(name))
        ensure_classes(read_contents(run).plan.task, "tlearn distill")
        name = str(run.model_path)
    teacher = resolve_backbone(name, weights, image_size)
    if teacher.parts:
        raise BackboneError(
            f"{quoted(name)} gives no answers to teach: they come from a head on both networks",
            "train one first, and name its run: --teacher runs/RUN",
        )
    return teacher


def find_student(name: str, image_size: int | None) -> tuple[BackboneSpec, int]:
    """Find the student's spec and size.

    Raises:
        BackboneError: There is no such backbone, or it does not take images so small.
    """
    spec = find_backbone(name)
    size = image_size or spec.image_size
    check_image_size(spec, size)
    return spec, size

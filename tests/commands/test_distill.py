"""Who teaches, who learns, and what is too little to learn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn import api
from tlearn.commands.distill import find_student, find_teacher
from tlearn.errors import BackboneError, DataError, HostError, RunError


def test_a_run_teaches_by_its_model(finished_run: Path) -> None:
    teacher = find_teacher(str(finished_run), None, None)
    assert teacher.name == str(finished_run / "model.keras") and teacher.image_size == 32
    with pytest.raises(RunError):
        find_teacher(str(finished_run.parent), None, None)


def test_a_student_takes_its_own_size_and_none_below_its_smallest() -> None:
    spec, size = find_student("mobilenet-v2", None)
    assert (spec.name, size) == ("mobilenet_v2", spec.image_size)
    with pytest.raises(BackboneError, match="at least 75 x 75 pixels") as error:
        find_student("inception_v3", 74)
    assert "--image-size" in error.value.hint


def test_too_few_images_are_refused(
    image_folder: Callable[..., Path],
    tiny_backbone: Path,
    converted: None,
    tmp_path: Path,
) -> None:
    images, steps = image_folder(per_class=3), list[str]()

    def distill() -> None:
        api.distill(
            [images],
            str(tiny_backbone),
            "mobilenet_025",
            seconds=1.0,
            out=tmp_path / "student",
            progress=lambda step, *_: steps.append(step),
        )

    with pytest.raises(DataError, match=f"{len([*images.rglob('*.*')])} images are too few"):
        distill()
    assert not steps  # neither was the teacher made ready, nor was an image read
    for image in images.rglob("*.*"):
        for n in range(40):
            (image.parent / f"{image.stem}-{n}{image.suffix}").write_bytes(image.read_bytes())
    with pytest.raises(DataError, match="different readable images are too few"):
        distill()
    assert not (tmp_path / "student").exists()


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(
    image_folder: Callable[..., Path], tiny_backbone: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    steps = list[str]()
    with pytest.raises(HostError, match="Not a directory"):
        api.distill(
            [image_folder(per_class=40)],
            str(tiny_backbone),
            "mobilenet_025",
            seconds=1.0,
            out=tmp_path / "file" / "student",
            progress=lambda step, *_: steps.append(step),
        )
    assert not steps


def test_backbones_side_by_side_teach_as_a_run_only(
    tiny_backbone: Path, tinier_backbone: Path
) -> None:
    with pytest.raises(BackboneError, match="gives no answers to teach") as error:
        find_teacher(f"{tiny_backbone}+{tinier_backbone}", None, None)
    assert "--teacher" in (error.value.hint or "")

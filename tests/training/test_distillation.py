"""A student learns the stored outputs of its teacher, for a given time, and can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from tlearn.errors import RunError
from tlearn.models.catalog import find_backbone
from tlearn.training.distillation import Student, build_student, fit_projection, train_student
from tlearn.training.teacher_dataset import Standardizer, TeacherDataset

Build = Callable[..., Student]


@pytest.fixture
def build() -> Build:
    spec = find_backbone("mobilenet_025")
    return lambda classes=2, seed=0: build_student(spec, 32, classes, width=3, seed=seed)


def embedding_error(student: Student, teacher_dataset: TeacherDataset) -> float:
    """Return the mean squared error of the standardized embedding."""
    views = [(digest, 0) for digest in teacher_dataset.digests]
    targets = Standardizer.of(teacher_dataset).apply(teacher_dataset.outputs(views)[0])
    outputs = student.training_model.predict_on_batch(teacher_dataset.inputs(views))
    return float(np.square(outputs["embedding"] - targets).mean())


def test_a_student_has_the_outputs_of_its_teacher(build: Build) -> None:
    student = build()
    assert set(student.training_model.output) == {"embedding", "source"}
    assert student.network.output_shape == (None, 2)
    assert set(build(classes=0).training_model.output) == {"embedding"}


def test_the_seed_decides_the_weights(build: Build) -> None:
    first, same, other = (build(seed=seed).network.get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_projection_is_fitted_to_the_teachers_embedding(
    build: Build, teacher_dataset: TeacherDataset
) -> None:
    student = build()
    for layer in student.network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    views = [(digest, 0) for digest in teacher_dataset.digests]
    student.network([teacher_dataset.inputs(views)], training=True)  # real statistics
    fit_projection(student, teacher_dataset)
    # 256 features and twelve images: least squares fits them nearly exactly; a mean would give 1.
    assert embedding_error(student, teacher_dataset) < 0.3


def test_the_checkpoint_of_other_networks_is_refused(
    build: Build, teacher_dataset: TeacherDataset, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.npz"
    np.savez(checkpoint, np.zeros(3), spent=1.0, rounds=1, rate=0.1)
    with pytest.raises(RunError, match="is of another student or teacher") as error:
        train_student(build(), teacher_dataset, 5.0, checkpoint)
    assert error.value.hint.endswith("--out FOLDER")


@pytest.mark.slow
def test_a_student_is_trained_for_a_time_and_resumed(
    build: Build, teacher_dataset: TeacherDataset, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.npz"
    calls: list[tuple[int, int]] = []
    student = build()
    train_student(
        student,
        teacher_dataset,
        1.0,
        checkpoint,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls[-1] == (1, 1)
    trained = student.training_model.get_weights()
    resumed = build(seed=1)
    train_student(resumed, teacher_dataset, 1.0, checkpoint)  # no time is left: only resumed
    for left, right in zip(trained, resumed.training_model.get_weights(), strict=True):
        assert np.array_equal(left, right)
    with np.load(checkpoint) as saved:
        assert saved["spent"] >= 1.0 and saved["rounds"] >= 1

"""A teacher's outputs for views, and the batches its student learns from."""

from __future__ import annotations

import numpy as np

from tlearn.training.teacher_dataset import Standardizer, TeacherBatches, TeacherDataset


def test_inputs_and_outputs_are_of_the_same_view(teacher_dataset: TeacherDataset) -> None:
    views = [(digest, view) for digest in teacher_dataset.digests for view in (0, 1)]
    pixels = teacher_dataset.inputs(views)
    embeddings, probabilities = teacher_dataset.outputs(views)
    assert pixels.shape == (24, 32, 32, 3) and pixels.dtype == np.float32
    assert np.allclose(embeddings, pixels.mean(axis=(1, 2)) / 255, atol=2e-3)  # stored in float16
    assert teacher_dataset.classes == probabilities.shape[1] == 2


def test_embeddings_are_standardized_over_the_unaugmented_views(
    teacher_dataset: TeacherDataset,
) -> None:
    standardizer = Standardizer.of(teacher_dataset)
    clean, _ = teacher_dataset.outputs([(digest, 0) for digest in teacher_dataset.digests])
    standardized = standardizer.apply(clean)
    assert np.allclose(standardized.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(standardized.std(axis=0), 1, atol=0.05)


def test_a_round_has_every_image_once_in_one_of_its_views(teacher_dataset: TeacherDataset) -> None:
    batches = TeacherBatches(teacher_dataset, Standardizer.of(teacher_dataset), seed=0)
    (first,) = (batches[n] for n in range(len(batches)))
    batches.on_epoch_end()
    (second,) = (batches[n] for n in range(len(batches)))
    inputs, targets = first
    assert inputs.shape[0] == len(teacher_dataset.digests)
    assert targets["embedding"].shape == (12, 3) and targets["source"].shape == (12, 2)
    assert not np.array_equal(inputs, second[0])


def test_a_resumed_training_goes_on_with_the_round_it_stopped_in(
    teacher_dataset: TeacherDataset,
) -> None:
    standardizer = Standardizer.of(teacher_dataset)
    batches = TeacherBatches(teacher_dataset, standardizer, seed=0)
    batches.on_epoch_end()
    resumed = TeacherBatches(teacher_dataset, standardizer, seed=0, first_round=1)
    assert np.array_equal(batches[0][0], resumed[0][0])

"""Names of folders that are parts of a data set, with what people write around them."""

from __future__ import annotations

import pytest

from tlearn.data.parts import is_plain, is_unused, split_of


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "train Training TRAIN seg_train train_images training_set train-set trainval"),
        ("train", "train2017 Train_Data stage1_train images_train img.train train_256x256"),
        ("train", "X_train entrenamiento entraînement Trainingsdaten 训练集 学習データ обучение"),
        ("val", "Validierung validación 验证集 검증"),
        ("test", "X_test prueba teste 测试集 тест"),
        ("val", "val valid Validation dev dev_set validation_images val2017 valid-data"),
        ("test", "test Testing test_images seg_test eval evaluation holdout hold-out PublicTest"),
    ],
)
def test_a_part_is_known_by_its_name_and_by_what_stands_around_it(split: str, names: str) -> None:
    assert [split_of(name) for name in names.split()] == [split] * len(names.split())
    assert split_of(f"data/{names.split()[0]}") == split


@pytest.mark.parametrize(
    "name",
    [
        "steam_train",
        "train_station",
        "invalid",
        "device",
        "contest",
        "testtube",
        "trains",
        "tests",
        "dataset",
        "",
        "2",
    ],
)
def test_a_class_whose_name_holds_such_a_word_is_no_part(name: str) -> None:
    assert split_of(name) is None


def test_the_usual_names_are_told_from_the_others() -> None:
    assert is_plain("Train") and is_plain("a/valid") and not is_plain("train_images")
    assert is_unused("Unlabeled") and not is_unused("unknown")

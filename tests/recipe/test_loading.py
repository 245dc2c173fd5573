"""Recipe files: found, read, overridden, and every fault named at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn.errors import HostError, RecipeError
from tlearn.recipe import loading
from tlearn.recipe.loading import (
    dump_yaml,
    list_recipes,
    load_recipe,
    parse_assignments,
    read_yaml,
    recipe_path,
)
from tlearn.recipe.saving import copy_recipe
from tlearn.recipe.schema import POLICIES, Recipe

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def errors_of(*args: Any) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(*args)
    assert caught.value.hint
    return caught.value.errors


def test_flags_beat_the_file_which_beats_the_suggestion(write: Write) -> None:
    path = write("policy: deep\nepochs: 20\nbatch_size: 8\nlearning_rate: auto\n")
    suggestion = {"policy": "deep", "epochs": 5, "batch_size": 16, "learning_rate": 0.5}
    resolved = load_recipe(path, {"epochs": 30}, suggestion)
    assert (resolved.recipe.epochs, resolved.recipe.batch_size) == (30, 8)
    assert resolved.recipe.learning_rate == 0.5
    origins = resolved.origins
    assert origins["epochs"] == "flag"
    assert origins["batch_size"] == origins["policy"] == "recipe"
    assert origins["learning_rate"] == "suggestion"
    assert origins["seed"] == "default"
    assert set(origins) == set(Recipe.model_fields)


def test_a_flag_of_auto_takes_back_what_the_file_says(write: Write) -> None:
    path = write("epochs: 20\nbatch_size: 8\n")
    overrides = {"epochs": "auto", "batch_size": "auto"}
    resolved = load_recipe(path, overrides, {"epochs": 7})
    assert (resolved.recipe.epochs, resolved.origins["epochs"]) == (7, "suggestion")
    assert (resolved.recipe.batch_size, resolved.origins["batch_size"]) == ("auto", "default")


def test_a_suggestion_for_another_policy_gives_only_its_backbone() -> None:
    suggestion = {"policy": "top_stages", "tuned_stages": 3, "image_size": 160}
    resolved = load_recipe(None, {"policy": "linear-head"}, suggestion)
    assert resolved.recipe.policy == "linear_head"
    assert resolved.recipe.tuned_stages == "auto"
    assert resolved.recipe.image_size == 160
    same = load_recipe(None, {"policy": "top-stages"}, suggestion)
    assert same.recipe.tuned_stages == 3


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_loads_its_recipe(policy: str) -> None:
    by_flag = load_recipe(None, {"policy": policy.replace("_", "-")})
    by_suggestion = load_recipe(None, {}, {"policy": policy})
    assert by_flag.path == by_suggestion.path == recipe_path(policy)
    assert by_flag.recipe == by_suggestion.recipe
    assert (by_flag.origins["policy"], by_suggestion.origins["policy"]) == ("flag", "suggestion")


def test_nothing_asked_is_the_default_recipe() -> None:
    resolved = load_recipe(None, {})
    assert resolved.recipe == Recipe() == load_recipe("auto", {}).recipe
    assert resolved.path is None


def test_all_faults_of_file_and_flags_at_once(write: Write) -> None:
    path = write("# mine\nepoch: 3\nresize: stretch\nseed: 1\nseed: 2\n")
    assert errors_of(path, {"learning_rate": "fast", "polcy": "deep"}) == (
        f"{path} line 5: seed stands twice, first on line 4",
        f"{path} line 2: epoch: no such key; did you mean 'epochs'?",
        f"{path} line 3: resize: 'stretch' is not allowed; expected one of squash, crop, pad",
        "flag learning_rate: 'fast' is not allowed; expected auto, or a number > 0 and < 10",
        "flag polcy: no such key; did you mean 'policy'?",
    )


def test_fractions_are_judged_after_the_flags(write: Write) -> None:
    path = write("val_fraction: 0.5\ntest_fraction: 0.5\n")
    assert load_recipe(path, {"test_fraction": 0.1}).recipe.test_fraction == 0.1
    (error,) = errors_of(path, {})
    assert "take 1 of the pictures" in error


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- a\n- b\n", "is not a list of `key: value` lines"),
        ("epochs\n", "is not a list of `key: value` lines"),
        ("policy: deep\n\tepochs: 3\n", "line 2: not valid YAML: a tab"),
        ("epochs: [1\n", "not valid YAML"),
        (b"\xff\xfe\x00epochs", "is not a text file in UTF-8"),
        (b"epochs: \x00", "not valid YAML"),
        ("a: &x 1\nb: *x\n", "line 1: not valid YAML: & and * names are not allowed"),
        ("epochs: *x\n", "& and * names are not allowed"),
        ("epochs: " + "[" * 5000, "too deeply nested"),
        ("epochs: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("? [1, 2]\n: 3\n", "not valid YAML"),
        ("seed: " + "9" * 5000, "not valid YAML"),
        ("seed: 2024-99-99\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: 1\n" + "# x\n" * 260_000, "is larger than 1,000,000 bytes"),
    ],
)
def test_a_file_of_the_wrong_form(write: Write, content: str | bytes, words: str) -> None:
    path = write(content)
    (error,) = errors_of(path, {})
    assert str(path) in error
    assert words in error


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1.5E2", 150.0), ("-2e+1", -20.0), ("1e", "1e"), ("e5", "e5")],
)
def test_exponents_need_no_point(write: Write, text: str, value: Any) -> None:
    assert read_yaml(write(f"a: {text}\n")).values == {"a": value}


@pytest.mark.parametrize("value", ["1e3", "1", "true", "null", "", "a: b", "&x", "\x85\n", 1e-7, 3])
def test_what_is_dumped_is_read_back(write: Write, value: Any) -> None:
    found = read_yaml(write(dump_yaml({"a": value}))).values["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_byte_order_mark_is_no_part_of_the_first_key(write: Write) -> None:
    assert load_recipe(write(b"\xef\xbb\xbfepochs: 3\n"), {}).recipe.epochs == 3


def test_a_file_the_machine_does_not_let_us_read(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("epochs: 3\n")

    def refuse(*args: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(HostError, match="Permission denied"):
        read_yaml(path)


def test_assignments_are_yaml_scalars() -> None:
    assignments = [
        "epochs=10",
        "learning-rate = 1e-3",
        "horizontal-flip=false",
        "weights=C:\\a=b: *.h5",
    ]
    assert parse_assignments(assignments) == {
        "epochs": 10,
        "learning_rate": 0.001,
        "horizontal_flip": False,
        "weights": "C:\\a=b: *.h5",
    }
    assert parse_assignments(["weights=null"]) == {"weights": None}
    assert load_recipe(None, parse_assignments(["epochs=10"])).recipe.epochs == 10


def test_all_faulty_assignments_are_named() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_assignments(["epochs", "=3", "seed=", "seed=1", "seed=2", "batch_size=8"])
    assert caught.value.errors == (
        "--set 'epochs': expected key=value",
        "--set '=3': expected key=value",
        "--set 'seed=': expected key=value",
        "--set 'seed=2': seed is set more than once",
    )


@pytest.mark.parametrize("text", ["=", "<<", "2024-99-99", "9" * 5000, "[1", "*x"])
def test_an_odd_scalar_is_text_and_becomes_a_fault(text: str) -> None:
    (error,) = errors_of(None, parse_assignments([f"epochs={text}"]))
    assert error.startswith("flag epochs: ")
    assert len(error) < 200


def test_weights_may_be_a_path() -> None:
    assert load_recipe(None, {"weights": Path("w.h5")}).recipe.weights == "w.h5"


@pytest.mark.parametrize("info", list_recipes(), ids=lambda info: info.name)
def test_shipped_recipes_are_valid_and_documented(info: loading.RecipeInfo) -> None:
    recipe = load_recipe(info.name, {}).recipe
    assert recipe.policy == info.name
    text = info.path.read_text(encoding="utf-8")
    assert text.startswith(f"# {info.summary}\n")
    assert 20 < len(info.summary) < 100
    assert "\n# expected:" in text
    assert "tlearn finetune FOLDER --" in text


def test_there_is_a_recipe_for_every_policy() -> None:
    assert {info.name for info in list_recipes()} == {"auto", *POLICIES}


def test_recipes_inside_the_package_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tlearn"
    (package / "recipes").mkdir(parents=True)
    (package / "recipes" / "wheel.yaml").write_text("# In the wheel\nepochs: 3\n")
    monkeypatch.setattr(loading, "PACKAGE", package)
    assert [(info.name, info.summary) for info in list_recipes()] == [("wheel", "In the wheel")]


@pytest.mark.parametrize("name", ["top_stages", "top-stages", "Top-Stages", "top_stages.yaml"])
def test_names_of_recipes(name: str) -> None:
    assert recipe_path(name).name == "top_stages.yaml"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("depp", "did you mean 'deep'"),
        ("zzzz", "there is no recipe 'zzzz'"),
        ("mine.yml", "there is no recipe file mine.yml"),
        ("../deep", "there is no recipe file ../deep"),
        ("sub/deep.yaml", "there is no recipe file sub/deep.yaml"),
        (".", "is a folder"),
    ],
)
def test_a_recipe_that_is_not_there(name: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        recipe_path(name)


def test_a_file_at_hand_beats_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "auto").mkdir()
    assert recipe_path("auto").name == "auto.yaml"
    (tmp_path / "deep").write_text("epochs: 3\n")
    assert load_recipe("deep", {}).recipe.epochs == 3


def test_copies_are_new_files_only(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    copy_recipe("deep", target)
    assert target.read_bytes() == recipe_path("deep").read_bytes()
    target.write_text("mine")
    with pytest.raises(RecipeError, match="already exists"):
        copy_recipe("auto", target)
    assert target.read_text() == "mine"
    with pytest.raises(RecipeError, match="already exists"):
        copy_recipe("auto", tmp_path)
    with pytest.raises(RecipeError, match=r"folder .* does not exist"):
        copy_recipe("auto", tmp_path / "none" / "mine.yaml")
    with pytest.raises(HostError, match="cannot write"):
        copy_recipe("auto", tmp_path / ("x" * 300))


def test_loading_imports_nothing_heavy() -> None:
    code = "import sys, tlearn.recipe.plan; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "h5py"}
    assert not heavy.intersection(answer.stdout.split())

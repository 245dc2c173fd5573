"""A person's mistakes, and work that needs no TensorFlow: a clear answer, at once, without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn import api, models

HEAVY = ("tensorflow", "keras", "jax", "torch", "sklearn", "scipy", "matplotlib")
SECONDS = 8.0
"""Far above what a mistake costs (half a second), below what TensorFlow costs under load."""

_WATCH = f"""
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY!r}:
            with open(os.environ["HEAVY_IMPORTS"], "a") as log:
                log.write(name + "\\n")
sys.meta_path.insert(0, Watch())
"""


class Light:
    """Runs `python -m tlearn` in a folder of its own and notes what heavy things it imports."""

    def __init__(self, place: Path, cache: Path) -> None:
        self.place = place / "here"
        self.place.mkdir()
        hooks = place / "hooks"
        hooks.mkdir()
        (hooks / "sitecustomize.py").write_text(_WATCH)
        self.log = place / "imports.txt"
        paths = [str(hooks), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        self.environment = {key: v for key, v in os.environ.items() if key != "TLEARN_WEIGHTS"} | {
            "PYTHONPATH": os.pathsep.join(paths),
            "HEAVY_IMPORTS": str(self.log),
            "TLEARN_CACHE": str(cache),
            "KERAS_HOME": str(place / "keras"),
            # Nobody listens there: a download fails at once instead of reaching the net.
            "TLEARN_WEIGHTS_URL": "http://127.0.0.1:9/",
        }

    def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        began = time.monotonic()
        line = [sys.executable, "-m", "tlearn", *(str(word) for word in words)]
        done = subprocess.run(
            line, cwd=self.place, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert time.monotonic() - began < SECONDS
        return done

    def heavy(self) -> set[str]:
        return set(self.log.read_text().split()) if self.log.exists() else set()


@pytest.fixture
def tlearn(tmp_path: Path, own_cache: Path) -> Light:
    return Light(tmp_path, own_cache)


Refused = Callable[..., str]


@pytest.fixture
def refused(tlearn: Light) -> Refused:
    """Run a command that must be refused, and return what it said."""

    def run(*words: object) -> str:
        done = tlearn(*words)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ") and "\nhint: " in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and not done.stdout
        assert not tlearn.heavy()
        return done.stderr

    return run


@pytest.fixture
def given(image_folder: Callable[..., Path], tmp_path: Path) -> list[object]:
    """A good folder and a backbone whose weights are a file, whatever is in it."""
    weights = tmp_path / "some.weights.h5"
    weights.write_bytes(b"\x89HDF\r\n\x1a\n")
    return [image_folder(), "--backbone", "mobilenet_025", "--weights", weights]


def test_the_hook_sees_heavy_imports(tlearn: Light) -> None:
    line = [sys.executable, "-c", "import scipy"]
    subprocess.run(line, env=tlearn.environment, check=True)
    assert tlearn.heavy() == {"scipy"}


@pytest.mark.parametrize(
    "words", ["--help", "--version", "", "finetune --help", "export -h", "help rank"]
)
def test_help_imports_nothing_heavy(words: str, tlearn: Light) -> None:
    done = tlearn(*words.split())
    assert done.returncode == 0 and done.stdout and not done.stderr
    assert not tlearn.heavy()


@pytest.mark.parametrize("words", ["models", "recipes", "recipes deep", "cache", "version"])
def test_lists_import_nothing_heavy(words: str, tlearn: Light) -> None:
    done = tlearn(*words.split())
    assert done.returncode == 0 and done.stdout and not done.stderr
    assert not tlearn.heavy()


@pytest.mark.parametrize("name", ["suggest", "finetune"])
def test_a_missing_folder(name: str, refused: Refused) -> None:
    assert "does not exist" in refused(name, "flowrs")


def test_an_empty_folder(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no images" in refused("finetune", tmp_path / "empty")


def test_a_missing_artefact(refused: Refused, tmp_path: Path) -> None:
    assert "does not exist" in refused("benchmark", "model.tflite")
    assert "no SavedModel" in refused("benchmark", tmp_path)
    assert "--threads 1,2" in refused("benchmark", "model.tflite", "--threads", "two")


def test_a_litert_file_is_timed_without_tensorflow(tlearn: Light) -> None:
    (file,) = Path(models.__path__[0], "builtin").glob("*.tflite")
    done = tlearn("benchmark", file, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["load_seconds"] > 0
    assert not tlearn.heavy()


def test_one_class(refused: Refused, image_folder: Callable[..., Path]) -> None:
    assert "one class" in refused("suggest", image_folder(classes=1))


def test_a_bad_recipe_tells_every_fault(refused: Refused, given: list[object]) -> None:
    recipe = Path(str(given[0])).parent / "mine.yaml"
    recipe.write_text("polcy: deep\nepochs: many\nseed: -1\n")
    said = refused("finetune", *given, "--recipe", recipe, "--augment", "wild")
    assert "policy" in said
    for error in ("line 1: polcy", "line 2: epochs", "line 3: seed", "augmentation"):
        assert error in said


def test_an_unknown_backbone(refused: Refused, image_folder: Callable[..., Path]) -> None:
    assert "mobilenet_v2" in refused("suggest", image_folder(), "--backbone", "mobilnet-v2")


def test_an_unknown_flag(refused: Refused) -> None:
    assert "--epochs" in refused("finetune", "folder", "--epoch", 3)


def test_an_output_below_a_file(refused: Refused, given: list[object], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "--out" in refused("finetune", *given, "--out", tmp_path / "file" / "run")


def test_missing_weights(refused: Refused, image_folder: Callable[..., Path]) -> None:
    assert "nope.h5" in refused("finetune", image_folder(), "--weights", "nope.h5")


def test_a_folder_as_weights(
    refused: Refused, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    assert "is a folder" in refused("finetune", image_folder(), "--weights", tmp_path)


@pytest.mark.parametrize(
    "words", ["evaluate", "export --tflite", "predict PICTURE", "evaluate runs/nope"]
)
def test_no_run_yet(words: str, refused: Refused, image_folder: Callable[..., Path]) -> None:
    image = next(image_folder().rglob("*.png"))
    said = refused(*(image if word == "PICTURE" else word for word in words.split()))
    assert "tlearn finetune" in said


def test_predict_without_pictures(refused: Refused) -> None:
    refused("predict")


def test_suggest_with_nothing(refused: Refused) -> None:
    assert "--images" in refused("suggest")


def test_export_without_a_format(refused: Refused) -> None:
    assert "--saved-model" in refused("export")


def test_a_mistake_with_json_is_a_document(tlearn: Light) -> None:
    done = tlearn("suggest", "flowrs", "--json")
    assert done.returncode == 2 and not done.stderr
    assert json.loads(done.stdout).keys() == {"schema_version", "tlearn_version", "error", "hint"}
    assert not tlearn.heavy()


def test_a_terminal_without_the_characters_gets_ascii(tlearn: Light) -> None:
    tlearn.environment["PYTHONIOENCODING"] = "ascii"
    done = tlearn("matrix", "--images", 400, "--classes", 5, "--similar")
    assert done.returncode == 0 and "> top-stages" in done.stdout
    assert done.stdout.isascii() and "?" not in done.stdout


def test_a_reader_that_goes_away_is_no_fault(tlearn: Light) -> None:
    line = f"{sys.executable} -m tlearn recipes deep | head -1"
    done = subprocess.run(
        line, shell=True, cwd=tlearn.place, env=tlearn.environment, capture_output=True, text=True
    )
    assert not done.stderr


def test_a_known_backbone_is_advised_on_and_fitted_without_tensorflow(
    tlearn: Light, image_folder: Callable[..., Path], small_weights: Path
) -> None:
    backbone = ("--backbone", "mobilenet_025", "--weights", small_weights, "--image-size", 32)
    api.finetune(
        image_folder(name="before"),
        flags={"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 32}
        | {"policy": "linear_head"},
        out=tlearn.place / "before",
    )
    folder = image_folder(classes=4, per_class=12, name="new")
    assert tlearn("suggest", folder, *backbone).returncode == 0
    done = tlearn("finetune", folder, *backbone, "--policy", "linear_head", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert {"tensorflow", "keras"} & tlearn.heavy() == set()
    _, report = api.evaluate(tlearn.place / "run")  # Keras reads what it has not written
    metrics = json.loads((tlearn.place / "run" / "metrics.json").read_text())
    assert report.accuracy == pytest.approx(metrics["test_accuracy"])

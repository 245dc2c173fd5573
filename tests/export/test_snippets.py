"""Snippets beside a file: the one in Python runs alone and answers alike; the others are read.

Those for phones need a phone's tools, so that only what a text can tell is tested here. The page
for browsers has tests of its own.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.trained_model import TrainedModel, build, draw
from tlearn.artifacts.contract import Preprocessing
from tlearn.artifacts.contract_file import read_contract, write_contract
from tlearn.artifacts.runtime import run_artifact
from tlearn.confidence.answer_sets import in_set
from tlearn.confidence.answers import Answers
from tlearn.data.decode import RESIZE_RULES, decode
from tlearn.data.order import middle
from tlearn.errors import ExportError
from tlearn.evaluation.choice import Choice
from tlearn.export.inputs import ExportInputs
from tlearn.export.parity import Artifact
from tlearn.export.seal import attach_contract
from tlearn.export.snippets import PLATFORMS, check_platforms, write_snippet
from tlearn.export.tflite import write_tflite
from tlearn.export.write import write_and_check
from tlearn.runs.run_images import SplitImages

LABELS = ("horizontal", "vertical", "[checks] é")
THRESHOLD, REFUSED = 0.2, 0.05
SIZE = 32
MODES = dict(zip(RESIZE_RULES, ("none", "int8", "float16"), strict=True))
"""Every rule with one way to write numbers: both kinds of input are met."""

_ALONE = """
import runpy, sys
sys.modules["tlearn"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def export(model: TrainedModel, folder: Path, rule: str = "squash", **changes: Any) -> Path:
    """Write a LiteRT file with its contract; a promise in it has a threshold of our choice."""
    inputs = replace(
        model.inputs(),
        class_names=LABELS,
        preprocessing=Preprocessing.of(SIZE, rule),
        golden=(),
        **changes,
    )
    artifact = write_and_check(inputs, folder, ("tflite", MODES[rule]))
    sets = tuple(replace(sets, threshold=THRESHOLD) for sets in artifact.sets)
    return attach_contract(replace(artifact, sets=sets), inputs).path


@pytest.fixture(scope="module")
def models(knowing: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for every rule."""
    return {rule: export(knowing, tmp_path_factory.mktemp(rule), rule) for rule in MODES}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ordinary and odd ones: turned, transparent, deep, narrow, smaller than the input."""
    folder = tmp_path_factory.mktemp("images")
    patches = np.random.default_rng(1).integers(0, 256, (30, 30, 3), np.uint8)
    drawn = Image.fromarray(patches).resize((300, 300))
    turned = Image.Exif()
    turned[0x0112] = 6
    drawn.crop((0, 0, 300, 201)).save(folder / "turned.jpg", exif=turned, quality=90)
    drawn.crop((0, 0, 41, 97)).save(folder / "narrow.png")
    drawn.resize((17, 9)).save(folder / "small.png")
    seen = drawn.resize((70, 50))
    seen.putalpha(Image.fromarray(np.tile(np.arange(70, dtype=np.uint8) * 3, (50, 1))))
    seen.save(folder / "transparent.png")
    drawn.quantize(16).save(folder / "palette.png")
    deep = np.asarray(drawn.convert("L")).astype(np.uint16) * 250
    Image.fromarray(deep).save(folder / "deep.png")
    drawn.convert("CMYK").save(folder / "cmyk.jpg")
    for number, pixels in enumerate(draw(3, seed=5)[0]):
        Image.fromarray(pixels).save(folder / f"own_kind_{number}.png")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_python_snippet_answers_as_tlearn_does(
    models: dict[str, Path], images: list[Path], rule: str
) -> None:
    program = write_snippet(models[rule], "python")
    pixels = np.stack([decode(image, SIZE, rule) for image in images])
    refused = 0
    for line, image, answer in zip(
        run_alone(program, images), images, run_artifact(models[rule], pixels), strict=True
    ):
        assert answer.known is not None
        name, *columns = line.split("\t")
        assert name == str(image)
        if answer.known < REFUSED:
            refused += 1
            assert columns == [f"none of these (known {answer.known:.4f})"]
            continue
        order = np.argsort(-answer.probabilities, kind="stable")
        members = in_set(answer.probabilities[np.newaxis], THRESHOLD)[0]
        assert columns == [
            *(f"{LABELS[n]} {answer.probabilities[n]:.4f}" for n in order),
            "one of: " + ", ".join(LABELS[n] for n in order if members[n]),
        ]
    assert 0 < refused < len(images)


def test_a_model_that_does_not_know_strangers_is_answered_by_its_classes_alone(
    trained: TrainedModel, images: list[Path], tmp_path: Path
) -> None:
    """A run of an earlier version, exported on its training images: no promises either."""
    check = replace(trained.inputs().check, source="train")
    path = export(trained, tmp_path, check=check)
    lines = run_alone(write_snippet(path, "python"), images)
    assert all(len(line.split("\t")) == 1 + len(LABELS) for line in lines)
    for platform in PLATFORMS:
        text = write_snippet(path, platform).read_text()
        for word in ("known", "one of", "refuse", "threshold"):
            assert word not in text.lower(), (platform, word)


@pytest.fixture
def choosing(tmp_path: Path) -> tuple[Artifact, np.ndarray]:
    """A file of two classes that answers by an operating point, and images beside it."""
    model, (pixels, _), labels = build(2), draw(20, seed=3), np.arange(20) % 2
    for number, row in enumerate(pixels):
        Image.fromarray(row).save(tmp_path / f"{number:02}.png")
    files = sorted(tmp_path.glob("*.png"))
    answers = Answers(model.predict(pixels.astype("float32"), verbose=0))
    check = SplitImages(pixels, labels, tuple(map(str, files)), "val")
    preprocessing = Preprocessing.of(SIZE, "squash")
    inputs = ExportInputs(
        *(model, ("a", "b"), check, answers, preprocessing, {"image_size": SIZE}),
        choice=Choice("a", min_sensitivity=0.5),
        max_drop=1.0,
    )
    artifact = write_and_check(inputs, tmp_path, ("tflite", "none"))
    return attach_contract(artifact, inputs), pixels


def test_the_python_snippet_answers_by_the_operating_point(
    choosing: tuple[Artifact, np.ndarray], tmp_path: Path
) -> None:
    artifact, pixels = choosing
    point = artifact.operating_point
    assert point
    found = point.found(Answers.of(run_artifact(artifact.path, pixels)).probabilities, ("a", "b"))
    lines = run_alone(write_snippet(artifact.path, "python"), sorted(tmp_path.glob("*.png")))
    first = [line.split("\t")[1].split()[0] for line in lines]
    assert first == ["a" if is_found else "b" for is_found in found] and len({*first}) == 2


def test_the_python_snippet_answers_the_middle_of_a_scale(
    knowing: TrainedModel, tmp_path: Path
) -> None:
    scale = replace(knowing.inputs(), class_names=LABELS, golden=(), refuse=0.0)
    scale = replace(scale, confidence=replace(scale.confidence, ordered=True))
    artifact = write_and_check(scale, tmp_path, ("tflite", "none"))
    path = attach_contract(artifact, scale).path
    rng, files = np.random.default_rng(0), []
    for number in range(20):  # noise over an image of its own kind: answers are unsure
        share, noise = rng.uniform(0.2, 0.8), rng.integers(0, 256, (SIZE, SIZE, 3))
        pixels = knowing.pixels[number] * share + noise * (1 - share)
        files.append(tmp_path / f"{number:02}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(files[-1])
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    probabilities = Answers.of(run_artifact(path, pixels)).probabilities
    lines = run_alone(write_snippet(path, "python"), files)
    said = [line.split("\t")[1].rsplit(" ", 1)[0] for line in lines]
    assert said == [LABELS[n] for n in middle(probabilities)]
    assert (middle(probabilities) != probabilities.argmax(axis=1)).any()
    for platform, top in (("android", "ranked.take(top)"), ("ios", "Array(ranked.prefix(top))")):
        assert top in write_snippet(path, platform).read_text()


def test_the_programs_for_phones_answer_by_the_operating_point(
    choosing: tuple[Artifact, np.ndarray],
) -> None:
    path = choosing[0].path
    set_threshold(path, 0.8)
    for platform in PLATFORMS:
        text = write_snippet(path, platform).read_text()
        assert "0.8" in text and text.count("{") == text.count("}")
        assert len(max(text.splitlines(), key=len)) <= 110
    for platform, top in (("android", "ranked.take(top)"), ("ios", "Array(ranked.prefix(top))")):
        assert top in write_snippet(path, platform).read_text()


def set_threshold(path: Path, threshold: float) -> None:
    """Answer by another operating point than the one that was chosen."""
    contract, _ = read_contract(path)
    assert contract.operating_point
    point = replace(contract.operating_point, threshold=threshold)
    write_contract(replace(contract, operating_point=point), path)


def run_alone(program: Path, images: list[Path]) -> list[str]:
    """Run a program on images where tlearn cannot be imported; return what it prints."""
    line = [sys.executable, "-c", _ALONE, program, *images]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_python_snippet_sees_the_same_pixels(
    models: dict[str, Path], images: list[Path], rule: str
) -> None:
    prepare = runpy.run_path(str(write_snippet(models[rule], "python")))["prepare"]
    for image in images:
        np.testing.assert_array_equal(prepare(image), decode(image, SIZE, rule), image.name)


def test_the_python_snippet_draws_where_the_answer_comes_from(
    knowing: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlearn.models.class_map import with_map

    maps = with_map(knowing.model).predict(knowing.pixels.astype("float32"), verbose=0)[-1]
    expected = replace(knowing.inputs().expected, maps=maps)
    path = export(knowing, tmp_path, "crop", expected=expected)
    image = tmp_path / "image.png"
    Image.fromarray(knowing.pixels[0]).save(image)
    monkeypatch.chdir(tmp_path)
    (line,) = run_alone(write_snippet(path, "python"), ["--maps", image])
    assert line.startswith(str(image))
    redder = np.asarray(Image.open("maps/image.png.png"), int) - knowing.pixels[0]
    y, x = np.divmod(maps[0].argmax(), maps.shape[2])
    rows, columns = (slice(n * 4, n * 4 + 4) for n in (y, x))
    assert redder[..., 0].min() >= -1 and redder[..., 1:].max() <= 1
    assert redder[rows, columns, 1].mean() < redder[..., 1].mean()


def test_without_an_image_the_python_snippet_asks_for_one(models: dict[str, Path]) -> None:
    line = [sys.executable, write_snippet(models["squash"], "python")]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1 and "name one image" in done.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_every_value_of_a_template_is_filled_in(
    models: dict[str, Path], rule: str, platform: str
) -> None:
    program = write_snippet(models[rule], platform)
    text = program.read_text()
    assert program == models[rule].with_name(f"classify_{models[rule].stem}.{PLATFORMS[platform]}")
    assert not re.search(r"{[{%]|[%}]}\n", text)
    assert text.count("{") == text.count("}") and text.count("(") == text.count(")")
    for value in (models[rule].stem, str(SIZE), "resized to 32 pixels"):
        assert value in text
    for value in ("none of these", str(REFUSED), f"{THRESHOLD - 1e-6:g}", "95%"):
        assert value in text
    if platform in ("android", "ios"):
        assert "The 3 labels" in text
        assert ("uint8" if rule == "crop" else "float32") in text
    assert len(max(text.splitlines(), key=len)) <= 110


def test_platforms_are_named_once_and_an_unknown_one_lists_them() -> None:
    assert check_platforms(["Web", "python", "web"]) == ["web", "python"]
    with pytest.raises(ExportError, match="windows") as error:
        check_platforms(["web", "windows"])
    assert "android" in error.value.hint


def test_a_file_without_its_contract_is_an_error(trained: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, LABELS, {})
    with pytest.raises(ExportError, match="has no contract"):
        write_snippet(path, "python")

"""Snippets beside a file: the one in Python runs alone and answers alike; the others are read.

Those for phones need a phone's tools, so that only what a text can tell is tested here; that for
the web shares their resampling and is run where there is node.
"""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import RESIZE_RULES, decode
from tlearn.errors import ExportError
from tlearn.export.snippets import PLATFORMS, check_platforms, write_snippet
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "[checks] é")
SIZE = 32
MODES = dict(zip(RESIZE_RULES, ("none", "int8", "float16"), strict=True))
"""Every rule with one way to write numbers: both kinds of input are met."""

_ALONE = """
import runpy, sys
sys.modules["tlearn"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def models(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for every rule."""
    paths = {}
    for rule, mode in MODES.items():
        paths[rule] = tmp_path_factory.mktemp(rule) / f"model_{mode}.tflite"
        about = {"resize": rule}
        images = trained.train_pixels[:40]
        write_tflite(trained.model, paths[rule], mode, images, LABELS, about)
    return paths


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
    return sorted(folder.iterdir())


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_python_snippet_answers_as_tlearn_does(
    models: dict[str, Path], images: list[Path], rule: str
) -> None:
    program = write_snippet(models[rule], "python")
    line = [sys.executable, "-c", _ALONE, program, *images]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    pixels = np.stack([decode(image, SIZE, rule) for image in images])
    expected = run_artifact(models[rule], pixels)
    lines = done.stdout.splitlines()
    assert len(lines) == len(images)
    for line_of_image, image, probabilities in zip(lines, images, expected, strict=True):
        name, *answers = line_of_image.split("\t")
        order = np.argsort(-probabilities, kind="stable")
        assert name == str(image)
        assert answers == [f"{LABELS[n]} {probabilities[n]:.4f}" for n in order]


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_python_snippet_sees_the_same_pixels(
    models: dict[str, Path], images: list[Path], rule: str
) -> None:
    prepare = runpy.run_path(str(write_snippet(models[rule], "python")))["prepare"]
    for image in images:
        np.testing.assert_array_equal(prepare(image), decode(image, SIZE, rule), image.name)


def test_without_an_image_the_python_snippet_asks_for_one(models: dict[str, Path]) -> None:
    line = [sys.executable, write_snippet(models["squash"], "python")]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1 and "name one image" in done.stderr


@pytest.fixture
def node() -> Callable[[str, str], str]:
    """Run JavaScript, given as a file's name and its text, on nothing."""
    if not shutil.which("node"):
        pytest.skip("node is not on this machine")

    def run(*words: str) -> str:
        done = subprocess.run(["node", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_page_resamples_as_the_decoder_does(
    models: dict[str, Path], images: list[Path], rule: str, node: Any, tmp_path: Path
) -> None:
    page = write_snippet(models[rule], "web").read_text()
    preprocessing, module = re.findall(r"<script[^>]*>\n(.*?)</script>", page, re.DOTALL)
    (tmp_path / "module.mjs").write_text(module)
    node("--check", str(tmp_path / "module.mjs"))
    for name in ("narrow.png", "small.png"):
        (image,) = (path for path in images if path.name == name)
        rgba = np.asarray(Image.open(image).convert("RGBA"))
        height, width, _ = rgba.shape
        call = f"fit({json.dumps(rgba.ravel().tolist())}, {width}, {height})"
        (tmp_path / "run.js").write_text(
            f"{preprocessing}\nconsole.log(JSON.stringify(Array.from({call})))"
        )
        page_pixels = np.array(json.loads(node(str(tmp_path / "run.js")))).reshape(SIZE, SIZE, 4)
        difference = np.abs(page_pixels[..., :3] - decode(image, SIZE, rule).astype(int))
        assert difference.max() <= 1, name
        assert (page_pixels[..., 3] == 255).all()


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
    if platform in ("android", "ios"):
        assert "The 3 labels" in text
        assert ("uint8" if rule == "crop" else "float32") in text
    assert len(max(text.splitlines(), key=len)) <= 110


def test_platforms_are_named_once_and_an_unknown_one_lists_them() -> None:
    assert check_platforms(["Web", "python", "web"]) == ["web", "python"]
    with pytest.raises(ExportError, match="windows") as error:
        check_platforms(["web", "windows"])
    assert "android" in error.value.hint


def test_a_file_without_its_resize_rule_is_an_error(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, LABELS, {})
    with pytest.raises(ExportError, match="resized"):
        write_snippet(path, "python")

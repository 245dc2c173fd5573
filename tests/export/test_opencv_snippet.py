"""The program for OpenCV sees the pixels that training saw, and answers as the file does."""

from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.export.test_snippets import LABELS, REFUSED, SIZE, images, run_alone
from tests.trained_model import TrainedModel
from tlearn.artifacts.contract import LAYOUTS, Preprocessing
from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import RESIZE_RULES, decode
from tlearn.errors import ExportError
from tlearn.export.seal import attach_contract
from tlearn.export.snippets import write_snippet
from tlearn.export.write import write_and_check

__all__ = ["images"]


@pytest.fixture
def opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program needs of OpenCV to read an image, from Pillow."""

    def imread(path: str, flags: str) -> np.ndarray:
        image = Image.open(path)
        if flags.startswith("color"):
            times = int(flags.removeprefix("color"))
            image.draft("RGB", (image.width // times, image.height // times))
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))[..., ::-1]
        if image.has_transparency_data:
            return np.asarray(image.convert("RGBA"))[..., [2, 1, 0, 3]]
        if image.mode in ("L", "I;16"):
            return np.asarray(image)
        return np.asarray(image.convert("RGB"))[..., ::-1]

    def convert(pixels: np.ndarray, code: str) -> np.ndarray:
        return pixels[..., ::-1] if code == "swap" else np.stack([pixels] * 3, -1)

    flags = {"IMREAD_UNCHANGED": "as it is", "IMREAD_COLOR": "color1"}
    flags |= {f"IMREAD_REDUCED_COLOR_{times}": f"color{times}" for times in (2, 4, 8)}
    flags |= {"COLOR_BGR2RGB": "swap", "COLOR_GRAY2BGR": "gray"}
    monkeypatch.setitem(
        sys.modules, "cv2", SimpleNamespace(imread=imread, cvtColor=convert, **flags)
    )


def export(model: TrainedModel, folder: Path, **changes: Any) -> Path:
    """Write an ONNX file with its contract."""
    inputs = replace(model.inputs(), class_names=LABELS, golden=(), **changes)
    artifact = write_and_check(inputs, folder, ("onnx", "none"))
    return attach_contract(artifact, inputs).path


@pytest.mark.usefixtures("opencv")
@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_it_sees_the_pixels_of_training(
    knowing: TrainedModel, images: list[Path], tmp_path: Path, rule: str
) -> None:
    pytest.importorskip("tf2onnx")
    path = export(knowing, tmp_path, preprocessing=Preprocessing.of(SIZE, rule))
    prepare = runpy.run_path(str(write_snippet(path, "opencv")))["prepare"]
    for image in images:
        difference = np.abs(prepare(image).astype(int) - decode(image, SIZE, rule))
        assert difference.max() <= 1, image.name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_answers_as_the_file_does(
    knowing: TrainedModel, images: list[Path], tmp_path: Path, layout: str
) -> None:
    pytest.importorskip("tf2onnx")
    pytest.importorskip("cv2", reason="pip install opencv-python-headless")
    path = export(knowing, tmp_path, layout=layout)
    program = write_snippet(path, "opencv")
    assert program.name == "classify_model_opencv.py"
    drawn = [image for image in images if image.suffix == ".png"]
    pixels = np.stack([decode(image, SIZE, "squash") for image in drawn])
    answers = run_artifact(path, pixels)
    for line, answer in zip(run_alone(program, drawn), answers, strict=True):
        answered = line.split("\t")[1]
        assert answer.known is not None
        assert answered.startswith("none of these") == (answer.known < REFUSED)
        if answer.known >= REFUSED:
            assert answered.rsplit(" ", 1)[0] == LABELS[answer.probabilities.argmax()]


def test_a_file_with_maps_is_refused_as_opencv_cannot_read_it(
    knowing: TrainedModel, tmp_path: Path
) -> None:
    pytest.importorskip("tf2onnx")
    from tlearn.models.class_map import with_map

    maps = with_map(knowing.model).predict(knowing.pixels.astype("float32"), verbose=0)[-1]
    path = export(knowing, tmp_path, expected=replace(knowing.inputs().expected, maps=maps))
    with pytest.raises(ExportError, match="map") as error:
        write_snippet(path, "opencv")
    assert error.value.hint.endswith("--snippet python")

"""Golden images are loaded with the pixels of the export, and what is wrong with them is noted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.artifacts.test_contract import CONTRACT
from tests.conftest import draw_image
from tlearn.artifacts.contract import Contract, Golden, Preprocessing
from tlearn.artifacts.golden import LoadedGolden, load_golden, pixel_difference
from tlearn.confidence.answers import Answer
from tlearn.data.decode import decode
from tlearn.storage.digest import digest_of_bytes, digest_of_file


def contract(image_size: int = 32, resize: str = "squash") -> Contract:
    return replace(CONTRACT, preprocessing=Preprocessing.of(image_size, resize))


SQUARE = contract()


@pytest.fixture
def golden(tmp_path: Path) -> Golden:
    """An image and its pixels in a folder, as an export writes them."""
    draw_image("circle", 0, 48).save(tmp_path / "1.png")
    pixels = decode(tmp_path / "1.png", 32, "squash")
    Image.fromarray(pixels).save(tmp_path / "1.pixels.png")
    digests = digest_of_file(tmp_path / "1.png"), digest_of_bytes(pixels.tobytes())
    return Golden(
        *("1.png", digests[0], "circle", "1.pixels.png", digests[1]),
        *((32, 32, 3), (0.9, 0.1), (0.7, 0.3)),
    )


def other_pixels(golden: Golden, folder: Path) -> LoadedGolden:
    """The golden image as a decoder gives it that is off by one everywhere."""
    pixels = load_golden(folder, golden, SQUARE).decoded_pixels
    assert pixels is not None
    return LoadedGolden(golden, pixels, pixels ^ 1, "", SQUARE)


def test_both_files_are_loaded(tmp_path: Path, golden: Golden) -> None:
    image = load_golden(tmp_path, golden, SQUARE)
    assert image.problem == "" and image.same_pixels
    np.testing.assert_array_equal(image.stored_pixels, image.decoded_pixels)


def test_answers_are_compared_with_those_of_the_artifact(tmp_path: Path, golden: Golden) -> None:
    image = load_golden(tmp_path, golden, SQUARE)
    assert image.expected_probabilities.tolist() == [0.7, 0.3]
    assert image.same_answer(Answer(np.array([0.6, 0.4])))
    assert not image.same_answer(Answer(np.array([0.4, 0.6])))
    assert image.difference(Answer(np.array([0.6, 0.4]), 0.5)) == pytest.approx(0.1)


def test_known_is_compared_with_that_of_the_artifact_else_of_the_model(
    tmp_path: Path, golden: Golden
) -> None:
    answer = Answer(np.array([0.7, 0.3]), 0.5)
    by_model = replace(golden, model_known=0.9)
    for known, gap in ((by_model, 0.4), (replace(by_model, artifact_known=0.3), 0.2)):
        image = load_golden(tmp_path, known, SQUARE)
        assert image.difference(answer) == pytest.approx(gap)
    assert load_golden(tmp_path, by_model, SQUARE).difference(Answer(answer.probabilities)) == 0
    assert np.isnan(image.difference(Answer(answer.probabilities, np.nan)))


def test_a_lost_image_leaves_the_stored_pixels(tmp_path: Path, golden: Golden) -> None:
    (tmp_path / "1.png").unlink()
    image = load_golden(tmp_path, golden, SQUARE)
    assert image.problem == "'1.png' is missing"
    assert image.decoded_pixels is None and image.stored_pixels is not None
    assert not image.same_pixels


@pytest.mark.parametrize(("content", "problem"), [(None, "is missing"), (b"x", "was changed")])
def test_lost_pixels_are_decoded_again_if_the_decoder_gives_the_same(
    tmp_path: Path, golden: Golden, content: bytes | None, problem: str
) -> None:
    (tmp_path / "1.pixels.png").unlink()
    if content:
        (tmp_path / "1.pixels.png").write_bytes(content)
    image = load_golden(tmp_path, golden, SQUARE)
    assert image.problem == f"'1.pixels.png' {problem}"
    assert image.stored_pixels is not None
    assert load_golden(tmp_path, golden, contract(32, "crop")).same_pixels
    assert load_golden(tmp_path, golden, contract(30, "crop")).stored_pixels is None


def test_a_link_is_not_followed(tmp_path: Path, golden: Golden) -> None:
    for name in ("1.png", "1.pixels.png"):
        (tmp_path / name).rename(tmp_path / "elsewhere")
        (tmp_path / name).symlink_to("elsewhere")
    image = load_golden(tmp_path, golden, SQUARE)
    assert image.problem == "'1.png' is a link, '1.pixels.png' is a link"
    assert image.decoded_pixels is image.stored_pixels is None


def test_pixels_of_another_size_are_not_decoded(
    tmp_path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.png").unlink()
    monkeypatch.setattr("tlearn.artifacts.golden.decode", pytest.fail)
    Image.new("RGB", (5000, 5000)).save(tmp_path / "1.pixels.png")
    assert "'1.pixels.png' was changed" in load_golden(tmp_path, golden, SQUARE).problem
    (tmp_path / "1.pixels.png").write_bytes(bytes(1_000_000))
    assert "'1.pixels.png' is too large" in load_golden(tmp_path, golden, SQUARE).problem


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, golden: Golden) -> None:
    with (tmp_path / "1.png").open("wb") as file:
        file.truncate(40_000_000_000)
    assert load_golden(tmp_path, golden, SQUARE).problem == "'1.png' is too large"


def test_a_changed_image_is_not_decoded(tmp_path: Path, golden: Golden) -> None:
    draw_image("square", 0, 48).save(tmp_path / "1.png")
    image = load_golden(tmp_path, golden, SQUARE)
    assert image.problem == "'1.png' was changed" and image.decoded_pixels is None


def test_the_difference_of_another_decoder_is_measured(tmp_path: Path, golden: Golden) -> None:
    difference = pixel_difference([other_pixels(golden, tmp_path)])
    assert difference == "off by 1 of 255 on average and 1 at most"
    assert pixel_difference([LoadedGolden(golden, None, None, "", SQUARE)]) == ""

"""The pages are opened in Chromium, without a network: they answer as the file does, and learn."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from tests.export.browser import CHROMIUM, Browser
from tests.export.test_snippets import export, images, models
from tests.trained_model import TrainedModel, draw
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import RESIZE_RULES, decode
from tlearn.errors import HostError
from tlearn.export import web_runtime
from tlearn.export.snippets import write_snippet

__all__ = ["images", "models"]
pytestmark = pytest.mark.slow

SIZE = 32


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("Chromium is not on this machine")
    try:
        web_runtime.lay(tmp_path)
    except HostError as error:
        pytest.skip(error.message)
    browser = Browser(tmp_path)
    yield browser
    browser.close()


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_page_answers_as_the_file_does(
    models: dict[str, Path], images: list[Path], browser: Browser, rule: str
) -> None:
    """Of what a browser reads as Pillow does: 16 bits and CMYK are left to it."""
    page = write_snippet(models[rule], "web")
    files = [path for path in images if path.suffix == ".png" and path.stem != "deep"]
    for path in (models[rule], page, *files):
        shutil.copy(path, browser.folder)
    (browser.folder / "broken.png").write_text("this is no image")
    names = [path.name for path in files] + ["broken.png"]
    (status, *lines), console = browser.answer(page.name, ("body", names))
    assert status.startswith(f"{len(names)} of {len(names)}") and not console
    assert lines.pop() == "broken.png: this browser cannot read it as an image"
    pixels = np.stack([decode(image, SIZE, rule) for image in files])
    for line, image, answer in zip(lines, files, run_artifact(models[rule], pixels), strict=True):
        assert answer.known is not None
        name, label, *shown = re.split("\n+", line)
        assert name == image.name
        assert (label == "none of these") == (answer.known < 0.05)
        values = [float(row.split()[-1]) for row in shown if not row.startswith("one of")]
        ranked = np.sort(answer.probabilities)[::-1]
        assert values == pytest.approx(ranked, abs=0.05), image.name


def test_the_page_says_what_is_missing(models: dict[str, Path], browser: Browser) -> None:
    page = write_snippet(models["squash"], "web")
    shutil.copy(page, browser.folder)
    (browser.folder / "litert" / "bundle.js").unlink()
    (status, *lines), _ = browser.answer(page.name)
    assert status.startswith("Missing beside this page: model.tflite, litert/bundle.js.")
    assert "--bundle" in status and not lines


def test_what_is_shown_to_a_page_is_learned_as_tlearn_learns_it(
    knowing: TrainedModel, browser: Browser
) -> None:
    path = export(knowing, browser.folder, embedding=True)
    page = write_snippet(path, "teach")
    pixels, labels = draw(24, seed=9)
    names = [f"{n}.png" for n in range(len(pixels))]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(browser.folder / name)
    shown = [[names[n] for n in np.flatnonzero(labels[:15] == label)] for label in (0, 1)]
    drops = [(f"section:nth-child({n})", files) for n, files in enumerate(shown, 1)]
    (status, *lines), console = browser.answer(page.name, *drops, ("body", names[15:]))
    assert status.startswith("learned 2 classes from 10 images") and not console
    embed = Interpreter(str(path)).get_signature_runner()
    rows = [embed(image=image[np.newaxis].astype(np.float32))["embedding"][0] for image in pixels]
    learned = [n for n in range(15) if labels[n] < 2]
    np.savez(
        browser.folder / "embeddings.npz",
        embeddings=np.stack([rows[n] for n in learned]),
        labels=np.array([f"class {labels[n] + 1}" for n in learned]),
    )
    taught = api.solve_embeddings(browser.folder / "embeddings.npz")
    expected = taught.head.probabilities(np.stack(rows[15:]))
    assert len(lines) == len(expected)
    for line, row in zip(lines, expected, strict=True):
        _, label, best, _ = re.split("\n+", line)
        assert label == taught.classes[row.argmax()]
        assert float(best.split()[-1]) == pytest.approx(row.max(), abs=1e-3)


def test_the_page_says_which_embeddings_may_not_be_of_its_network(
    knowing: TrainedModel, browser: Browser
) -> None:
    page = write_snippet(export(knowing, browser.folder, embedding=True), "teach")
    contract, _ = read_contract(page.with_name("model.tflite"))
    assert contract.embedding
    rows = np.random.default_rng(0).normal(size=(4, *contract.embedding.shape[1:]))
    labels = np.array(["a", "b", "a", "b"])
    path = browser.folder / "embeddings.npz"
    np.savez(path, embeddings=rows.astype(np.float32), labels=labels, network=np.array("other"))
    (status, *_), console = browser.answer(page.name, ("#load", [path.name]))
    assert status.startswith("embeddings.npz is of another run") and not console
    assert "learned 2 classes from 4 images" in status
    rows[0, 0] = np.nan
    np.savez(path, embeddings=rows.astype(np.float32), labels=labels)
    (status, *_), console = browser.answer(page.name, ("#load", [path.name]))
    assert status.startswith("embeddings.npz is damaged") and not console

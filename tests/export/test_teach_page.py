"""The page that learns: its solver and its files of arrays are run where there is node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.export.test_snippets import export
from tests.export.web_page import evaluate, node, scripts_of
from tests.trained_model import TrainedModel
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.errors import ExportError
from tlearn.export.snippets import write_snippet
from tlearn.features.linear_head import solve_head
from tlearn.features.logistic_regression import softmax

__all__ = ["node"]


@pytest.fixture(scope="module")
def page(knowing: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_snippet(export(knowing, tmp_path_factory.mktemp("t"), embedding=True), "teach")


@pytest.fixture(scope="module")
def embeddings(page: Path, knowing: TrainedModel) -> np.ndarray:
    """What the file beside the page says of drawn images."""
    embed = Interpreter(str(page.with_name("model.tflite"))).get_signature_runner()
    pixels = knowing.pixels.astype(np.float32)
    return np.concatenate([embed(image=image[np.newaxis])["embedding"] for image in pixels])


def answers_of_page(
    page: Path, features: np.ndarray, labels: np.ndarray, penalty: float, node: Any, folder: Path
) -> np.ndarray:
    """What the head that the page solves says of the images that it was solved on."""
    call = f"solveHead({features.tolist()}, {labels.tolist()}, {labels.max() + 1}, {penalty})"
    plain = "(head => ({ kernel: head.kernel.map(row => [...row]), bias: head.bias }))"
    head = evaluate(scripts_of(page)["solver"], f"{plain}({call})", node, folder)
    return softmax(features @ np.array(head["kernel"]).T + np.array(head["bias"]))


@pytest.mark.parametrize("penalty", [1, 0.3, 0.03])
def test_the_page_solves_the_head_that_tlearn_solves(
    page: Path, node: Any, tmp_path: Path, penalty: float
) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), (30, 9, 2, 15))
    features = rng.normal(0, rng.uniform(0.1, 9, 80), (len(labels), 80)).astype(np.float32)
    features += 3 + labels[:, np.newaxis] * rng.normal(0, 1, 80).astype(np.float32)
    head = solve_head(features, labels, 4, penalty, class_weights=True, tolerance=0)
    answers = answers_of_page(page, features, labels, penalty, node, tmp_path)
    np.testing.assert_allclose(answers, head.probabilities(features), atol=1e-4)


def test_on_embeddings_of_images_too_and_forgetting_one_is_never_having_seen_it(
    page: Path, embeddings: np.ndarray, knowing: TrainedModel, node: Any, tmp_path: Path
) -> None:
    for rows in (slice(30), slice(1, 30)):
        features, labels = embeddings[rows], knowing.labels[rows]
        head = solve_head(features, labels, 3, 0.3, class_weights=True, tolerance=0)
        answers = answers_of_page(page, features, labels, 0.3, node, tmp_path)
        np.testing.assert_allclose(answers, head.probabilities(features), atol=1e-4)


def test_what_the_page_downloads_gives_its_head_at_home(
    page: Path, embeddings: np.ndarray, knowing: TrainedModel, node: Any, tmp_path: Path
) -> None:
    names = np.array(["übung", "🌷", "a b"])[knowing.labels[:20]]
    arrays = {
        "embeddings": ("<f4", embeddings[:20]),
        "labels": ("<U", names),
        "penalty": ("<f4", np.float32(0.3)),
    }
    described = {
        name: {"type": kind, "shape": values.shape, "values": values.ravel().tolist()}
        for name, (kind, values) in arrays.items()
    }
    content = evaluate(
        scripts_of(page)["npz"], f"[...npz({json.dumps(described)})]", node, tmp_path
    )
    path = tmp_path / "embeddings.npz"
    path.write_bytes(bytes(content))
    with np.load(path) as read:
        np.testing.assert_array_equal(read["embeddings"], embeddings[:20])
        np.testing.assert_array_equal(read["labels"], names)
    taught = api.solve_embeddings(path)
    assert taught.classes == ("a b", "übung", "🌷")
    labels = np.searchsorted(taught.classes, names)
    answers = answers_of_page(page, embeddings[:20], labels, 0.3, node, tmp_path)
    np.testing.assert_allclose(answers, taught.head.probabilities(embeddings[:20]), atol=1e-4)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_the_page_reads_what_tlearn_embed_writes(
    page: Path, node: Any, tmp_path: Path, write: Any
) -> None:
    rows, labels = np.arange(6, dtype=np.float32).reshape(3, 2), np.array(["übung", "🌷", "a b"])
    write(tmp_path / "embeddings.npz", embeddings=rows, labels=labels)
    content = list((tmp_path / "embeddings.npz").read_bytes())
    read = f"await readNpz(Uint8Array.from({content}))"
    plain = "Object.entries(read).map(([name, one]) => [name, [one.shape, [...one.values]]])"
    script = f"{scripts_of(page)['npz']}\nconst read = {read};"
    (tmp_path / "run.mjs").write_text(f"{script}\nconsole.log(JSON.stringify({plain}))")
    arrays = dict(json.loads(node(tmp_path / "run.mjs")))
    assert arrays == {"embeddings": [[3, 2], [0, 1, 2, 3, 4, 5]], "labels": [[3], [*labels]]}


@pytest.mark.parametrize("found", ["a byte changed", "float64", "column by column"])
def test_the_page_refuses_a_file_that_it_would_misread(
    page: Path, node: Any, tmp_path: Path, found: str
) -> None:
    rows = np.arange(6, dtype=np.float64 if found == "float64" else np.float32).reshape(3, 2)
    order: Any = "F" if found == "column by column" else "C"
    np.savez(tmp_path / "embeddings.npz", embeddings=np.array(rows, order=order))
    content = bytearray((tmp_path / "embeddings.npz").read_bytes())
    if found == "a byte changed":
        content[content.index(rows.tobytes()) + 3] ^= 1
    read = f"readNpz(Uint8Array.from({[*content]})).then(() => true, () => false)"
    assert evaluate(scripts_of(page)["npz"], f"await {read}", node, tmp_path) is False


def test_the_scripts_of_the_page_are_javascript(page: Path, node: Any, tmp_path: Path) -> None:
    for name, script in scripts_of(page).items():
        (tmp_path / f"{name}.mjs").write_text(script)
        node("--check", tmp_path / f"{name}.mjs")
    assert len(max(page.read_text().splitlines(), key=len)) <= 110


def test_a_file_gives_what_its_head_reads_where_that_was_asked_for(
    page: Path, embeddings: np.ndarray, knowing: TrainedModel
) -> None:
    contract, _ = read_contract(page.with_name("model.tflite"))
    assert contract.embedding and contract.embedding.shape == (1, embeddings.shape[1])
    kernel, bias = knowing.model.get_layer("head").get_weights()
    answers = softmax(embeddings @ kernel + bias)
    np.testing.assert_allclose(answers, knowing.probabilities, atol=1e-4)


def test_a_file_without_it_cannot_be_taught(knowing: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not give what its head reads") as error:
        write_snippet(export(knowing, tmp_path), "teach")
    assert error.value.hint.endswith("tlearn export --snippet teach")

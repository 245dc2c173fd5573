"""An artifact of any task answers bytes as it answers files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.target_runs import DRAWN
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.serving.app import Limits, RefusedError
from tlearn.serving.openapi import openapi
from tlearn.serving.pool import Pool, top_of


@pytest.mark.parametrize("task", [*DRAWN])
def test_other_tasks_answer_as_check_does(
    target_run: Callable[[str], Path], tmp_path: Path, task: str
) -> None:
    source = DRAWN[task](tmp_path / "images")
    (artifact,) = api.export(target_run(task), [("tflite", "none")])
    contract = read_contract(artifact.path)[0]
    pool = Pool(artifact.path, contract, workers=1)
    image = next((source if source.is_dir() else source.parent).rglob("*.png"))
    (expected,) = api.check(artifact.path, image).targets
    record = pool(str(image), image.read_bytes(), {})
    assert record == expected.to_json()
    assert pool("x", b"no image", {})["problem"] == "a text file, not an image"
    schema = openapi(contract, Limits(), token=False)["components"]["schemas"]["prediction"]
    assert record.keys() == {*schema["required"]}
    if task == "one_class":
        rows = np.array(pool("x", image.read_bytes(), {"map": "1"})["map"])
        assert rows.shape == contract.map.shape[1:] if contract.map else False


def test_top_is_a_small_number() -> None:
    assert top_of({}) == 2 and top_of({"top": "5"}) == 5
    for text in ("0", "6", "-1", "1.0", "many", "", "٣"):
        with pytest.raises(RefusedError, match="from 1 to 5"):
            top_of({"top": text})

"""What people and programs write: recipes, `--set`, CSVs, contracts. All is read or refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.attack.generators.recipes import drawn_recipe
from tlearn.artifacts.contract_file import from_bytes
from tlearn.cli.units import parse_size, parse_time
from tlearn.data.image_csv import read_image_csv
from tlearn.errors import TlearnError
from tlearn.recipe.loading import load_recipe, parse_assignments

calmly = settings(
    *(),
    max_examples=80,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=9), v, max_size=4)
)
UNITS = st.sampled_from(("s", "m", "h", "MB", "ms", ""))
KEYS = ("version", "file", "format", "labels", "input", "output", "preprocessing", "golden")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a text to a file, always the same, and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "text"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        return path

    return write


@calmly
@given(text=st.text())
def test_any_text_is_a_recipe_or_refused(text: str, written: Callable[[str], Path]) -> None:
    with suppress(TlearnError):
        load_recipe(written(text), {})


@calmly
@given(seed=st.integers(0, 2**32))
def test_odd_yaml_is_a_recipe_or_refused(seed: int, written: Callable[[str], Path]) -> None:
    with suppress(TlearnError):
        load_recipe(written(drawn_recipe(random.Random(seed))), {})


@calmly
@given(assignments=st.lists(st.text() | st.text().map("epochs={}".format), max_size=4))
def test_any_assignments_are_set_or_refused(assignments: list[str]) -> None:
    with suppress(TlearnError):
        load_recipe(None, parse_assignments(assignments))


@calmly
@given(
    rows=st.lists(st.lists(st.text(max_size=30), max_size=5), max_size=6),
    mark=st.sampled_from(",;\t|"),
)
def test_any_table_is_read_or_refused(
    rows: list[list[str]], mark: str, written: Callable[[str], Path]
) -> None:
    text = "\n".join(mark.join(row) for row in [["path", "label"], *rows])
    with suppress(TlearnError):
        for line, cells in read_image_csv(written(text)).rows:
            assert line > 1 and set(cells) <= {"path", "label", "split", ""}


@calmly
@given(document=VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_json_is_a_contract_or_refused(document: Any) -> None:
    with pytest.raises(TlearnError):
        from_bytes(json.dumps(document).encode(), "'contract.json'")


@calmly
@given(content=st.binary())
def test_bytes_are_no_contract(content: bytes) -> None:
    with pytest.raises(TlearnError):
        from_bytes(content, "'contract.json'")


@calmly
@given(text=st.text() | st.tuples(st.floats(), UNITS).map("{0[0]}{0[1]}".format))
@pytest.mark.parametrize("parse", (parse_time, parse_size))
def test_any_amount_is_positive_or_refused(parse: Callable[[str, str], float], text: str) -> None:
    with suppress(TlearnError):
        assert 0 < parse(text, "--flag") < float("inf")

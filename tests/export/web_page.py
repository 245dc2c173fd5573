"""What tests of the page for browsers share: its scripts, and node to run them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def node() -> Callable[..., str]:
    """Run node with some words and return what it prints."""
    if not shutil.which("node"):
        pytest.skip("node is not on this machine")

    def run(*words: str | Path) -> str:
        done = subprocess.run(["node", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def scripts_of(page: Path) -> dict[str, str]:
    """The scripts of a page, by their ids."""
    found = re.findall(r'<script id="(\w+)"[^>]*>\n(.*?)</script>', page.read_text(), re.DOTALL)
    return dict(found)


def evaluate(script: str, expression: str, node: Any, folder: Path) -> Any:
    """Return what an expression gives after a script."""
    (folder / "run.js").write_text(f"{script}\nconsole.log(JSON.stringify({expression}))")
    return json.loads(node(folder / "run.js"))


def read_by_page(
    page: Path, outputs: Mapping[str, Sequence[float]], node: Any, folder: Path
) -> dict[str, Any]:
    """Return what a page makes of the outputs of its file."""
    answer = f"read({json.dumps(outputs)})"
    return dict(evaluate(scripts_of(page)["answering"], answer, node, folder))

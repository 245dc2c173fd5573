"""An exported file of drawn images, and a server that answers with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_server import Client, running
from tlearn import api
from tlearn.commands.serve import serve


@pytest.fixture(scope="session")
def artifact(linear_head_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LiteRT file with the output `known`, for reading only."""
    out = tmp_path_factory.mktemp("served") / "export"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLEARN_CACHE", str(linear_head_run / "cache"))
        (exported,) = api.export(linear_head_run / "run", [("tflite", "none")], out=out)
    return exported.path


@pytest.fixture
def client(artifact: Path) -> Iterator[Client]:
    """What asks a server of that file."""
    with running(serve(artifact, port=0)) as asking:
        yield asking

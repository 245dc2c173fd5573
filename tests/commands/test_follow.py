"""Process 0 leads, the others follow; tests/backend/test_parallel.py has them train."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.backend.parallel import Team
from tlearn.backend.processes import Processes
from tlearn.commands import follow as module
from tlearn.commands.follow import ensure_by_epochs, follow
from tlearn.commands.session import Session
from tlearn.commands.tuning import Training, calling_others
from tlearn.errors import HostError, RecipeError

FIRST, SECOND = (Processes(rank, 2, "localhost:1") for rank in (0, 1))


class Line(Team):
    """A line to processes that are not there."""

    def __init__(self, processes: Processes, messages: Sequence[str] = ()) -> None:
        self.processes, self.told = processes, list[str]()
        self._messages = iter(messages)

    def tell(self, message: str) -> None:
        self.told.append(message)

    def hear(self) -> str:
        return next(self._messages)


def test_what_the_others_train_on_is_read_from_the_cache(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], converted: None
) -> None:
    flags, team = tiny_backbone_flags | {"policy": "deep"}, Line(FIRST)
    with Session(image_folder(), None, flags, team=team) as session:
        workspace = session.open_workspace()
        plan = session.make_plan(workspace, session.requested)
        with calling_others(session, Training(workspace, plan, None, None, None)):
            (path,) = map(Path, team.told)
            heard: Training = pickle.loads(path.read_bytes())
        assert not path.exists()
    assert heard.plan == plan
    own, others = (data.rows("train")[:] for data in (workspace.dataset, heard.workspace.dataset))
    np.testing.assert_array_equal(own, others)


def test_a_cache_that_only_process_0_sees_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Processes, "ensure_usable", lambda self: None)
    messages = [str(tmp_path / "elsewhere" / "training.pickle")]
    monkeypatch.setattr(module, "Team", lambda processes: Line(processes, messages))
    with pytest.raises(HostError, match="process 1 cannot read the cache of process 0"):
        follow(SECOND)


def test_processes_do_not_train_by_the_clock(image_folder: Callable[..., Path]) -> None:
    with (
        Session(image_folder(), None, {"seconds": 60.0}, team=Line(FIRST)) as session,
        pytest.raises(RecipeError, match="--for limits the time of one process, and 2 train"),
    ):
        ensure_by_epochs(session)

"""Training together with other processes: process 0 runs the command, the others train along."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tlearn.backend.parallel import Team
from tlearn.backend.processes import Processes
from tlearn.commands.session import Session
from tlearn.commands.tuning import Training, tune_together
from tlearn.errors import HostError, RecipeError, quoted

_END = ""


@contextmanager
def leading(processes: Processes) -> Iterator[Team]:
    """Meet the other processes, if there are any, and let them end when the block does.

    Raises:
        HostError: They cannot be met, or Keras cannot train on so many devices.
    """
    processes.ensure_usable()
    team = Team(processes)
    try:
        yield team
    finally:
        team.tell(_END)


@contextmanager
def lead(devices: int | None, *asked: Any, **kept: Any) -> Iterator[Session]:
    """Open the session of a command that trains, as process 0 of those that the environment names.

    Args:
        devices: How many devices each process uses; None for all.
        asked: Folder, recipe and flags of the `Session`.
        kept: Its keywords.

    Raises:
        HostError: As `leading` does.
        RecipeError: The recipe is wrong, or limits the time, and there are several processes.
    """
    processes = Processes.of(os.environ, devices)
    with leading(processes) as team, Session(*asked, team=team, **kept) as session:
        ensure_by_epochs(session)
        yield session


def follow(processes: Processes) -> None:
    """Train along with process 0 whenever it trains, until it ends; print and write nothing.

    Raises:
        HostError: Process 0 cannot be reached, or its cache folder cannot be read.
    """
    processes.ensure_usable()
    team = Team(processes)
    while (message := team.hear()) != _END:
        training = _read(Path(message), processes)
        folder = training.workspace.dataset.folder.root
        with Session(folder, None, {}, team=team) as session:
            tune_together(session, training)


def ensure_by_epochs(session: Session) -> None:
    """Refuse to train by the clock, which is another one in each process.

    Raises:
        RecipeError: The time is limited, and there are several processes.
    """
    size = session.team.processes.size
    if size > 1 and session.requested.recipe.seconds:
        raise RecipeError(
            f"--for limits the time of one process, and {size} train together",
            "limit the epochs: --epochs 10",
        )


def _read(path: Path, processes: Processes) -> Training:
    try:
        training: Training = pickle.loads(path.read_bytes())
    except OSError as error:
        raise HostError(
            f"process {processes.rank} cannot read the cache of process 0, {quoted(path.parent)}",
            "use a folder that all machines see: export TLEARN_CACHE=FOLDER",
        ) from error
    return training

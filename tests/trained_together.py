"""Train a folder on JAX, as tests do in processes of their own: Keras has one backend in each.

    python trained_together.py FOLDER OUT POLICIES DEVICES [KEY=VALUE ...]

The environment says which process it is, see `tlearn.backend.processes`. Process 0 writes losses
and weights of each policy, for each number of devices ("all" of them); where its checkpoint is
there, it goes on.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.backend.parallel import Team
from tlearn.backend.processes import Processes
from tlearn.commands.follow import follow, leading
from tlearn.commands.heads import head_problem, solve
from tlearn.commands.session import Session
from tlearn.commands.tuning import tune_network

DIE_AT = "DIE_AT_STEP"
"""Variable with the number of the step at which this process gets the signal to end."""

TRAININGS: dict[str, dict[str, Any]] = {
    "top_stages": {"views": 2, "class_weights": True, "head_dropout": 0.3},
    "from_scratch": {"backbone": "lenet5", "image_size": 32},
    "deep": {"augmentation": "strong", "batch_norm": "trained"},
}
COMMON = {"epochs": 2, "batch_size": 14}
"""Of 33 images a last batch of 5, which neither 2 nor 4 divide."""


def train(
    team: Team, folder: Path, flags: dict[str, Any], checkpoint: Path
) -> dict[str, np.ndarray]:
    with Session(folder, None, flags, team=team) as session:
        workspace = session.extract_features(session.open_workspace())
        plan, head = session.make_plan(workspace, session.requested), None
        if workspace.features is not None:
            problem, folds = head_problem(session, workspace, plan)
            head = solve(session, workspace.features, problem, folds, plan.head.solved_l2)
        model, history = tune_network(session, workspace, plan, head, None, checkpoint)
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    figures = [[epoch.get(name, 0.0) for name in names] for epoch in history.epochs]
    weights = {f"weight{number}": value for number, value in enumerate(model.get_weights())}
    return {"figures": np.array(figures)} | weights


def die_at(step: int) -> None:
    from tlearn.training import phase

    take_step, left = phase.train_on_batch, [step]

    def step_or_die(*arguments: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGTERM)
        return take_step(*arguments)

    phase.train_on_batch = step_or_die


def main(folder: str, out: str, policies: str, devices: str, *settings: str) -> None:
    keys = dict(setting.split("=") for setting in settings)
    if step := os.environ.get(DIE_AT):
        die_at(int(step))
    for number in devices.split(","):
        processes = Processes.of(os.environ, None if number == "all" else int(number))
        if not processes.leads:
            follow(processes)
            return
        with leading(processes) as team:
            for policy in policies.split(","):
                name = Path(out) / f"{policy}-{processes.size}x{number}"
                flags = {"policy": policy} | COMMON | keys | TRAININGS[policy]
                arrays = train(team, Path(folder), flags, name.with_suffix(".checkpoint.npz"))
                np.savez(name.with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])

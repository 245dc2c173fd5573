"""Tune a network in a session."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.backend.precision import use_deterministic_operations
from tlearn.backend.silence import import_keras
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.targets import NumberScale
from tlearn.features.head import LinearHead
from tlearn.progress import EpochCallback
from tlearn.recipe.plan import Plan
from tlearn.storage.atomic import CACHE_HINT, remove, write_atomic

if TYPE_CHECKING:
    import keras

    from tlearn.training.loop import History

_FROZEN: dict[str, Any] = {"extractor": None, "features": None}
"""What a workspace has of the network before training, which others need not know."""


@dataclass(frozen=True)
class Training:
    """What `tune_network` is called with: all that another process needs to train along."""

    workspace: Workspace
    plan: Plan
    head: LinearHead | None
    checkpoint: Path | None
    scale: NumberScale | None


@contextmanager
def calling_others(session: Session, training: Training) -> Iterator[None]:
    """Have the other processes train along, if there are any; a file tells them what."""
    team = session.team
    if not team.leads or team.processes.size == 1:
        yield
        return
    dataset = training.workspace.dataset
    pixels = replace(dataset.pixels, infos=(), files=None)  # type: ignore[arg-type]
    own = replace(training.workspace, dataset=replace(dataset, pixels=pixels), **_FROZEN)
    path = session.cache.absolute() / f"training-{secrets.token_hex(8)}.pickle"
    write_atomic(path, pickle.dumps(replace(training, workspace=own)), CACHE_HINT)
    try:
        team.tell(str(path))
        yield
    finally:
        remove(path)


def tune_network(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    head: LinearHead | None,
    on_epoch: EpochCallback | None,
    checkpoint: Path | None,
    scale: NumberScale | None = None,
) -> tuple[keras.Model, History]:
    """Tune the stages that the plan names, in the precision that it names.

    Args:
        session: Cache, engines and progress.
        workspace: Images and backbone.
        plan: What to train.
        head: The solved head to start from, or None for a random one.
        on_epoch: Called with the record of every epoch.
        checkpoint: File in which the state of training is kept, and from which it goes on.
        scale: Of a number, the unit in which it is learned.
    """
    path = checkpoint.absolute() if checkpoint else None
    training = Training(workspace, plan, head, path, scale)
    with calling_others(session, training):
        return tune_together(session, training, on_epoch)


def tune_together(
    session: Session, training: Training, on_epoch: EpochCallback | None = None
) -> tuple[keras.Model, History]:
    """Tune a network, as all processes do at the same time; see `tune_network`."""
    plan, workspace = training.plan, training.workspace
    session.progress("load TensorFlow", 0, 0)
    with session.timer.time("load"):
        keras = import_keras()
    from tlearn.training.fine_tune import TrainingContext, fine_tune

    seconds = plan.training.seconds
    context = TrainingContext(
        plan=plan,
        dataset=workspace.dataset,
        cache=session.cache,
        engines=session.engines,
        progress=session.progress,
        timer=session.timer,
        on_epoch=on_epoch,
        checkpoint=training.checkpoint,
        deadline=session.timer.started + seconds if seconds else None,
        scale=training.scale,
        team=session.team,
    )
    if plan.training.deterministic:
        use_deterministic_operations()
    keras.config.set_dtype_policy(plan.training.precision)
    try:
        is_float32 = plan.training.precision == "float32"
        resolved = workspace.backbone
        network = session.load_backbone(resolved, to_train=True) if is_float32 else resolved.load()
        keras.utils.set_random_seed(plan.seed)  # last: the network may have been loaded before
        return fine_tune(network, training.head, context)
    finally:
        keras.config.set_dtype_policy("float32")

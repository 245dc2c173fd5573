"""Tune a network in a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tlearn.backend.precision import use_deterministic_operations
from tlearn.backend.silence import import_keras
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.targets import NumberScale
from tlearn.features.head import LinearHead
from tlearn.progress import EpochCallback
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras

    from tlearn.training.loop import History


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
        checkpoint=checkpoint,
        deadline=session.timer.started + seconds if seconds else None,
        scale=scale,
    )
    keras.utils.set_random_seed(plan.seed)
    if plan.training.deterministic:
        use_deterministic_operations()
    keras.config.set_dtype_policy(plan.training.precision)
    try:
        is_float32 = plan.training.precision == "float32"
        resolved = workspace.backbone
        network = session.load_backbone(resolved, to_train=True) if is_float32 else resolved.load()
        return fine_tune(network, head, context)
    finally:
        keras.config.set_dtype_policy("float32")

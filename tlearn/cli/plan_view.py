"""The whole plan of a training, for `tlearn finetune --verbose`: stages, keys, who set each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from tlearn.cli.display.formats import escape_control, learning_rate, percent, policy_name
from tlearn.cli.display.widgets import ACCENT, DIM, indented, safe_text, table
from tlearn.recipe.plan import GRADIENT_KEYS, Plan, StagePlan


def draw_full_plan(plan: Plan) -> list[RenderableType]:
    """Return the stages with their learning rates, and every key that matters to the policy."""
    return [Text(), indented(_stages(plan)), Text(), indented(_keys(plan))]


def _stages(plan: Plan) -> RenderableType:
    rows = table("stage", "parameters", "learning rate", right=(1,))
    for stage in plan.stages:
        rows.add_row(safe_text(stage.name), f"{stage.parameters:,}", _treatment(plan, stage))
    trained = sum(stage.parameters for stage in plan.stages if stage.learning_rate)
    trained = trained or plan.stages[-1].parameters
    share = trained / sum(stage.parameters for stage in plan.stages)
    steps = (
        f"{plan.training.epochs} epochs of {plan.training.steps_per_epoch} steps"
        if plan.training.epochs
        else "no epochs"
    )
    return Group(rows, Text(f"{trained:,} parameters trained ({percent(share)}), {steps}", DIM))


def _treatment(plan: Plan, stage: StagePlan) -> Text:
    is_head = stage is plan.stages[-1]
    solved = is_head and plan.policy != "from_scratch"
    if not stage.learning_rate:
        return Text("solved", ACCENT) if solved else Text("frozen", DIM)
    rate = learning_rate(stage.learning_rate)
    return Text(f"solved, then {rate}" if solved else rate, ACCENT)


def _keys(plan: Plan) -> RenderableType:
    """Return keys that somebody or the images decided as rows, plain defaults as a list."""
    rows, defaults = table("key", "value", "from"), []
    for key, value in _values_that_matter(plan).items():
        origin, reason = plan.origins.get(key, "default"), plan.reasons.get(key)
        shown = _shown(key, value)
        if origin == "default" and reason:
            rows.add_row(key, shown, Text(f"auto: {escape_control(reason)}", DIM))
        elif origin == "default":
            defaults.append(f"{key}={shown}")
        else:
            name = plan.recipe if origin == "recipe" and plan.recipe else origin
            rows.add_row(key, shown, safe_text(name, ACCENT if origin == "flag" else ""))
    rest = Text.assemble(("defaults  ", "bold"), ", ".join(defaults), style=DIM)
    return Group(rows, Text(), rest)


def _values_that_matter(plan: Plan) -> Mapping[str, Any]:
    without = set() if plan.training.epochs else GRADIENT_KEYS
    if plan.policy == "from_scratch":
        without = without | {"solved_head_l2", "weights", "head_stages"}
    if plan.training.optimizer != "sgd":
        without = without | {"momentum"}
    if plan.images.augmentation == "none":
        without = without | {"horizontal_flip", "views"}
    return {key: plan.value(key) for key in plan.origins if key not in without}


def _shown(key: str, value: Any) -> str:
    if key == "solved_head_l2" and value is None:
        return "by folds"
    if key == "policy":
        return policy_name(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return learning_rate(value) if key == "learning_rate" else f"{value:g}"
    return "-" if value is None else escape_control(value)

"""The whole plan: every key that matters to the policy, and who set it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.cli.conftest import Command
from tlearn import api
from tlearn.recipe.schema import Recipe


def test_verbose_names_every_key_that_matters_and_who_set_it(
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    finetunes(outcome)
    shown = command("finetune", "folder", "--verbose").stdout
    fits(shown)
    missing = {key for key in Recipe.model_fields if key not in shown}
    assert missing == {"momentum"}  # adam has none
    rows = {line.split()[0]: line for line in shown.splitlines() if line.split()}
    assert rows["epochs"].split()[1:] == ["7", "flag"]
    assert rows["policy"].split()[1] == "top-stages"
    assert rows["optimizer"].split()[1:] == ["adam", "top_stages.yaml"]
    assert "auto:" in rows["batch_size"]
    stages = {line.split()[1]: line for line in shown.splitlines() if line.startswith("  stage ")}
    assert stages["1"].split()[-1] == "frozen" and "e-4" in stages["3"]
    assert "solved, then" in shown and "3 classes have" in shown
    assert "90% of the way from the solved head" in shown and "train 1 min 1 s" in shown


def test_verbose_leaves_out_what_a_solved_head_has_no_use_for(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    training = replace(outcome.plan.training, epochs=0)
    plan = replace(outcome.plan, policy="linear_head", training=training)
    finetunes(replace(outcome, plan=plan))
    shown = command("finetune", "folder", "--verbose").stdout
    keys = {line.split()[0] for line in shown.splitlines() if line[2:3].strip()}
    assert not keys & {"optimizer", "schedule", "epochs", "batch_size", "batch_norm"}
    assert "solved_head_l2" in shown and "patience" not in shown

"""Several policies on one split: runs, a comparison, and what a failure leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.commands.policies import check_policies
from tlearn.errors import RecipeError, RunError, WeightsNotFoundError


@pytest.fixture
def flags(tiny_backbone_flags: dict[str, Any], converted: None, undrawn: None) -> dict[str, Any]:
    return tiny_backbone_flags | {"epochs": 1}


def test_each_policy_is_a_run_and_the_best_is_compared_with_the_others(
    run_images: Path, flags: dict[str, Any], tmp_path: Path
) -> None:
    policies = ("linear-head", "top-stages")
    result = api.finetune_policies(run_images, policies, flags=flags, out=tmp_path / "all")
    assert {run.path.name for run in result.runs.values()} == {*policies}
    assert result.comparison and not result.failed
    first, other = result.comparison.paired
    assert first.gain == 0 and other.gain <= 0
    assert result.page and "<svg" in result.page.read_text("utf-8")


def test_a_policy_that_fails_does_not_lose_the_others(
    run_images: Path, flags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlearn.commands import policies

    real = policies.finetune

    def finetune(folder: Path, recipe: None, flags: dict[str, Any], **options: Any) -> Any:
        if flags["policy"] == "deep":
            raise WeightsNotFoundError("no weights", "name them: --weights FILE")
        return real(folder, recipe, flags, **options)

    monkeypatch.setattr(policies, "finetune", finetune)
    out = tmp_path / "all"
    result = api.finetune_policies(run_images, ["deep", "linear-head"], flags=flags, out=out)
    assert [*result.runs] == ["linear_head"] and result.comparison is None
    assert result.failed["deep"].message == "no weights"


@pytest.mark.parametrize("place", ["all", None])
def test_a_comparison_that_was_stopped_goes_on(
    place: str | None,
    run_images: Path,
    flags: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path(place) if place else None

    def stop(record: object) -> None:
        raise KeyboardInterrupt

    def compare(epoch: Any = None) -> api.PoliciesResult:
        names = ["linear-head", "top-stages", "deep"]
        return api.finetune_policies(run_images, names, flags=flags, out=out, on_epoch=epoch)

    with pytest.raises(KeyboardInterrupt):
        compare(stop)  # in top-stages: the head has no epochs
    (head,) = tmp_path.glob("*/*linear*head/metrics.json")
    written = head.stat().st_mtime_ns
    result = compare()
    assert head.stat().st_mtime_ns == written
    assert result.kept == ("linear_head",) and len(result.runs) == 3 and not result.failed
    assert len([*tmp_path.glob("*/*/metrics.json")]) == 3
    if place:
        with pytest.raises(RunError, match="already holds a run"):
            compare()
    else:
        assert compare().kept == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["linear-head", "depe"], "'depe' is no policy"),
        (["deep", "deep"], "twice"),
        (["deep"], "two policies or more"),
    ],
)
def test_a_list_that_compares_nothing_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as error:
        check_policies(names)
    assert "--policies linear-head,top-stages" in error.value.hint

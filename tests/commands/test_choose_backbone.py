"""Which backbone is trained: measured by heads on each, where nobody named one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.target_runs import number_table
from tlearn import api
from tlearn.commands import choose_backbone as module
from tlearn.commands.session import Session
from tlearn.models.catalog import CATALOG
from tlearn.models.resolve import ResolvedBackbone, resolve_backbone
from tlearn.suggestion.advice import Contender
from tlearn.suggestion.matrix import Policy

OTHERS = module._others


@pytest.fixture(autouse=True)
def at_hand(
    tiny_backbone: Path, tinier_backbone: Path, converted: None, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """The backbone that is tried first, and another one."""
    first, other = str(tinier_backbone), str(tiny_backbone)

    def find(session: Session, name: str | None = None) -> ResolvedBackbone:
        recipe = session.requested.recipe
        return resolve_backbone(recipe.backbone.replace("auto", name or first), None, None)

    monkeypatch.setattr(Session, "find_backbone", find)

    def others(session: Session, _: str) -> list[str]:
        recipe = session.requested.recipe
        return [other] if (recipe.policy, recipe.backbone) == ("auto", "auto") else []

    monkeypatch.setattr(module, "_others", others)
    return first, other


def choose(folder: Path, **flags: Any) -> tuple[str, tuple[Contender, ...]]:
    with Session(folder, None, flags) as session:
        workspace, rated = module.choose_backbone(session, session.scan_folder())
    return workspace.backbone.name, rated


def test_the_better_one_is_taken_and_both_are_told(
    run_images: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "may_join", lambda *_: False)
    name, rated = choose(run_images, prefer="accurate")
    first, other = rated
    assert (first.name, other.name) == at_hand
    assert other.gain == pytest.approx((other.accuracy or 0) - (first.accuracy or 0))
    assert name == (other.name if other.gain > 0 else first.name)


def test_a_larger_one_has_to_be_better_by_more_than_chance(
    run_images: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for margin, taken in ((-1e6, at_hand[1]), (1e6, at_hand[0])):
        monkeypatch.setattr(module, "TIE_SE", margin)
        assert choose(run_images)[0] == taken


def test_a_tie_goes_to_the_one_that_is_usually_better(
    run_images: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIE_SE", 1e6)
    monkeypatch.setattr(module, "USUALLY_BETTER", at_hand[1])
    assert choose(run_images)[0] == at_hand[1]


def test_what_is_usually_better_is_taken_at_once_for_a_fast_way(
    run_images: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlearn.cli.advice_text import won_backbone

    monkeypatch.setattr(module, "USUALLY_BETTER", at_hand[1])
    monkeypatch.setattr(module, "available_offline", lambda: [(_Named(at_hand[1]), Path("x"))])
    name, rated = choose(run_images, prefer="fast")
    assert name == at_hand[1] and all(contender.untried for contender in rated)
    advice = api.suggest(run_images, flags={"prefer": "fast"})
    assert won_backbone(advice) == {"backbone": at_hand[1]}
    assert choose(run_images, prefer="fast", policy="deep")[1] == ()


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name


def test_what_was_not_tried_is_told(
    run_images: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 1.0)
    name, rated = choose(run_images)
    assert name == at_hand[0] and rated[1].accuracy is None and "no error" in rated[1].untried
    name, rated = choose(run_images, seconds=0.001)
    assert name == at_hand[0] and rated[1].untried == "there is little time"
    monkeypatch.setattr(module, "MOST_IMAGES", 1)
    name, (untried,) = choose(run_images)
    assert name == at_hand[0] and untried.untried == "there are many images"


@pytest.mark.parametrize(
    ("flags", "tried"),
    [
        ({}, ["efficientnet_lite0"]),
        ({"prefer": "accurate"}, ["efficientnet_lite0", "efficientnet_lite2"]),
        ({"prefer": "fast"}, []),
        ({"prefer": "small"}, []),
        ({"policy": "deep"}, []),
        ({"backbone": "builtin"}, []),
    ],
)
def test_what_is_tried_is_at_hand_and_left_open(
    run_images: Path, flags: dict[str, str], tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("builtin", "resnet50", "efficientnet_lite0", "efficientnet_lite2")
    at_hand = [(CATALOG[name], Path(name)) for name in names]
    monkeypatch.setattr(module, "available_offline", lambda: at_hand)
    with Session(run_images, None, flags) as session:
        assert list(OTHERS(session, "mobilenet_v2")) == tried
        assert "efficientnet_lite0" not in OTHERS(session, "efficientnet_lite0")


@pytest.mark.parametrize("flags", [{"policy": "linear_head"}, {"backbone": "builtin"}])
def test_nothing_is_tried_where_the_person_chose(run_images: Path, flags: dict[str, str]) -> None:
    assert choose(run_images, **flags)[1] == ()


def test_advice_names_the_backbone_in_its_commands(
    run_images: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlearn.cli.advice_text import won_backbone

    monkeypatch.setattr(module, "TIE_SE", -1e6)
    advice = api.suggest(run_images)
    assert advice.backbone == at_hand[1] and "solved head" in advice.backbone_reason
    assert won_backbone(advice) == {"backbone": at_hand[1]}


@pytest.mark.parametrize("joined_wins", [True, False])
def test_the_best_two_are_joined_where_that_beats_all_that_the_best_can_reach(
    run_images: Path,
    at_hand: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    joined_wins: bool,
) -> None:
    def compare(*given: Any) -> tuple[float, float]:
        joined, alone = forecasts(*given)
        assert 0 < joined < 1 and 0 < alone < 1
        return alone + 0.01 * joined_wins, alone

    forecasts = module.compare_forecasts
    monkeypatch.setattr(module, "compare_forecasts", compare)
    monkeypatch.setattr(module, "SETTLED", 0.0)
    result = api.suggest(run_images, flags={"prefer": "accurate"})
    *_, joined = result.contenders
    assert {*joined.name.split("+")} == {*at_hand} and joined.accuracy is not None
    assert (result.backbone == joined.name) is joined_wins
    assert joined.name in result.backbone_reason
    policies = {option.policy for option in result.options}
    assert (policies == {Policy.LINEAR_HEAD}) is joined_wins


@pytest.mark.parametrize("flags", [{}, {"prefer": "accurate", "head_stages": "last"}])
def test_nothing_is_joined_where_that_is_not_asked_for(
    run_images: Path, flags: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.0)
    assert len(choose(run_images, **flags)[1]) == 2


def test_backbones_are_not_joined_where_no_classes_are_learned(
    tmp_path: Path, at_hand: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", -1.0)  # this number leaves next to no error
    table = number_table(tmp_path / "images")
    name, rated = choose(table, prefer="accurate")
    assert [one.name for one in rated] == [*at_hand] and name in at_hand

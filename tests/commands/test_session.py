"""What holds for one command: its cache, and which error comes first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.commands.session import Session
from tlearn.errors import BackboneError, DataError, RecipeError


def test_a_temporary_cache_leaves_nothing_behind(
    image_folder: Callable[..., Path],
    tiny_backbone_flags: dict[str, Any],
    own_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder = image_folder()
    with Session(folder, None, tiny_backbone_flags, keep_cache=False) as session:
        session.open_workspace()
        assert list(temporary.glob("tlearn-*")) == [session.cache]
        assert any(session.cache.iterdir())
    with (
        pytest.raises(DataError),
        Session(tmp_path / "missing", None, tiny_backbone_flags, keep_cache=False) as session,
    ):
        session.scan_folder()
    with pytest.raises(RecipeError):
        Session(folder, None, tiny_backbone_flags | {"resize": "bend"}, keep_cache=False)
    assert not list(own_cache.rglob("*")) and not list(temporary.glob("tlearn-*"))


def test_the_converted_network_is_kept_for_the_next_command(
    run_images: Path, tiny_backbone_flags: dict[str, Any]
) -> None:
    steps: list[str] = []
    for _ in range(2):
        steps.clear()
        with Session(
            run_images, None, tiny_backbone_flags, progress=lambda step, *_: steps.append(step)
        ) as session:
            session.extract_features(session.open_workspace())
    assert not {"load the backbone", "prepare the backbone (once)"} & set(steps)


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        ({"epochs": "ten"}, RecipeError),
        ({"backbone": "mobilenet_025", "weights": "none.h5"}, BackboneError),
        ({"backbone": "nowhere"}, BackboneError),
    ],
)
def test_errors_come_before_an_image_is_read(
    image_folder: Callable[..., Path], flags: dict[str, Any], error: type[Exception]
) -> None:
    steps: list[str] = []
    with (
        pytest.raises(error),
        Session(image_folder(), None, flags, progress=lambda s, *_: steps.append(s)) as session,
    ):
        session.open_workspace()
    assert "read images" not in steps


def test_from_scratch_there_is_no_best_stage(image_folder: Callable[..., Path]) -> None:
    flags = {"backbone": "mobilenet_025", "image_size": 32, "policy": "from_scratch"}
    with Session(image_folder(), None, flags | {"head_stages": "best"}) as session:
        workspace = session.open_workspace()
        assert workspace.extractor is None and len(workspace.stages) == 5
        with pytest.raises(RecipeError, match="no features to measure"):
            session.make_plan(workspace, session.requested)


def test_of_very_many_images_a_sample_is_measured_and_all_are_trained_on(
    run_images: Path, tiny_backbone_flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlearn.data.sampling.CROSS_VALIDATION_LIMIT", 12)
    advice = api.suggest(run_images, flags=tiny_backbone_flags)
    assert advice.dataset.manifest.count("train") > len(advice.profile.labels) == 12
    head = {"policy": "linear_head", "head_stages": "best", "keep_samples": False}
    result = api.finetune(run_images, flags=tiny_backbone_flags | head, dry_run=True)
    assert result.plan.split.n_train == advice.dataset.manifest.count("train")

"""The backbone in the box: its files agree with each other, and `auto` knows when to take it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.features.extractor import SOURCE, extractor_engines, open_extractor
from tlearn.models.catalog import BUILTIN, RECOMMENDED, SHIPPED
from tlearn.models.resolve import resolve_backbone
from tlearn.models.weights import available_offline


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras"))


def test_weights_and_probe_compute_the_same(tmp_path: Path) -> None:
    choice = resolve_backbone(BUILTIN, None, None)
    extractor = open_extractor(tmp_path, choice.fingerprint)
    assert extractor is not None, (
        "the shipped probe is of other weights: run tools/pack_builtin_backbone.py"
    )
    assert dict(extractor.outputs)[SOURCE] > 100
    side = choice.image_size
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images = images.repeat(side // 8, axis=1).repeat(side // 8, axis=2)
    makers = extractor_engines(extractor, choice.load)
    lite, full = (next(iter(makers[kind]().run([images]))) for kind in ("litert", "keras"))
    assert lite.shape == (6, extractor.width)
    np.testing.assert_allclose(lite, full, atol=1e-4 * abs(full).max())


def test_it_is_small_and_says_where_it_comes_from() -> None:
    files = list(SHIPPED.iterdir())
    assert sum(path.stat().st_size for path in files) < 5_000_000
    facts = json.loads((SHIPPED / "builtin.json").read_text())
    assert facts["teacher"] == RECOMMENDED and facts["pictures"] > 40_000
    card = (SHIPPED / "README.md").read_text()
    assert "ImageNet" in card and "tlearn distill" in card


def test_auto_falls_back_and_a_name_does_not(offline: None, small_weights: Path) -> None:
    choice = resolve_backbone(None, None, None)
    assert choice.name == BUILTIN and choice.image_size == 128
    assert choice.weights is not None and choice.weights.origin == "built in"
    assert RECOMMENDED in choice.reason
    assert resolve_backbone(None, None, 96).image_size == 96
    with pytest.raises(WeightsNotFoundError):
        resolve_backbone(RECOMMENDED, None, None)
    with pytest.raises(BackboneError, match="no file"):
        resolve_backbone(None, Path("gone.h5"), None)


def test_auto_takes_the_recommended_one_where_its_weights_are(
    offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path))
    (tmp_path / "mobilenet_v2_1.00_224_imagenet.weights.h5").write_bytes(b"weights, to its name")
    choice = resolve_backbone(None, None, None)
    assert (choice.name, choice.reason) == (RECOMMENDED, "the recommended one")
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(BackboneError, match="not a folder"):
        resolve_backbone(None, None, None)


def test_it_is_always_at_hand() -> None:
    assert BUILTIN in {spec.name for spec, _ in available_offline()}


def test_a_folder_is_measured_without_tensorflow(
    offline: None, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = image_folder(classes=3, per_class=20)
    code = (
        "import sys; from pathlib import Path; from tlearn import api\n"
        f"advice = api.suggest(Path({str(folder)!r}), flags={{'backbone': 'builtin'}})\n"
        "assert advice.profile and not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

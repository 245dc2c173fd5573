"""Files of weights in PyTorch's old layout are read, and nothing in them is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.models.pytorch_files import START, SYSTEM, pytorch_bytes, text, write_pytorch
from tlearn.errors import BackboneError
from tlearn.models.catalog import find_backbone
from tlearn.models.pytorch_file import is_pytorch, read_layers
from tlearn.models.weights_file import read_weights_info

SPEC = find_backbone("efficientnet_lite0")
KERNEL = np.arange(24, dtype="float32").reshape(4, 1, 2, 3)
ARRAYS = {
    "_conv.weight": KERNEL,
    "_bn.weight": np.ones(4, "float32"),
    "_bn.num_batches_tracked": np.array(7),
    "_fc.weight": np.arange(12, dtype="float32").reshape(4, 3).T,  # as PyTorch leaves a transpose
    "_fc.bias": np.zeros(3, "float32"),
}


def test_weights_are_read_by_layer_and_part_whatever_their_strides(tmp_path: Path) -> None:
    path = write_pytorch(tmp_path / "w.pth", ARRAYS)
    assert is_pytorch(path)
    layers = read_layers(path)
    assert {name: [*parts] for name, parts in layers.items()} == {
        "_conv": ["weight"],
        "_bn": ["weight"],
        "_fc": ["weight", "bias"],
    }
    for name, parts in layers.items():
        for part, array in parts.items():
            np.testing.assert_array_equal(array, ARRAYS[f"{name}.{part}"])
    info = read_weights_info(path, SPEC)
    assert (info.layout, info.classes, info.layers) == ("pytorch", 3, 3)
    assert info.parameters == 24 + 4 + 12 + 3


class Call:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("place", ["system", "entries", "within"])
def test_a_file_that_calls_a_function_is_refused_and_nothing_is_run(
    tmp_path: Path, protocol: int, place: str
) -> None:
    target = tmp_path / "made"
    call = pickle.dumps(Call(target), protocol)
    with_call = b"\x80\x02}" + text("_fc.weight") + call.removeprefix(b"\x80\x02")[:-1] + b"s."
    content = {"system": call, "entries": SYSTEM + call, "within": SYSTEM + with_call}[place]
    path = tmp_path / "w.pth"
    path.write_bytes(START + content)
    with pytest.raises(BackboneError, match="more in it than weights") as error:
        read_weights_info(path, SPEC)
    assert not target.exists()
    assert error.value.hint.endswith("--weights PATH")
    pickle.loads(call)
    assert target.exists()  # it would have


@pytest.mark.parametrize("instructions", [b"(ios\nsystem\n.", b"cos\nsystem\n.", b"\x82\x01."])
def test_names_are_not_even_looked_up(tmp_path: Path, instructions: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(START + SYSTEM + b"\x80\x02" + instructions)
    with pytest.raises(ValueError, match="more in it than weights"):
        read_layers(path)


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    whole = pytorch_bytes(ARRAYS)
    path = tmp_path / "w.pth"
    for length in (*range(len(START), len(whole), 7), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged or incomplete"):
            read_layers(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="damaged or incomplete"):
        read_layers(path)


@pytest.mark.parametrize("start", [1, -1, 2**31 - 1])
def test_a_tensor_that_leads_out_of_its_storage_is_refused(tmp_path: Path, start: int) -> None:
    path = write_pytorch(tmp_path / "w.pth", {"_conv.weight": KERNEL}, start)
    with pytest.raises(ValueError, match="damaged or incomplete"):
        read_layers(path)


@pytest.mark.parametrize(
    "entries",
    [
        b"}(((ttX\0\0\0\0u.",  # a key that is no name
        b"\x85.",  # nothing to take
        b"h\x05.",  # nothing remembered
        b"K\x01.",  # a number
        b"}" + text("w") + b"K\x01s.",  # a number for a tensor
        b"](K\x01K\x02e.",  # a list
    ],
)
def test_instructions_that_make_no_sense_are_damage(tmp_path: Path, entries: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(START + SYSTEM + b"\x80\x02" + entries + b"\x80\x02].")
    with pytest.raises(ValueError, match="damaged or incomplete"):
        read_layers(path)


def test_other_files_are_not_taken_for_one_of_pytorch(tmp_path: Path) -> None:
    for content in (b"", b"\x80\x02", pickle.dumps({}), b"PK\x03\x04"):
        (tmp_path / "w.pth").write_bytes(content)
        assert not is_pytorch(tmp_path / "w.pth")

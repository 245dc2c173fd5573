"""An accelerator is found without importing TensorFlow, unless it is hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.backend.device import accelerator_visible, on_accelerator, unused_gpu


@pytest.fixture
def device_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path / "nvidia0"


def test_a_device_file_is_an_accelerator(device_file: Path) -> None:
    assert not accelerator_visible([device_file])
    device_file.touch()
    assert accelerator_visible([device_file])


@pytest.mark.parametrize(("devices", "visible"), [("", False), ("-1", False), ("0", True)])
def test_a_hidden_accelerator_does_not_count(
    device_file: Path, monkeypatch: pytest.MonkeyPatch, devices: str, visible: bool
) -> None:
    device_file.touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    assert accelerator_visible([device_file]) is visible


@pytest.mark.parametrize("kind", ["gpu", "tpu", None])
def test_keras_is_asked_for_all_devices(monkeypatch: pytest.MonkeyPatch, kind: str | None) -> None:
    import keras

    def devices(device_type: str | None = None) -> list[str]:
        assert device_type is None  # JAX raises for a kind that is not there
        return ["cpu:0", *([f"{kind}:0"] if kind else [])]

    monkeypatch.setattr(keras.distribution, "list_devices", devices)
    assert on_accelerator() is (kind is not None)


def test_a_gpu_that_keras_cannot_use_is_named_with_the_command_for_it(
    device_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    assert not unused_gpu([device_file])
    device_file.touch()
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    (sentence,) = unused_gpu([device_file])
    assert sentence.endswith("(pip install 'tlearn[gpu]').")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    assert not unused_gpu([device_file])

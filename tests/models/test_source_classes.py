"""Names of source classes: from the file beside the weights, or ImageNet's."""

from __future__ import annotations

from pathlib import Path

from tlearn.models.source_classes import source_names
from tlearn.models.weights import WeightsFile


def test_a_thousand_classes_are_those_of_imagenet(tmp_path: Path) -> None:
    weights = WeightsFile(tmp_path / "mobilenet.h5", "given", "")
    names = source_names(weights, 1000)
    assert names is not None and len(set(names)) == 1000
    assert (names[0], names[207], names[999]) == ("tench", "golden retriever", "toilet tissue")
    assert source_names(weights, 999) is None
    assert source_names(None, 12) is None


def test_the_file_beside_the_weights_names_the_classes(tmp_path: Path) -> None:
    weights = WeightsFile(tmp_path / "birds.weights.h5", "given", "")
    (tmp_path / "birds.labels.txt").write_text("robin\nwren\n")
    assert source_names(weights, 2) == ["robin", "wren"]
    assert source_names(weights, 3) is None  # it names the classes of other weights

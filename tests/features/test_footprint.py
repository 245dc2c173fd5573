"""What a network takes on a board, by its graph: more for a later cut, and known in advance."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from tlearn.features.extractor import make_extractor
from tlearn.features.footprint import int8_footprint


def test_a_later_cut_takes_more_flash_and_no_less_ram(tmp_path: Path, small_backbone: Any) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    taken = [int8_footprint(extractor, stage, 10) for stage in range(1, 6)]
    assert all(a.flash < b.flash and a.ram <= b.ram for a, b in pairwise(taken))
    weights = sum(stage.parameters for stage in extractor.stages)
    assert weights < taken[-1].flash < 2 * weights


def test_more_classes_take_a_byte_for_each_feature(tmp_path: Path, small_backbone: Any) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    few, many = (int8_footprint(extractor, 3, n) for n in (2, 102))
    assert many.flash - few.flash == 100 * extractor.stages[2].width
    assert many.ram == few.ram


def test_the_ram_holds_the_image_twice_and_the_largest_maps(
    tmp_path: Path, small_backbone: Any
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    assert int8_footprint(extractor, 1, 2).ram > 2 * 3 * extractor.image_size**2


def test_weights_in_float16_count_as_weights(tmp_path: Path, small_backbone: Any) -> None:
    in_float32 = make_extractor(tmp_path / "32", small_backbone)
    in_float16 = make_extractor(tmp_path / "16", small_backbone, "float16")
    assert int8_footprint(in_float16, 4, 2) == int8_footprint(in_float32, 4, 2)

"""A map over its image: warm places are red, cold ones keep the image."""

from __future__ import annotations

import numpy as np

from tlearn.evaluation.explain_overlay import draw_map


def test_what_is_warm_is_red_and_what_is_cold_stays_as_it_is() -> None:
    image = np.full((64, 64, 3), 120, np.uint8)
    warmth = np.full((64, 64), -1.0)
    warmth[8:24, 8:24] = 5.0
    drawn = draw_map(image, warmth).astype(int)
    assert drawn.shape == (256, 256, 3)
    red, green, blue = drawn[64, 64]
    assert red > green + 60 and red > blue + 60
    assert np.array_equal(drawn[200, 200], [120, 120, 120])


def test_an_image_without_a_warm_place_is_drawn_too() -> None:
    image = np.full((300, 300, 3), 120, np.uint8)
    for warmth in (np.zeros((300, 300)), np.full((300, 300), -2.0)):
        assert draw_map(image, warmth).shape == (300, 300, 3)


def test_what_moves_a_number_up_is_red_and_what_moves_it_down_is_blue() -> None:
    image = np.full((64, 64, 3), 120, np.uint8)
    warmth = np.full((64, 64), 0.0)
    warmth[8:24, 8:24], warmth[40:56, 40:56] = 5.0, -5.0
    for up, (bright, other) in ((True, (0, 2)), (False, (2, 0))):
        drawn = draw_map(image, warmth, up=up).astype(int)
        assert drawn[64, 64][bright] > drawn[64, 64][other] + 60
        assert drawn[190, 190][other] > drawn[190, 190][bright] + 60

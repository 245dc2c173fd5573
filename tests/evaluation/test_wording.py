from __future__ import annotations

import pytest

from tlearn.evaluation.wording import (
    duration,
    gain_in_words,
    key_in_words,
    percent,
    percent_interval,
    policy_in_words,
    sentence,
    setting_in_words,
    split_in_words,
    step_in_words,
)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.81, "81.0%"), (0.0, "0.0%"), (1.0, "100.0%"), (0.99949, "99.9%"), (0.9999, ">99.9%")],
)
def test_a_share_is_a_percentage(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("difference", "of_number", "text"),
    [
        (0.042, False, "+4.2"),
        (-0.042, False, "-4.2"),
        (-0.0001, False, "+0.0"),
        (-0.0, True, "+0"),
        (-0.0001, True, "-0.0001"),
        (1234.5, True, "+1,234"),
    ],
)
def test_a_gain_has_a_sign_and_zero_has_one_only(
    difference: float, of_number: bool, text: str
) -> None:
    assert gain_in_words(difference, of_number) == text


def test_an_interval_names_its_ends() -> None:
    assert percent_interval(0.824, 0.918) == "82.4 to 91.8"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.25, "4.2 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3725, "1 h 2 min")],
)
def test_seconds_are_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_settings_steps_and_policies_are_put_in_words() -> None:
    assert setting_in_words(None) == "none" and setting_in_words(True) == "yes"
    assert setting_in_words(("a", 0.00012345)) == "a, 0.0001234"
    assert setting_in_words({"a": 1}) == "a: 1" and setting_in_words(()) == "none"
    assert key_in_words("learning_rate") == "learning rate"
    assert key_in_words("n_train") == "training images"
    assert step_in_words("decode") == "read images" and step_in_words("my_step") == "my step"
    assert policy_in_words("top_stages") == "top-stages"
    assert split_in_words("val") == "validation" and split_in_words("test") == "test"
    assert sentence("twice as fast") == "Twice as fast."

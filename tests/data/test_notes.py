"""Names that read alike: joined where only their bytes differ, told where a person may differ."""

from __future__ import annotations

import unicodedata

import pytest

from tlearn.data.notes import Row, join_forms, listed, names_alike

NFC, NFD = (unicodedata.normalize(form, "Äpfel") for form in ("NFC", "NFD"))


def test_two_unicode_forms_of_a_name_are_one_class() -> None:
    rows, notes = join_forms([Row("a", NFC, None), Row("b", NFD, None), Row("c", "Brot", None)])
    assert [row.class_name for row in rows] == [NFC, NFC, "Brot"]
    assert notes[0].kind == "joined_names" and notes[0].names == (NFC,)


def test_one_form_alone_stays_as_it_is() -> None:
    rows, notes = join_forms([Row("b", NFD, None)])
    assert rows[0].class_name == NFD and not notes


def test_a_model_that_is_scored_decides_on_the_form() -> None:
    rows, notes = join_forms([Row("b", NFC, None)], known=(NFD,))
    assert rows[0].class_name == NFD and not notes


@pytest.mark.parametrize(
    "names",
    [
        *(("Cat", "cat"), ("dog", "dog "), ("big-dog", "big_dog"), ("big dog", "bigdog")),
        *(("dog", "dog."), ("\uff24\uff2f\uff27", "dog"), ("1", "01"), ("1", "1.0")),
        *(("cat", "ca\u200bt"), ("don't", "don\u2019t"), ("t-shirt", "t\u2013shirt")),
        *(
            ("cat", "c\u0430t"),
            ("Alpha", "\u0391lpha"),
            ("dog", "d\u0585g"),
            ("pop", "\u0440\u043e\u0440"),
        ),
        *(
            ("dog", "dog\u202e"),
            ("dog", "d\u2066o\u2069g"),
            ("Cafe", "Café"),
            ("istanbul", "\u0130stanbul"),
        ),
        *(("1", "\u0661"), ("dog", "dog - Copy"), ("dog", "dog (1)"), ("dog", "Copy of dog")),
    ],
)
def test_names_that_look_alike_are_told(names: tuple[str, ...]) -> None:
    (note,) = names_alike([*names, "other"])
    assert note.severity == "warning" and note.names == names


@pytest.mark.parametrize(
    "names",
    [
        ("-1", "1"),
        ("1.2", "12"),
        ("C", "C++"),
        ("1.05", "1.5"),
        ("type (1)", "type (2)"),
        ("か", "が"),
        ("кот", "мышь"),
    ],
)
def test_names_that_differ_in_meaning_are_not(names: tuple[str, ...]) -> None:
    assert not [*names_alike(names)]


def test_letters_of_another_alphabet_are_named() -> None:
    (note,) = names_alike(["cat", "c\u0430t"])
    assert "(with CYRILLIC SMALL LETTER A)" in note.message


def test_a_long_list_is_cut() -> None:
    assert listed("abcde") == "'a', 'b', 'c' and 2 more"

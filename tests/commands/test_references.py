"""The bibliography: every backbone has its paper, every entry is whole."""

from __future__ import annotations

import pytest

from tlearn.commands.references import (
    Citations,
    Reference,
    bibliography,
    paper_key,
    tlearn_reference,
)
from tlearn.models.catalog import CATALOG


def test_every_backbone_has_its_paper() -> None:
    for spec in CATALOG.values():
        assert paper_key(spec.paper) in bibliography()
    with pytest.raises(KeyError):
        paper_key("https://arxiv.org/abs/0000.00000")


@pytest.mark.parametrize("reference", bibliography().values(), ids=lambda entry: entry.key)
def test_every_entry_is_whole(reference: Reference) -> None:
    assert reference.field("author") and reference.title and reference.field("year").isdigit()
    assert reference.bibtex.count("{") == reference.bibtex.count("}")
    assert "{" not in reference.label + reference.title and reference.field("year") in reference.key
    assert max(map(len, reference.bibtex.splitlines())) <= 80


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("wilson1927interval", "Wilson 1927"),
        ("dembo1982newton", "Dembo et al. 1982"),
        ("kumar2022lpft", "Kumar et al. 2022"),
        ("chollet2017xception", "Chollet 2017"),
    ],
)
def test_labels_are_authors_and_year(key: str, label: str) -> None:
    assert bibliography()[key].label == label


def test_a_citation_is_noted_once_in_the_order_of_the_text() -> None:
    cite = Citations(tlearn_reference("0.1.0", "2026"))
    assert cite("wilson1927interval", "tlearn") == "[Wilson 1927; tlearn contributors 2026]"
    cite("kumar2022lpft")
    cite("wilson1927interval")
    assert [r.key for r in cite.references] == ["wilson1927interval", "tlearn", "kumar2022lpft"]


def test_a_reference_says_where_it_can_be_read() -> None:
    assert bibliography()["kumar2022lpft"].url == "https://arxiv.org/abs/2202.10054"
    assert bibliography()["wilson1927interval"].url == ""

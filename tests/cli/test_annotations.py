"""Annotations are one line each, whatever is in them."""

from __future__ import annotations

import pytest

from tlearn.cli.annotations import annotation, print_annotations


def test_what_github_would_take_for_its_own_is_escaped() -> None:
    line = annotation("error", "a: b, c%", "85% of 'x'\r\n::error::\x1b[31m")
    assert line == ("::error title=a%3A b%2C c%25::85%25 of 'x'\\r%0A::error::\\x1b[31m")


def test_beside_a_document_they_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_annotations(["::notice title=a::b"], as_json=True)
    print_annotations(["::error title=a::b"], as_json=False)
    assert capsys.readouterr() == ("::error title=a::b\n", "::notice title=a::b\n")

"""Names of other people cannot become markup, and a template cannot forget a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from tlearn.evaluation.page import render_page


def test_values_are_escaped_and_have_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pages" / "templates").mkdir(parents=True)
    (tmp_path / "pages" / "__init__.py").touch()
    (tmp_path / "pages" / "templates" / "page.j2").write_text("<p>{{ name | twice }}</p>")
    monkeypatch.syspath_prepend(tmp_path)
    filters = {"twice": lambda text: 2 * text}
    page = render_page("pages", "page.j2", filters, {"name": "<b>"})
    assert page == b"<p>&lt;b&gt;&lt;b&gt;</p>"
    evil = {"name": "\x1b[1m\u202egpj\udcff"}
    assert (
        render_page("pages", "page.j2", filters, evil)
        == b"<p>" + 2 * rb"\x1b[1m\u202egpj\udcff" + b"</p>"
    )
    with pytest.raises(UndefinedError):
        render_page("pages", "page.j2", filters, {})

"""Tables and lines: other people's text stays text, commands stay whole."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Group, RenderableType

from tlearn.cli.display.progress import console
from tlearn.cli.display.widgets import next_steps, safe_lines, safe_text, verdict
from tlearn.evaluation.metrics import Report


def rendered(block: RenderableType) -> str:
    """Return what a terminal of 80 columns gets to see."""
    out = io.StringIO()
    terminal = console(out)
    terminal.width = 80
    terminal.print(Group(block), crop=False)
    return out.getvalue()


def test_other_peoples_text_is_neither_markup_nor_obeyed() -> None:
    assert safe_text("[bold]cat[/bold]\x1b[31m\n").plain == "[bold]cat[/bold]\\x1b[31m\\n"
    assert safe_lines("one\ntwo\x1b[31m").plain == "one\ntwo\\x1b[31m"


def test_a_score_in_words(report: Callable[[str], Report]) -> None:
    shown = rendered(verdict(report("test")))
    assert shown == "Right on 9 of 10 images it had not seen (90.0%; 95% interval 59.6 to 98.2)\n"


def test_commands_are_not_wrapped_and_their_purposes_are_comments_beside_them() -> None:
    shown = rendered(next_steps({"tlearn export x": "a file", "tlearn predict x": "try it"}))
    assert shown.splitlines()[1:] == [
        "next       tlearn export x   # a file",
        "           tlearn predict x  # try it",
    ]


def test_purposes_stand_below_commands_that_leave_them_no_room() -> None:
    long = "tlearn export " + "runs/" * 20
    shown = rendered(next_steps({long: "a file", "tlearn predict x": "try it"}))
    assert shown.splitlines()[1:] == [
        f"next       {long}",
        "             # a file",
        "           tlearn predict x",
        "             # try it",
    ]

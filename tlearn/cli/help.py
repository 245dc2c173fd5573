"""The help of a command: usage, what it does, its arguments and options, for any width."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperArgument, TyperCommand, TyperGroup

from tlearn.cli.display.widgets import no_wrap

_Row = tuple[Text, RenderableType]
_NAME_STYLE, _VALUE_STYLE, _BORDER_STYLE = "bold cyan", "yellow", "dim"
_MAX_WIDTH, _MIN_NAMES, _MAX_NAMES = 100, 10, 26
_EXAMPLE = re.compile(r": \[cyan\].*\[/\]$")


class _Readable:
    """Prints help as `draw` returns it; Typer's own wraps paragraphs twice and names types."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        from tlearn.cli.display.progress import console

        out = console(sys.stdout)
        out.width = min(out.width, _MAX_WIDTH)
        for block in draw(self, ctx):
            out.print(block, crop=False)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line after the command."""
        pieces = [usage_name(param) for param in _shown(self, ctx, arguments=True)]
        return ["[OPTIONS]", *pieces]


class Command(_Readable, TyperCommand):
    """A command with readable help."""


class CommandGroup(_Readable, TyperGroup):
    """A group of commands with readable help."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line after the group."""
        return [*super().collect_usage_pieces(ctx), self.subcommand_metavar]


def draw(command: Any, ctx: Any) -> Iterator[RenderableType]:
    """Yield the parts of the help from top to bottom."""
    yield Text.assemble("\n", ("Usage: ", "bold"), command.get_usage(ctx).removeprefix("Usage: "))
    yield Text()
    yield _paragraphs(command.help)
    yield Text()
    panels: dict[str, list[_Row]] = {"Arguments": [], "Options": []}
    for param in _shown(command, ctx, arguments=True):
        panels["Arguments"].append((_names(param, ctx), _meaning(param)))
    for param in _shown(command, ctx, arguments=False):
        row = (_names(param, ctx), _meaning(param))
        panels.setdefault(param.rich_help_panel or "Options", []).append(row)
    yield from _panels(panels)
    yield from _panels(_commands(command, ctx))
    if command.epilog:
        yield Text.from_markup(f"\n{command.epilog}")


def usage_name(param: Any) -> str:
    """Return an argument as the usage line shows it: FOLDER, [RUN], IMAGES..."""
    name = param.metavar or param.name.upper()
    name += "..." if param.nargs == -1 and not name.endswith("...") else ""
    return name if param.required or name.startswith("[") else f"[{name}]"


def _shown(command: Any, ctx: Any, arguments: bool) -> list[Any]:
    return [
        param
        for param in command.get_params(ctx)
        if isinstance(param, TyperArgument) == arguments and not param.hidden
    ]


def _names(param: Any, ctx: Any) -> Text:
    """Return an argument's name, or all names of an option and what its value is."""
    if isinstance(param, TyperArgument):
        return Text(param.metavar or param.name.upper(), _NAME_STYLE)
    names = ", ".join(sorted(param.opts, key=lambda name: not name.startswith("--")))
    names += "".join(f" / {name}" for name in param.secondary_opts)
    value = "" if param.is_flag else param.metavar or str(param.display_type_rich(ctx))
    return Text.assemble((names, _NAME_STYLE), (f" {value}".rstrip(), _VALUE_STYLE))


def _meaning(param: Any) -> Text:
    text = Text.from_markup(param.help or "")
    if param.required and not isinstance(param, TyperArgument):
        text.append(" Required.")
    default = getattr(param.default, "value", param.default)
    if param.show_default and not getattr(param, "is_flag", False) and default is not None:
        text.append(f" Default: {default}.")
    return text


def _commands(group: Any, ctx: Any) -> dict[str, list[_Row]]:
    panels: dict[str, list[_Row]] = {}
    for name in group.list_commands(ctx) if isinstance(group, TyperGroup) else ():
        command: Any = group.get_command(ctx, name)
        if not command.hidden:
            rows = panels.setdefault(command.rich_help_panel or "Commands", [])
            rows.append((Text(name, _NAME_STYLE), _paragraphs(command.help.split("\n\n")[0])))
    return panels


def _panels(panels: dict[str, list[_Row]]) -> Iterator[Panel]:
    """Yield a frame for each panel: names on the left, their meaning on the right."""
    for title, rows in panels.items():
        longest = max((name.cell_len for name, _ in rows), default=0)
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(width=max(_MIN_NAMES, min(longest, _MAX_NAMES)))
        grid.add_column(ratio=1)
        for row in rows:
            grid.add_row(*row)
        if rows:
            yield Panel(grid, title=title, title_align="left", border_style=_BORDER_STYLE)


def _paragraphs(text: str | None) -> Group:
    """Return a docstring for any width: prose is wrapped, an example stays whole to be copied."""
    blocks: list[Text] = []
    for paragraph in inspect.cleandoc(text or "").split("\n\n"):
        blocks += [Text()] if blocks else []
        for line in _joined(paragraph.split("\n")):
            shown = Text.from_markup(line)
            blocks.append(no_wrap(shown) if _EXAMPLE.search(line) else shown)
    return Group(*blocks)


def _joined(lines: Iterable[str]) -> list[str]:
    """Undo the line breaks of a paragraph, but for those around examples."""
    joined: list[str] = []
    for line in lines:
        if joined and not _EXAMPLE.search(line):
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return joined

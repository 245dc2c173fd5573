"""Write the parts of the documentation that follow from the code.

    python tools/write_docs.py            rewrite docs/*.md in place
    python tools/write_docs.py --check    change nothing; exit 1 if a page is out of date

A page has places for them, between two comments that name what goes there:

    <!-- generated: recipe-keys -->
    <!-- end -->

`tests/test_docs.py` runs the check, so a page cannot fall behind the code.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from enum import EnumType
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
_PLACE = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_MARKUP = re.compile(r"\[(?:cyan|/cyan|/)\]")


def render(page: str) -> str:
    """Return the text of a page with every generated part as the code has it now."""

    def fill(match: re.Match[str]) -> str:
        lines = list(GENERATORS[match[2]]())
        return match[1] + "\n" + "\n".join(lines).strip() + "\n\n" + match[3]

    return _PLACE.sub(fill, page)


def stale_pages() -> dict[Path, str]:
    """Return the pages that are out of date, with the text they should have."""
    pages = {path: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}
    return {path: new for path, text in pages.items() if (new := render(text)) != text}


def command_line() -> Iterator[str]:
    """Describe every command, its arguments and its options."""
    from typer.main import get_command

    from tlearn.cli.app import app

    yield from _group(get_command(app), "tlearn")


def _group(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if not command.hidden:
            yield from _command(command, f"{path} {name}")
            if hasattr(command, "commands"):
                yield from _group(command, f"{path} {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    from typer.core import TyperArgument

    shown = [item for item in command.params if not item.hidden]
    arguments = [item for item in shown if isinstance(item, TyperArgument)]
    options = [item for item in shown if not isinstance(item, TyperArgument)]
    usage = " ".join([path, "[OPTIONS]", *(_metavar(item) for item in arguments)])
    yield from (f"## {path}", "", "```text", usage, "```", "", *_paragraphs(command.help), "")
    rows = [(f"`{_metavar(item)}`", _text(item.help)) for item in arguments]
    yield from _table(("argument", "meaning"), rows)
    rows = [(_flags(item), _text(item.help) + _default(item)) for item in options]
    yield from _table(("option", "meaning"), rows)


def _metavar(item: Any) -> str:
    from tlearn.cli.help import usage_name

    return usage_name(item)


def _flags(item: Any) -> str:
    names = ", ".join([*item.opts, *item.secondary_opts])
    value = item.metavar if item.metavar is not None else _choices(item)
    return f"`{names} {value}`".replace(" `", "`").replace("|", "\\|")


def _choices(item: Any) -> str:
    kind = item.type_descriptor.annotation
    members = typing.get_args(kind) or (kind if isinstance(kind, EnumType) else ())
    return "|".join(str(getattr(member, "value", member)) for member in members)


def _default(item: Any) -> str:
    default = getattr(item.default, "value", item.default)
    plain = isinstance(default, str | int | float) and not isinstance(default, bool)
    return f" Default: `{default}`." if plain else ""


def _paragraphs(text: str | None) -> Iterator[str]:
    for line in inspect.cleandoc(text or "").split("\n"):
        code = re.sub(r"\[cyan\](.*?)\[/(?:cyan)?\]", r"`\1`", line)
        yield code + "  " * (code != line)  # an example is a line of its own


def _text(text: str | None) -> str:
    return _MARKUP.sub("", text or "").replace("\\[", "[").replace("|", "\\|")


def recipe_keys() -> Iterator[str]:
    """Describe every key of a recipe."""
    from tlearn.recipe.key_errors import allowed_values
    from tlearn.recipe.schema import Recipe

    rows = []
    for key, field in Recipe.model_fields.items():
        values = f"{allowed_values(key)} (default: {_value(field.default)})"
        rows.append((f"`{key}`", f"{_text(field.description)}<br>{_text(values)}"))
    yield from _table(("key", "meaning"), rows)


def _value(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def backbones() -> Iterator[str]:
    """List the backbones that tlearn knows by name."""
    from tlearn.models.catalog import CATALOG

    rows = [
        (
            f"`{spec.name}`",
            str(spec.image_size),
            f"{spec.parameters / 1e6:.1f}",
            str(spec.embedding_size),
            f"{spec.top1:.1f}%" if spec.top1 else "-",
            spec.license or "-",
            _text(spec.int8_note) or "no known issues",
        )
        for spec in CATALOG.values()
    ]
    names = ("name", "pixels", "million weights", "embedding", "ImageNet top-1", "license", "int8")
    yield from _table(names, rows)


RECORDS = {
    "report": "tlearn.evaluation.metrics.Report",
    "operating point": "tlearn.confidence.operating_point.OperatingPoint",
    "rate": "tlearn.confidence.operating_point.Rate",
    "class threshold": "tlearn.evaluation.class_thresholds.ClassThreshold",
    "gate": "tlearn.evaluation.gates.GateOutcome",
    "issue": "tlearn.data.inspection.DataIssue",
    "copies": "tlearn.doctor.examination.CopyFinding",
    "groups": "tlearn.doctor.examination.GroupFinding",
    "label": "tlearn.doctor.examination.WrongLabel",
    "shortcut": "tlearn.doctor.shortcuts.Shortcut",
    "image": "tlearn.doctor.examination.FaultyImage",
    "machine": "tlearn.commands.machine.Machine",
    "speeds": "tlearn.commands.machine.Speeds",
    "speed": "tlearn.commands.machine.Speed",
    "map": "tlearn.commands.explain.ImageMap",
    "option": "tlearn.suggestion.accuracy_forecast.Option",
    "int8": "tlearn.suggestion.int8_cost.Int8Cost",
    "artifact": "tlearn.export.parity.Artifact",
    "changed prediction": "tlearn.export.comparison.ChangedPrediction",
    "changed class": "tlearn.export.comparison.ClassChange",
    "budget": "tlearn.export.budget.Budget",
    "check": "tlearn.artifacts.verification.ContractCheck",
    "latency": "tlearn.artifacts.benchmark.Latency",
    "plan": "tlearn.recipe.plan.Plan",
    "plan: backbone": "tlearn.recipe.plan.BackbonePlan",
    "plan: images": "tlearn.recipe.plan.ImagesPlan",
    "plan: split": "tlearn.recipe.plan.SplitPlan",
    "plan: head": "tlearn.recipe.plan.HeadPlan",
    "plan: training": "tlearn.recipe.plan.TrainingPlan",
    "plan: stage": "tlearn.recipe.plan.StagePlan",
}
"""Name of a record in docs/json.md to the dataclass that it is made from."""

CONTRACT_RECORDS = {
    "contract": "tlearn.artifacts.contract.Contract",
    "input and output": "tlearn.artifacts.contract.Tensor",
    "preprocessing": "tlearn.artifacts.contract.Preprocessing",
    "golden image": "tlearn.artifacts.contract.Golden",
    "operating point": "tlearn.confidence.operating_point.OperatingPoint",
    "rate": "tlearn.confidence.operating_point.Rate",
    "confidence": "tlearn.confidence.confidence.Confidence",
    "temperature": "tlearn.confidence.temperature.Temperature",
    "scale of known": "tlearn.confidence.confidence.KnownScale",
    "set of answers": "tlearn.confidence.answer_sets.AnswerSets",
}


def json_records() -> Iterator[str]:
    """Describe the records that the documents are made of."""
    yield from _records(RECORDS)


def contract_records() -> Iterator[str]:
    """Describe the records that a contract is made of."""
    yield from _records(CONTRACT_RECORDS)


def first_names() -> Iterator[str]:
    """List the keys that documents carry under their name of version 1 too."""
    from tlearn.cli.document import FIRST_NAMES

    rows = [(f"`{new}`", f"`{old}`") for new, old in FIRST_NAMES.items()]
    yield from _table(("key", "in version 1"), rows)


def _records(records: dict[str, str]) -> Iterator[str]:
    for name, path in records.items():
        record = _find(path)
        meanings = _attributes(record)
        types = typing.get_type_hints(record)
        rows = [
            (f"`{field.name}`", _json_type(types[field.name]), meanings.get(field.name, ""))
            for field in fields(record)
        ]
        yield from (f"### {name.capitalize()}", "", _first_line(record), "")
        width = 2 + any(row[2] for row in rows)
        yield from _table(("key", "value", "meaning")[:width], [row[:width] for row in rows])


def _find(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, fromlist=[name]), name)


def _first_line(item: Any) -> str:
    return (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ")


def _attributes(record: Any) -> dict[str, str]:
    """Return what the docstring of a dataclass says of each attribute."""
    section = (inspect.getdoc(record) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |^\S|\Z)", section, re.M | re.S)
    return {name: _text(" ".join(text.split())) for name, text in entries}


def _json_type(kind: Any) -> str:
    names = {str: "text", int: "integer", float: "number", bool: "true or false"}
    names |= {Path: "text", type(None): "null"}
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in names:
        return names[kind]
    if origin in (tuple, list, Sequence):
        items = (_json_type(part) for part in inner if part is not Ellipsis)
        return f"list of {' and '.join(dict.fromkeys(items))}"
    if inner and origin not in (dict, Mapping):
        return " or ".join(map(_json_type, inner))
    if isinstance(kind, EnumType):
        return " or ".join(f'"{member}"' for member in kind)
    return "object"


def python_api() -> Iterator[str]:
    """Describe the public functions: signature and docstring."""
    from tlearn import api

    for name in sorted(getattr(api, "__all__", ())):
        function = getattr(api, name)
        if inspect.isfunction(function):
            yield from (f"### api.{name}", "")
            yield from ("```python", _signature(name, function), "```", "")
            yield from ("```text", inspect.getdoc(function) or "", "```", "")


def _signature(name: str, function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    lines, starred = [], False
    for item in signature.parameters.values():
        if item.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        default = "" if item.default is item.empty else f" = {_default_value(item.default)}"
        lines.append(f"{item.name}: {item.annotation}{default}")
    inside = "".join(f"    {line},\n" for line in lines)
    returned = str(signature.return_annotation).replace("'", "")
    return f"{name}(\n{inside}) -> {returned}"


def _default_value(value: Any) -> str:
    if isinstance(value, Path):
        return f'Path("{value.as_posix()}")'
    return value.__name__ if inspect.isfunction(value) else repr(value).replace("'", '"')


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield f"| {' | '.join(header)} |"
        yield "|---" * len(header) + "|"
        yield from (f"| {' | '.join(row)} |" for row in rows)
        yield ""


GENERATORS: dict[str, Callable[[], Iterator[str]]] = {
    "command-line": command_line,
    "recipe-keys": recipe_keys,
    "backbones": backbones,
    "json-records": json_records,
    "first-names": first_names,
    "contract-records": contract_records,
    "python-api": python_api,
}
"""Name of a generated part to the function that writes its lines."""


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if out of date")
    check = parser.parse_args().check
    stale = stale_pages()
    for path, text in stale.items():
        print(f"{path.name} {'is out of date' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

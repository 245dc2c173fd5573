"""What is wrong with the keys and values of a recipe, in sentences."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from tlearn.recipe.names import plain
from tlearn.recipe.schema import Recipe

_GROUPS = {"guessed": "auto", "none": "off"}
"""What people write for values that a plan names by their outcome."""


def allowed_values(key: str) -> str:
    """Return what a key accepts, in words: "auto, or a whole number >= 1"."""
    return ", or ".join(_in_words(form) for form in _forms(key))


def find_errors(values: Mapping[str, Any], where: Callable[[str], str]) -> list[str]:
    """Return a sentence for each key that does not exist or whose value is not allowed.

    Args:
        values: Keys and values as they were read.
        where: Returns where a key was set, as the beginning of its sentence.
    """
    wrong = {key for key in values if key not in Recipe.model_fields}
    try:
        Recipe.model_validate({key: value for key, value in values.items() if key not in wrong})
    except ValidationError as error:
        wrong |= {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    return [where(key) + _problem(key, values[key]) for key in values if key in wrong]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return "; did you mean ...?" with the most similar of `names`, or nothing."""
    matches = difflib.get_close_matches(plain(name), list(names), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _problem(key: str, value: Any) -> str:
    if key not in Recipe.model_fields:
        initials = {"".join(word[0] for word in n.split("_")): n for n in Recipe.model_fields}
        meant = f"; did you mean {initials[key]!r}?" if key in initials else ""  # lr
        return "no such key" + (meant or nearest(key, Recipe.model_fields))
    shown = str(value).lower() if isinstance(value, bool) else reprlib.repr(value)
    problem = "has no value" if value is None else f"{shown} is not allowed"
    names = [name for form in _forms(key) for name in _names(form)]
    suggestion = nearest(value, names) if isinstance(value, str) else ""
    return problem + (suggestion or f"; expected {allowed_values(key)}")


def _forms(key: str) -> list[dict[str, Any]]:
    """Return the JSON Schemas of a key's values; all names in one, as people write them."""
    field = Recipe.model_json_schema()["properties"][key]
    forms = field.get("anyOf", [field])
    names = [name for form in forms for name in _names(form)]
    if key == "policy":
        names = [name.replace("_", "-") for name in names]
    if key == "groups":
        names = [_GROUPS.get(name, name) for name in names]
    others = [form for form in forms if not _names(form)]
    return [{"enum": names}, *others] if names else others


def _names(form: dict[str, Any]) -> list[str]:
    return form.get("enum", [form["const"]] if "const" in form else [])


def _in_words(form: dict[str, Any]) -> str:
    if "pattern" in form:
        return str(form["title"])
    if names := _names(form):
        return f"one of {', '.join(names)}" if len(names) > 1 else names[0]
    kinds = {"boolean": "true or false", "null": "null", "string": "text"}
    kinds |= {"integer": "a whole number", "number": "a number"}
    limits = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    bounds = [f"{sign} {form[name]:.10g}" for name, sign in limits.items() if name in form]
    return " ".join([kinds[form["type"]], " and ".join(bounds)]).strip()

"""Every error that tlearn reports to a person.

    TlearnError                      a message and a hint; exit code 2
    ├── DataError                    the image folder, its images, a manifest
    ├── BackboneError                a backbone's name, its weights, a cut
    │   └── WeightsNotFoundError     neither on this machine nor to be downloaded
    ├── RecipeError                  a recipe or a flag; carries every error at once
    ├── RunError                     a run directory: missing, taken, incomplete
    ├── ExportError                  a file that could not be written for a device
    ├── HostError                    the machine: no space, no permission, no network
    └── GateError                    a check was run and failed; exit code 1

Messages and hints are written in one style: lower case, no full stop at the end, names of files and
other things of the person's in quotes (`quoted`). A hint says what to do next and ends with the
flag, or with a command that can be pasted. Anything else that escapes is a bug and keeps its
traceback.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


class TlearnError(Exception):
    """An error that the person at the terminal can fix.

    Args:
        message: What was found, and where.
        hint: What to do next, naming the flag or the command.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DataError(TlearnError):
    """The image folder, one of its images, or a manifest cannot be used."""


class BackboneError(TlearnError):
    """A backbone's name, its weights or a cut cannot be used."""


class WeightsNotFoundError(BackboneError):
    """Weights are neither on this machine nor can they be downloaded."""


class RecipeError(TlearnError):
    """A recipe or a flag is wrong.

    Args:
        errors: Every error found, one sentence each.
        hint: What to do next.
    """

    def __init__(self, errors: str | Sequence[str], hint: str = "") -> None:
        self.errors = (errors,) if isinstance(errors, str) else tuple(errors)
        super().__init__("\n".join(self.errors), hint)


class RunError(TlearnError):
    """A run directory is missing, already taken, or incomplete."""


class ExportError(TlearnError):
    """A model could not be written as a file for a device."""


class HostError(TlearnError):
    """The machine refuses: no space, no permission, no network, a missing extra."""


class GateError(TlearnError):
    """A check was run and its result is beyond the limit."""

    exit_code = 1


def quoted(path: Path | str) -> str:
    """Return a path as messages show it: in quotes, relative to the working folder if inside it."""
    path = Path(path)
    with suppress(ValueError, OSError):  # elsewhere, or the working folder was deleted
        path = path.relative_to(Path.cwd()) if path.is_absolute() else path
    return f"'{path}'"


def pasted(path: Path | str) -> str:
    """Return a path as it is typed in a shell, where a name may hold spaces or begin as a flag."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)

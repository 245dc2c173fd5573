"""Every fault tlearn reports to a person.

    TlearnError                  a message and a hint; exit code 2
    ├── DataError                the image folder, its pictures, a manifest
    ├── BackboneError            a backbone's name, its weights, a cut
    │   └── WeightsNowhere       neither on this machine nor to be fetched
    ├── RecipeError              a recipe or a flag; carries every fault at once
    ├── RunError                 a run directory: missing, taken, incomplete
    ├── ExportError              a file that could not be written for a device
    ├── SystemFault              the machine: no space, no permission, no network
    └── GateFailure              a check that was run and failed; exit code 1

Anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence


class TlearnError(Exception):
    """A fault that the person at the terminal can mend.

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
    """The image folder, one of its pictures, or a manifest cannot be used."""


class BackboneError(TlearnError):
    """A backbone's name, its weights or a cut cannot be used."""


class WeightsNotFoundError(BackboneError):
    """Weights are neither on this machine nor to be fetched."""


class RecipeError(TlearnError):
    """A recipe or a flag is wrong.

    Args:
        errors: Every fault found, one sentence each.
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

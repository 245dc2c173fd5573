"""The operating point that is kept in a run, for its answers to go by."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict

from tlearn.confidence.operating_point import OperatingPoint
from tlearn.errors import RunError, pasted, quoted
from tlearn.runs.directory import RunDirectory
from tlearn.storage.atomic import os_errors_as_host_errors, remove
from tlearn.storage.text import first_problem, parse_json, read_text, write_json


def keep_point(run: RunDirectory, point: OperatingPoint) -> None:
    """Have a run answer by an operating point.

    Raises:
        HostError: It cannot be written.
    """
    write_json(run.point_path, asdict(point))


def forget_point(run: RunDirectory) -> bool:
    """Have a run answer the more probable class again; return whether it did not.

    Raises:
        HostError: The file cannot be removed.
    """
    kept = os.path.lexists(run.point_path)
    with os_errors_as_host_errors(run.point_path):
        remove(run.point_path)
    return kept


def read_point(run: RunDirectory, classes: Sequence[str]) -> OperatingPoint | None:
    """Return the operating point of a run; None where none is kept.

    Args:
        run: The run.
        classes: Of the run.

    Raises:
        RunError: The file is damaged, or belongs to another run.
    """
    if not os.path.lexists(run.point_path):
        return None
    from pydantic import TypeAdapter, ValidationError

    try:
        point = TypeAdapter(OperatingPoint).validate_python(parse_json(read_text(run.point_path)))
        problem = point.contradiction(classes)
    except ValidationError as error:
        problem = first_problem(error)
    except ValueError as error:
        problem = f"no valid JSON: {error}"
    if problem:
        raise RunError(
            f"damaged: {quoted(run.point_path)}: {problem}",
            f"remove it, and choose again: tlearn evaluate {pasted(run.path)} --forget",
        )
    return point

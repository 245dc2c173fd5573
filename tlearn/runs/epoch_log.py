"""The file `history.jsonl` of a run: what was measured in each epoch, one JSON object a line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.storage.atomic import os_errors_as_host_errors, write_atomic
from tlearn.storage.text import parse_json, read_text


@dataclass(frozen=True)
class EpochLog:
    """A file that may not exist yet."""

    path: Path

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one line and flush it; NaN and infinity become null."""
        with os_errors_as_host_errors(self.path), self.path.open("a+b", 0) as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
            cut_short = file.read(1) not in (b"", b"\n")
            file.write(b"\n" * cut_short + _line(record))
            os.fsync(file.fileno())

    def replace(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write all lines anew: a run that went on may have told of an epoch twice."""
        if records:
            write_atomic(self.path, b"".join(map(_line, records)))

    def read(self) -> list[dict[str, Any]]:
        """Return the records; lines cut short by a crash are left out."""
        present = os.path.lexists(self.path)
        lines = read_text(self.path).splitlines() if present else ()
        records = []
        for line in lines:
            with suppress(ValueError):
                record = parse_json(line)
                if _is_epoch(record):
                    records.append(record)
        return records


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps({key: _finite(value) for key, value in record.items()}).encode() + b"\n"


def _is_epoch(record: Any) -> bool:
    """Return whether a line of `history.jsonl` is one that tlearn writes."""
    values = record.values() if isinstance(record, dict) else [""]
    numbers = all(isinstance(value, int | float | None) for value in values)
    return numbers and isinstance(record.get("epoch"), int)


def _finite(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value

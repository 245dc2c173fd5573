"""Does `tlearn doctor` find what was planted, and nothing else?

    python -m benchmarks.doctor copies|labels|shortcuts|leaks|cost ...

Each part explains itself: python -m benchmarks.doctor PART --help
"""

from __future__ import annotations

import importlib
import sys

PARTS = ("copies", "labels", "shortcuts", "leaks", "cost")


def main() -> None:
    """Hand the command line over to a part."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    if part not in PARTS:
        raise SystemExit((__doc__ or "").strip())
    sys.argv[:2] = [f"python -m benchmarks.doctor {part}"]
    importlib.import_module(f"benchmarks.doctor.{part}").main()


if __name__ == "__main__":
    main()

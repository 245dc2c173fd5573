"""The one place that says where tlearn keeps what it can make or fetch again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder named by TLEARN_CACHE, else the user's cache folder; it need not exist yet."""
    named = os.environ.get("TLEARN_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tlearn", appauthor=False))

"""The public names: explained, with progress where it takes long, imported without TensorFlow."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import FunctionType

from tlearn import api


def test_every_public_name_is_there_and_explained() -> None:
    for name in api.__all__:
        assert inspect.getdoc(getattr(api, name)), name


def test_what_takes_long_reports_progress() -> None:
    quick = {"matrix", "runs", "compare", "describe", "write_snippets", "unsort_images"}
    quick |= {"solve_embeddings"}
    functions = {name for name in api.__all__ if isinstance(getattr(api, name), FunctionType)}
    for name in functions - quick:
        assert "progress" in inspect.signature(getattr(api, name)).parameters, name


def test_importing_it_imports_no_tensorflow() -> None:
    code = "import sys; from tlearn import api; print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

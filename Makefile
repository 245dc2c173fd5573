# `make check` runs everything that CI runs, but for the slow tests; see CONTRIBUTING.md.
BIN := .venv-test/bin

.PHONY: check test slow docs fix

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/mkdocs build --strict --quiet
	$(BIN)/pytest

test:
	$(BIN)/pytest

slow:
	$(BIN)/pytest -m slow

fix:
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/write_docs.py

docs:
	$(BIN)/python tools/write_docs.py
	$(BIN)/mkdocs serve

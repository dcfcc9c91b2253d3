# make demo    install into .venv and paint the shipped sample
# make test    install what development needs and run the tests
# make lint    formatting, lints, types, the direction of imports
# make bench   the slow measurements of benchmarks/
# make package a wheel and an sdist in dist/, checked
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint bench package samples clean

demo: .venv/installed
	$(BIN)/velatura demo

test: .venv/developing
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/developing
	$(BIN)/python benchmarks/default_picture.py

package: .venv/bin/python
	$(PIP) build twine
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

samples: .venv/developing
	$(BIN)/python examples/make_samples.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

.venv/developing: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	touch $@ .venv/installed

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

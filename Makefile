# `make demo` and `make test` are all that a newcomer needs; each sets up everything itself.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test smoke unit grid faults doctest notes bench lint fmt types check clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lamina needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(PY) -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

setup: $(STAMP)  ## Make .venv with everything that development needs

demo: $(STAMP)  ## Train on handwritten digits, print a report, draw pictures
	$(VENV)/bin/lamina demo

test: check  ## Everything that CI runs

check: lint types unit doctest  ## Lint, types, tests, doctests

smoke: $(STAMP)  ## The first look: seconds
	$(PY) -m pytest tests/test_smoke.py

unit: $(STAMP)  ## The tests
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

grid: $(STAMP)  ## The tests with every combination of their parameters
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --grid

faults: $(STAMP)  ## Kills, full disks and broken files in larger numbers
	LAMINA_KILLS=100 LAMINA_FUZZ=10000 $(PY) -m pytest tests/faults -v

doctest: $(STAMP)  ## The examples in docstrings, the README and docs
	$(PY) -m pytest -n 2 --dist loadfile --doctest-modules lamina README.md docs --doctest-glob="*.md" -p no:cacheprovider

notes: $(STAMP)  ## The notes' chapters in full, on the real data
	$(PY) -m pytest tests/notes -v

bench: $(STAMP)  ## The benchmarks; peers that are not installed are skipped (pip install -e ".[bench]")
	$(PY) -m benchmarks

lint: $(STAMP)  ## Style
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

fmt: $(STAMP)  ## Format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(STAMP)  ## Types
	$(VENV)/bin/mypy

clean:  ## Remove what was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

# `make demo` and `make test` each work on a machine that has only Python >= 3.11 and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SHARED := $(abspath ../shared)

# Weights and test clips that may lie beside the project; nothing depends on their being there.
ifneq ($(wildcard $(SHARED)/models),)
export INSTANCECAP_MODELS ?= $(SHARED)/models
endif

.PHONY: install demo test test-models lint format schema clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/python -m examples.demo --out demo

test: install
	$(BIN)/python -m pytest -n auto -m 'not models'

test-models: install
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,models,train,ray,web,plots]'
	$(BIN)/python -m pytest -m models
	$(BIN)/python -m pytest -n auto -m 'hypothesis and not models' --hypothesis-profile many

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_structure.py

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The published JSON Schema files; a test fails when they are stale.
schema: install
	$(BIN)/python -m examples.schema docs/schema

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache

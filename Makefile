# Semillero. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SEMILLERO := $(BIN)/semillero
export SEMILLERO_HOME ?= $(CURDIR)/data

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment is made again whenever the lock changes. --compile: Dagster, dbt and Great
# Expectations start in half the time from bytecode, also where PYTHONDONTWRITEBYTECODE is set.
$(VENV)/installed: requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "Semillero needs Python 3.11: apt-get install python3.11 python3.11-venv, or set PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Creating the environment in $(VENV) (once, some minutes) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { echo "Python cannot create an environment: apt-get install python3.11-venv"; exit 2; }
	@$(BIN)/pip install -qq --disable-pip-version-check --compile -r requirements.lock
	@touch $@

$(VENV)/linked: $(VENV)/installed pyproject.toml
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install
install: $(VENV)/linked ## Create the environment from requirements.lock

.PHONY: run
run: install ## Load what arrived and publish (an empty home gets a sample world first)
	@$(SEMILLERO) simulate --if-empty
	@$(SEMILLERO) run

.PHONY: test
test: install ## Run all tests
	@$(SEMILLERO) prepare
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile

.PHONY: ui
ui: install ## Open the Dagster UI with its daemon on http://127.0.0.1:3000
	@$(SEMILLERO) ui

.PHONY: lint
lint: install ## Check style, types and SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar models dbt_project/tests

.PHONY: contracts
contracts: install ## Make dbt sources and data dictionaries from the contracts
	@$(SEMILLERO) contracts render

.PHONY: bench
bench: install ## Measure a morning, an ingest, sessions made of polls and marts, as ratios
	@$(BIN)/python bench/daily_run.py
	@$(BIN)/python bench/ingest.py --rows 1000000
	@$(BIN)/python bench/snapshots.py 4
	@$(BIN)/python bench/marts.py

.PHONY: format
format: install ## Format Python and SQL
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --disable-progress-bar models dbt_project/tests

.PHONY: lock
lock: ## Compile requirements.lock again (needs uv)
	uv pip compile pyproject.toml --extra dev --extra s3 --python-version 3.11 --no-emit-index-url --no-header --no-annotate --output-file requirements.lock

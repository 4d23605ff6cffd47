# Every command of this project: `make help` lists them. Needs python3 with pip, make and git; brings the rest itself.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

UV := .tools/bin/uv
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)
SOURCES := alligator alligator_core $(foreach plugin,$(PLUGINS),$(plugin)/$(notdir $(plugin)))

.PHONY: help
help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.ready  ## Make the development environment in .venv

$(UV):
	$(PYTHON) -m pip install --quiet --target .tools uv

$(VENV)/.ready: $(UV) constraints.txt $(PROJECTS)
	$(UV) venv --quiet --clear --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(VENV) --require-hashes --requirement constraints.txt
	$(UV) pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable . $(PLUGINS:%=--editable ./%)
	@touch $@

.PHONY: test
test: setup  ## Run all tests
	$(BIN)/pytest

.PHONY: check
check: setup  ## Lint, check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: format
format: setup  ## Format the code, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(UV)  ## Pin anew all versions that development and CI use
	$(UV) pip compile --quiet --upgrade $(PROJECTS) --all-extras --group dev --universal --python-version 3.10 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-emit-package alligator-core $(PLUGINS:plugins/alligator_%=--no-emit-package alligator-%) \
	  --custom-compile-command 'make lock' --output-file constraints.txt

# Two commands do everything on a machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Each file in constraints/ has the pins of an environment of its own: of an orchestrator and a version of it, or of
# a client of SageMaker, or dbt.
PINNED := $(basename $(notdir $(wildcard constraints/*.txt)))
CLIENTS := $(filter clients-%,$(PINNED))
VERSIONS := $(filter-out clients-%,$(PINNED))
tests_of = tests/integration/$(firstword $(subst -, ,$1))
WITH_TESTS := $(foreach version,$(VERSIONS),$(if $(wildcard $(call tests_of,$(version))/test_*.py),$(version)))

.PHONY: demo test lint types contracts tests environments clients versions bench format clean
.PRECIOUS: .venvs/%/.pins .venvs/%/.ready
.DEFAULT_GOAL := test

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (about a minute, once)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "flowtrail needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq "pip>=25.1"
	@$(BIN)/python -m pip install -qq -c constraints.txt -e . --group dev
	@touch $@

demo: $(READY)  ## Run the examples of Prefect and Dagster on a fresh store; print what was recorded and how it joins.
	@$(BIN)/python examples/demo.py

test: lint types contracts tests versions  ## Every check.

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/pyright

contracts: $(READY)
	$(BIN)/lint-imports

tests: $(READY) environments
	$(BIN)/pytest $(PYTEST_ARGS)

environments:  # of clients, two at a time
	@$(MAKE) --no-print-directory --jobs=2 $(CLIENTS:%=.venvs/%/.pins)

clients: $(READY) environments  ## Unmodified clients of SageMaker, each in an environment of its own.
	$(BIN)/pytest tests/integration/clients

versions:  ## The tests that are marked `versions`, with other versions of the orchestrators, two at a time.
	@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		$(WITH_TESTS:%=versions-%)

versions-%: .venvs/%/.ready
	@echo "The tests that are marked versions, with $*"
	@PREFECT_HOME=$(CURDIR)/.venvs/$*/prefect .venvs/$*/bin/python -m pytest $(call tests_of,$*) -m versions -q

# The pins are complete, so that nothing is left to be resolved: what a package asks for may not be there any more.
.venvs/%/.pins: constraints/%.txt
	@echo "Setting up .venvs/$* (about a minute, once)"
	@$(PYTHON) -m venv --clear .venvs/$*
	@.venvs/$*/bin/python -m pip install -qq --no-deps -r $<
	@touch $@

.venvs/%/.ready: .venvs/%/.pins pyproject.toml
	@.venvs/$*/bin/python -m pip install -qq --no-deps -e .
	@touch $@

bench: $(READY)  ## Print every published figure beside its goal.
	@$(BIN)/python -m tests.benchmarks

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venvs .pytest_cache .mypy_cache .ruff_cache build dist

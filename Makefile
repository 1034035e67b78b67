# Every recipe can be typed by hand. Set-up is done where it is missing or out of date, with nothing but the releases
# whose hashes stand in requirements/.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install -qq
# Tests wait for processes and clocks as long as they compute.
PYTEST := $(BIN)/pytest -n $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN)))) --maxprocesses 12 --dist worksteal
FEW := --hypothesis-profile=quick

# Test modules are compiled once, not by every worker and every process that a test starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-all coverage check lint types layers format docs bench scale mutants faults requirements clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' Makefile | expand -t 14

demo: .venv/runtime ## Sync a simulated fleet, day after day, and show its history
	$(BIN)/inventory demo

test: .venv/dev ## Run the quick tests, on real SQLite and real PostgreSQL
	$(PYTEST) -m "not slow" $(FEW)

test-all: coverage ## Run all tests, each property with all its examples
	$(PYTEST) -m "slow or costly or hypothesis"

coverage: .venv/dev ## Run quick tests, and hold the branches they cover
	$(PYTEST) -m "not slow and not costly" $(FEW) --cov=inventory

check: lint types layers coverage ## Run all that must pass before a commit

lint: .venv/dev ## Check formatting, style, and what the forge runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lizard -C 12 -L 50 -w inventory
	$(BIN)/zizmor --offline --quiet .github

types: .venv/dev ## Check types
	$(BIN)/mypy

layers: .venv/dev ## Check that a layer imports only layers below it
	$(BIN)/lint-imports

format: .venv/dev ## Format the code
	$(BIN)/ruff format .

docs: .venv/dev ## Write anew what is generated: docs/sql.md, dashboards
	$(BIN)/python -m docs.generate && $(BIN)/python -m docs.dashboards

bench: .venv/dev ## Measure syncs, requests and views; half an hour
	$(BIN)/python -m benchmarks.sync && $(BIN)/python -m benchmarks.process && $(BIN)/python -m benchmarks.requests \
		&& $(BIN)/python -m benchmarks.limits && $(BIN)/python -m benchmarks.views \
		&& $(BIN)/python -m benchmarks.accounts

scale: .venv/dev ## Measure workers, and kill them for 20 minutes; half an hour
	$(BIN)/python -m benchmarks.scale

mutants: .venv/dev ## List the changes of history/ and judging/ that no test sees
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results

faults: .venv/dev ## Try every fault of a disk at every write; an hour or more
	$(BIN)/python -m tests.faults.disk_campaign

PIN := $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version=3.11

# In the order of the names, and with uv's own headings: Renovate reads the commands there and repeats them in that order.
requirements: .venv/dev ## Pin the newest releases that pyproject.toml admits
	$(PIN) --group=build --output-file=requirements/build.txt
	$(PIN) --extra=notify --extra=postgres --extra=scale --output-file=requirements/runtime.txt pyproject.toml
	$(PIN) --extra=notify --extra=postgres --extra=scale --group=dev --constraint=requirements/build.txt --constraint=requirements/runtime.txt \
		--output-file=requirements/tools.txt pyproject.toml

clean: ## Remove the set-up and what the tools left behind
	rm -rf .venv .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist mutants

TOO_OLD := "$(PYTHON) is Python %d.%d; 3.11 or newer is needed. Install one and name it: make PYTHON=python3.12 demo"
NO_ENSUREPIP := "$(PYTHON) lacks ensurepip. Install it (on Debian and Ubuntu: apt install python3-venv), then try again."

.venv/runtime: pyproject.toml requirements/build.txt requirements/runtime.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit($(TOO_OLD) % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || { echo $(NO_ENSUREPIP) >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/runtime requirements/tools.txt
	$(INSTALL) --require-hashes -r requirements/tools.txt
	@touch $@

# The one entry point. On a fresh Debian or Ubuntu machine with Python 3.11 or newer, `make run` and
# `make test` need nothing else of ours: they create .venv from the locked, hashed requirements.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
BIN := $(VENV)/bin

# The first interpreter that is new enough; say `make PYTHON=/path/to/python3 …` to choose another.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$candidate && break; done)

PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
LOCKED := $(PIP_INSTALL) --require-hashes --only-binary :all:
# One version of each package for every Python, so that what is tested on one is what runs on another.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links
# `make lock UPGRADE=1` takes the newest versions; without it only what pyproject.toml demands changes.
UPGRADE ?=

# Tests wait as much as they compute, so three processes keep two cores busy; who is done takes over from the others.
PYTEST := $(BIN)/pytest -n 3 --dist worksteal
# Where the shell says otherwise, every process of a test would compile anew what it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run demo test test-fast bench lint lock debian-test

help: ## list these targets
	@echo "Liên Thông: make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

run: $(VENV)/.runtime ## start the hub with simulators and sample traffic; Ctrl-C stops it
	@$(BIN)/lienthong up --sandbox --demo-traffic

demo: $(VENV)/.runtime ## play the tour end to end; exits 0 only if every step was verified
	@$(BIN)/lienthong demo

test: debian-test lint ## everything: style and rules, the fast suite, then what takes long
	$(PYTEST) -m "not slow"
	$(PYTEST) -m "slow or hypothesis" --hypothesis-profile thorough

test-fast: $(VENV)/.dev ## the fast suite only, under two minutes
	$(PYTEST) -m "not slow"

bench: debian-test $(VENV)/.dev ## measure; prints a table of ratios and writes bench-results.json
	$(BIN)/python -m benchmarks

lint: $(VENV)/.dev ## style, types, import rules, declared dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml
	$(COMPILE) $(if $(UPGRADE),--upgrade) --group dev --output-file requirements/dev.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --group build --constraints requirements/dev.txt \
		--output-file requirements/runtime.txt

debian-test:
	@sh requirements/debian-install.sh $$(sed 's/#.*//' requirements/debian-test.txt)

# --- the virtual environment --------------------------------------------------------------------------------
# Three stamps: the empty environment, the locked runtime with the project itself, and what tests need on top.

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; install it with: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh requirements/debian-install.sh \
		"$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.runtime: $(VENV)/pyvenv.cfg requirements/runtime.txt pyproject.toml
	@echo "Installing the locked requirements"
	@$(LOCKED) --requirement requirements/runtime.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing what the tests and checks need"
	@$(LOCKED) --requirement requirements/dev.txt
	@touch $@

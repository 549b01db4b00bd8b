# The README's two commands are `make run` and `make test`.
# Needs: make, Python 3.11-3.13 with its standard library, and pip (or uv). `make test` also
# uses Debian packages (DEB_TEST): installed as root, otherwise named.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Airflow starts 2-3 times slower without cached bytecode; a user's own venv or PYTHONPATH
# must not leak into ours.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV UV_PROJECT_ENVIRONMENT CONDA_PREFIX

VENV ?= .venv
PY   ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
          "$$p" -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null \
          && { command -v "$$p"; break; }; done)
BIN  := $(VENV)/bin
LOCK := requirements.lock
UV    = $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
SYNC  = $(UV) pip install --quiet --prerelease if-necessary-or-explicit --python $(BIN)/python --require-hashes -c $(LOCK) -r pyproject.toml

# Workers of the suite; each takes up to 2 GB.
JOBS ?= 2
DEB_TEST := chromium fonts-dejavu-core xmlsec1 kannel kannel-extras mosquitto gammu-smsd postgresql

.PHONY: help setup setup-test run up test docs screens fuzz crash jasmin bench lint format lock clean debs
help:
	@echo "make run    set up, then play every bundled scenario and print what would have been sent"
	@echo "make up     set up, then run everything live on this machine (Ctrl-C stops it)"
	@echo "make test   set up with the test tools and Debian packages, then the whole suite"
	@echo "make docs   build the documentation into build/docs (make screens: its pictures first)"
	@echo "make lint | format | fuzz | crash | jasmin | bench | setup | lock | clean"

# --- the environment --------------------------------------------------------------------
$(BIN)/python:
	@if [ -z "$(PY)" ]; then echo "No Python 3.11, 3.12 or 3.13 found. Install one, or: make PY=/path/to/python3.12" >&2; exit 1; fi
	@$(PY) -m venv --without-pip $(VENV)

$(VENV)/.uv: requirements-uv.txt | $(BIN)/python
	@if command -v uv >/dev/null 2>&1; then :; \
	elif $(PY) -m pip --version >/dev/null 2>&1; then \
	  $(PY) -m pip --disable-pip-version-check --python $(BIN)/python install -q --require-hashes -r requirements-uv.txt; \
	elif $(BIN)/python -m ensurepip --version >/dev/null 2>&1; then \
	  $(BIN)/python -m ensurepip -q && $(BIN)/python -m pip --disable-pip-version-check install -q --require-hashes -r requirements-uv.txt; \
	else echo "Neither pip nor uv was found for $(PY). On Debian, as root: apt-get install python3-pip" >&2; exit 1; fi
	@touch $@

$(VENV)/.run: pyproject.toml $(LOCK) $(VENV)/.uv
	@echo "Installing Kentongan (about 0.4 GB to download the first time) ..." >&2
	@$(SYNC)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing the test tools ..." >&2
	@$(SYNC) --extra postgres --group test --group docs
	@touch $@

$(VENV)/.lint: $(VENV)/.run
	@$(SYNC) --group lint
	@touch $@

$(VENV)/.faces: $(VENV)/.run
	@$(SYNC) --group faces
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	@$(SYNC) --group docs
	@touch $@

# The map's scripts, by people of MapLibre and Protomaps: fetched by their hashes, never committed.
SCRIPTS := console/vendor/node_modules/.stamp
$(SCRIPTS): console/vendor/package.json console/vendor/package-lock.json $(VENV)/.faces
	@echo "Fetching the scripts of the map ..." >&2
	@cd console/vendor && PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Node itself comes with the test tools.
node_modules/.stamp: package.json package-lock.json $(VENV)/.test
	@PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Debian packages for the tests: installed as root (or by sudo without a password), otherwise
# only named; a test whose program is missing says so and is skipped, except with
# REQUIRE_PEERS=1 (set in CI), where it fails.
debs:
	@command -v dpkg-query >/dev/null 2>&1 || { echo "Not a Debian system; install by hand for the full tests: $(DEB_TEST)" >&2; exit 0; }; \
	missing=""; for p in $(DEB_TEST); do \
	  [ "$$(dpkg-query -W -f='$${db:Status-Abbrev}' $$p 2>/dev/null)" = "ii " ] || missing="$$missing $$p"; done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo"; \
	else printf 'Not root, so these Debian packages stay missing and their tests are skipped:\n %s\nTo have them, as root:\n  apt-get update && apt-get install --no-install-recommends%s\n' "$$missing" "$$missing" >&2; exit 0; fi; \
	echo "Installing Debian packages:$$missing" >&2; \
	$$as apt-get update -qq; \
	$$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null

setup: $(VENV)/.run
setup-test: debs $(VENV)/.test $(VENV)/.lint node_modules/.stamp $(SCRIPTS)

# --- the work ---------------------------------------------------------------------------
run: setup
	@$(BIN)/kentongan run --scenario all $(ARGS)
up: setup $(SCRIPTS)
	@$(BIN)/kentongan up $(ARGS)
test: setup-test
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)
# Every page of every scenario: pictures for the documentation, weights, times, axe.
screens: setup-test
	@$(BIN)/python -m tests.faces.figures $(ARGS)
docs: $(VENV)/.docs
	@$(BIN)/python -m sphinx -W -q -b html docs build/docs
	@echo "build/docs/index.html"
fuzz: $(VENV)/.test
	@$(BIN)/python -m tests.fuzz $(FUZZ)
	@$(BIN)/python -m pytest tests -m hypothesis --hypothesis-profile=fuzz --timeout=3600 $(ARGS)
crash: $(VENV)/.test
	@$(BIN)/python -m pytest tests -m crash $(ARGS)
# A real SMSC (Jasmin, in an environment of its own); wants Debian's redis-server and rabbitmq-server.
jasmin: $(VENV)/.test node_modules/.stamp
	@$(BIN)/python -m tests.peers.jasmin
bench: $(VENV)/.test
	@$(BIN)/python -m benchmarks $(BENCH)
lint: $(VENV)/.lint
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy
format: $(VENV)/.lint
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
lock: $(VENV)/.uv
	@$(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --all-extras --group dev \
	  --prerelease if-necessary-or-explicit --no-emit-index-url --custom-compile-command 'make lock' -o $(LOCK)
	@{ echo "# uv, pinned and hashed: the installer that make setup puts into .venv. Cut from requirements.lock by 'make lock'."; \
	  awk '/^uv==/{p=1} p{print} p&&!/\\$$/{exit}' $(LOCK); } > requirements-uv.txt
clean:
	rm -rf $(VENV) node_modules console/vendor/node_modules build

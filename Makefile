# Needs make and Python 3.11 or newer, nothing else: everything is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
INSTALLED_BENCH := .venv/.installed-bench
INSTALLED_DOCS := .venv/.installed-docs

# Tests start hundreds of processes: to compile the same modules again takes a quarter of a second for each.
unexport PYTHONDONTWRITEBYTECODE

# Many tests wait for processes: of three at a time on two cores hardly ever all do.
PARALLEL := --numprocesses 3 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser chaos check check-ui bench schema docs pages audit format clean

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Start Headgate with sample data; ONCE=1 shows it once and ends
	@$(PYTHON) tools/build_pages.py --optional
	@ONCE=$(ONCE) $(BIN)/python -m demo

test: $(INSTALLED_DEV) ## Run the tests, but for the thorough ones; ARGS="-k name" goes to pytest
	@$(BIN)/python -m pytest $(PARALLEL) -m "not thorough" $(ARGS)

test-browser: $(INSTALLED_DEV) pages ## Try the pages in Chromium, and the wheel in an environment of its own
	@[ -n "$$HEADGATE_TEST_CHROMIUM" ] || command -v chromium chromium-browser google-chrome >/dev/null || \
	  { echo "There is no Chromium. In Debian: apt-get install chromium. Elsewhere, name one in HEADGATE_TEST_CHROMIUM." >&2; exit 1; }
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/browser tests/wheel $(ARGS)

chaos: $(INSTALLED_DEV) ## Kill, stop and empty parts of running systems for minutes; no job may be lost
	@$(BIN)/python -m pytest tests/chaos -m long $(ARGS)

check: $(INSTALLED_DEV) check-ui ## Run everything that a change must pass
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && url="sqlite:///$$folder/check.db" && \
	  $(BIN)/alembic -x url="$$url" upgrade head && $(BIN)/alembic -x url="$$url" check
	$(BIN)/headgate schema export | diff schema.graphql -
	$(BIN)/headgate schema diff releases/*/schema.graphql --declared releases/breaking-changes.txt
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check-ui:
	$(PYTHON) tools/build_pages.py --types --optional

bench: $(INSTALLED_BENCH) ## Measure against named references; ARGS=ingest measures that alone
	@$(BIN)/python -m benchmarks $(ARGS)

schema: $(INSTALLED) ## Write schema.graphql, docs/kinds and docs/reference from the code
	$(BIN)/headgate schema export > schema.graphql
	$(BIN)/python -m tools.reference docs

docs: $(INSTALLED_DOCS) ## Build the documentation as a site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

pages: ## Build the console and GraphiQL, if they have changed; needs Node.js with npm
	@$(PYTHON) tools/build_pages.py

audit: $(INSTALLED_DEV) ## Look the exact versions up among known vulnerabilities; needs the network
	@$(INSTALL) pip-audit
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement constraints.txt

format: $(INSTALLED_DEV) ## Format the code and mend what ruff can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## Remove .venv, caches and build results; data stays
	rm -rf .venv build dist site *.egg-info .*_cache ui/node_modules headgate/server/built_pages
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headgate needs Python 3.11 or newer")'
	@echo "Installing into .venv" >&2
	@$(PYTHON) -m venv .venv
	@$(INSTALL) --editable .
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@$(INSTALL) --editable '.[dev]'
	@touch $@

$(INSTALLED_BENCH): $(INSTALLED_DEV)
	@$(INSTALL) --editable '.[bench]'
	@touch $@

$(INSTALLED_DOCS): $(INSTALLED)
	@$(INSTALL) --editable '.[docs]'
	@touch $@

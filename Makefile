# Each target does all of its own set-up: `make demo` and `make test` are enough to begin with.

PYTHON ?= python3
BIN := .venv/bin
export PYTHON

# Sample mail that lies beside the repository, where there is some; its tests are skipped elsewhere.
ifneq ($(wildcard ../shared/material),)
export EILBOTE_MATERIAL ?= $(abspath ../shared/material)
endif

.PHONY: demo test faults lint bench screenshots lock clean help
.DEFAULT_GOAL := help

help:
	@echo 'make demo    mail servers with sample mail, the engine, everything without an account (DEMO=--once ends after the show)'
	@echo 'make test    linters, types, import contracts, all tests'
	@echo 'make faults  every fault test, in parts that can be resumed (AGAIN=1 anew, ONLY=test SEED=number for one)'
	@echo 'make lint    linters, types, import contracts'
	@echo 'make bench   Eilbote beside other mail clients (BENCH=row for one row, QUICK=1 for small mailboxes)'
	@echo 'make screenshots  pictures of every page into .cache/screenshots, a handful into docs/screenshots (PAGES=name for some)'
	@echo 'make lock    write the lock files anew from pyproject.toml'
	@echo 'make clean   remove everything that make has made'

demo: .venv/.core
	@scripts/compile.sh
	@$(BIN)/eilbote demo $(DEMO)

test: lint
	@scripts/compile.sh
	@scripts/test-servers.sh
	$(BIN)/pytest -n 2 $(PYTEST)

faults: .venv/.dev
	@scripts/compile.sh
	@scripts/test-servers.sh
	@$(BIN)/python -m tests.faults $(if $(AGAIN),--again) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only '$(ONLY)')

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.bench
	@scripts/bench-peers.sh
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(BENCH)

screenshots: .venv/.dev
	@scripts/compile.sh
	@scripts/chromium.sh
	@$(BIN)/python -m tests.web.screenshots $(PAGES)

lock: .venv/.core
	scripts/lock.sh

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.%: requirements/%.lock pyproject.toml scripts/venv.sh
	@echo 'Setting up .venv with the locked dependencies ($*)'
	@scripts/venv.sh $*

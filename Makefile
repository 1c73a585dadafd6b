# Every target installs what it needs and is missing (scripts/bootstrap.sh).
.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench proof install gate-env dev-env
PYTHON := .venv/bin/python

help: ## Tell the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: gate-env ## Show two gates at work with simulated people; SECONDS=30 ends by itself
	@$(PYTHON) -m edge demo $(if $(SECONDS),--seconds $(SECONDS))

test: lint ## Everything a change must pass: lint, types, import rules, tests
	$(PYTHON) -m pytest -m "not proof" -n auto --dist loadfile

lint: dev-env ## Style, types and import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: dev-env ## Write config.toml and the reference pages from the code
	$(PYTHON) scripts/reference.py
	$(PYTHON) scripts/feed_reference.py

bench: dev-env ## Times and memory, measured
	@set -e; for file in bench/bench_*.py; do \
		echo "== $$file"; $(PYTHON) -m bench.$$(basename $$file .py); \
	done

proof: dev-env ## The long proofs: crash states in full, kill loops, large simulations
	$(PYTHON) -m pytest -m proof

install: ## Install the gate as a service of this machine (as root); KIOSK=1 its screen too
	@scripts/install.sh $(if $(filter-out 0 no,$(KIOSK)),--kiosk)

gate-env:
	@scripts/bootstrap.sh gate

dev-env:
	@scripts/bootstrap.sh dev

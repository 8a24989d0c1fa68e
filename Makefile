# The commands of the project; `make` alone lists them. Needs python3 >= 3.11 with venv, nothing else.

SHELL := /bin/sh
PORT ?= 8000
LISTEN ?= 127.0.0.1
VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= python3

.PHONY: help run setup test check bench bench-peers mutants requirements

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1  /p' $(MAKEFILE_LIST) | sed 's/^  make \([a-z-]*\)  /  make \1\t/'

# $(call installed,base|dev): the packages are there, or install.py puts them there
define installed
@cmp -s requirements/$(1).txt $(VENV)/$(1).txt && [ -x $(PY) ] || { \
  for p in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && exec $$p -I portal/install.py $(1); \
  done; \
  echo "Python 3.11 or newer is needed; found: $$($(PYTHON) --version 2>&1). PYTHON=... names another." >&2; \
  exit 1; }
endef

run: export DEMO ?= 1
run: export SITE_URL ?= http://127.0.0.1:$(PORT)
run: export PORT := $(PORT)
run: export LISTEN := $(LISTEN)
run: ## the site with demonstration data at http://127.0.0.1:8000 (PORT=8123: another port; DEMO=0: without)
	$(call installed,base)
	@exec $(PY) manage.py serve --until-parent-ends

setup: ## .venv with everything for development
	$(call installed,dev)
	@$(PY) manage.py build_messages

test: setup ## all tests, side by side (FAST=1: without the slow ones; ARGS="-k name": pytest's own, in one process)
	@exec $(PY) -m pytest $(if $(FAST),-m "not slow") $(or $(ARGS),-n auto --maxprocesses 4 --dist loadfile)

# production's settings; nothing connects
PRODUCTION := env DEBUG=0 DEMO=0 SITE_URL=https://suanli.example ALLOWED_HOSTS=suanli.example \
  SECRET_KEY=for-the-check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG \
  DATABASE_URL=postgresql://127.0.0.1/none REDIS_URL=redis://127.0.0.1/0 PYTHONWARNINGS=ignore
CHECKS := ruff mypy djlint lint-imports migrations deploy translations house

check: setup ## every linter, side by side
	@$(MAKE) --no-print-directory -k -j4 $(if $(filter output-sync,$(.FEATURES)),-Otarget) $(CHECKS:%=check-%)
	@echo "all checks passed"

.PHONY: $(CHECKS:%=check-%)
check-ruff:
	@$(VENV)/bin/ruff check --quiet .
check-mypy:
	@$(VENV)/bin/mypy --no-error-summary portal marketplace bank
check-djlint:
	@$(VENV)/bin/djlint --lint --quiet templates
check-lint-imports:
	@$(VENV)/bin/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
check-migrations:
	@$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run -v 1 > $(VENV)/migrations.log \
	  || { cat $(VENV)/migrations.log; exit 1; }
check-deploy:
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING > $(VENV)/deploy.log \
	  || { cat $(VENV)/deploy.log; exit 1; }
check-translations:
	@$(PRODUCTION) $(PY) manage.py check_translations
check-house:
	@$(PY) -m pytest -q --no-header -p no:cacheprovider tests/portal/test_house.py

bench: setup ## figures, one line each (ONLY=ledger: one room; BENCH_JSON=file: also as JSON)
	@exec $(PY) -m portal.bench $(ONLY)

bench-peers: setup ## the same beside other projects, each installed into an environment of its own
	@exec $(PY) -m portal.bench --peers $(ONLY)

mutants: setup ## do the tests notice seeded bugs? twenty minutes (ONLY=word: those with it in their name)
	@exec $(PY) -m tests.mutants.run "$(ONLY)"

requirements: ## compile requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements/base.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group dev -o requirements/dev.txt

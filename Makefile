# Two commands: `make up` and `make test`. Both set everything up by themselves; what they need is python3 (3.11 to
# 3.13), git and make. ARGS="…" is passed on: make up ARGS="--port 9500", make test ARGS="-k names -x".

ENV := .venv/.synced
BIN := .venv/bin
# Tests run on the cores there are, but on no more than four; each file runs whole on one of them.
SPREAD := --numprocesses auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help env up down status test check lint unit supply sbom bench chaos soak clean FORCE

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

up: $(ENV) ## start a federation here and watch it; Ctrl-C ends it
	@exec $(BIN)/omega up $(ARGS)

down: $(ENV) ## end the federation that was started with `omega up -d`
	@$(BIN)/omega down $(ARGS)

status: $(ENV) ## show its processes
	@$(BIN)/omega status $(ARGS)

test: $(ENV) ## run every test
	@$(BIN)/pytest $(SPREAD) $(ARGS)

check: lint supply unit ## what CI and pre-commit run: lint, types, leaked secrets, known vulnerabilities, unit tests

lint: $(ENV) ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

supply: $(ENV) ## secrets in the files, known vulnerabilities of what is locked (told when it cannot be asked)
	@$(BIN)/python -m ops.supply leaks
	@$(BIN)/python -m ops.supply audit

sbom: $(ENV) ## write dist/omega-federation.cdx.json: everything that is locked, as CycloneDX
	@$(BIN)/python -m ops.supply sbom $(ARGS)

unit: $(ENV) ## the tests that need no process and no socket
	$(BIN)/pytest tests/architecture tests/unit $(SPREAD) $(ARGS)

bench: $(ENV) ## measure
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: $(ENV) ## ten minutes of faults under load, and a verdict
	@$(BIN)/python -m tests.chaos $(ARGS)

soak: $(ENV) ## an hour with two thousand members; prints what grew, draws docs/images/soak.svg
	@$(BIN)/python -m tests.soak $(ARGS)

clean: ## remove what was made here: environment and caches (a federation's data: omega down --clean)
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env: $(ENV) ## only set up
	@:

$(ENV): uv.lock pyproject.toml ops/setup.sh
	@sh ops/setup.sh

# An environment holds absolute paths: one that was made elsewhere is made again.
ifneq ($(shell cat $(ENV) 2>/dev/null),$(CURDIR))
$(ENV): FORCE
endif
FORCE:

# Two commands are enough on a fresh machine with git, make, python3 (3.11 or later) and python3-venv: `make demo` and `make test`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test check serve build acceptance redrive bench proof

help:  ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 18

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Studio Steward needs Python 3.11 or later: make PYTHON=python3.13 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

setup: .venv/installed  ## Make .venv with everything in it

demo: setup  ## Play nine days on the platform on a local AWS organization, with the deployed template
	$(BIN)/python -m demo

test: setup  ## Run every test, in two processes
	$(BIN)/python -m tools.every_test

proof: setup  ## Every fault at every call, delivery and invocation, one at a time: nothing may be lost (minutes)
	$(BIN)/python -m benchmarks.faults

check: setup  ## Formatting, lint, types, templates, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml accounts/*.yaml demo/studio_roles.yaml
	PYTHONPATH=functions:. $(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest tests/test_conventions.py

tools/custodian/.venv/installed: tools/custodian/requirements.txt
	$(PYTHON) -m venv tools/custodian/.venv
	tools/custodian/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/custodian/requirements.txt
	@touch $@

bench: setup tools/custodian/.venv/installed  ## Measure, beside Cloud Custodian too, which is installed beside (SEED=…, BENCH=name; an hour and more); into build/bench
	$(BIN)/python -m benchmarks $(BENCH) $(if $(SEED),--seed $(SEED))

serve: setup  ## Serve the demo's organization on loopback, for boto3 and the AWS CLI, until interrupted
	$(BIN)/python -m localaws serve demo/organization.yaml

tools/sam/.venv/installed: tools/sam/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The SAM CLI needs Python 3.11 or later: make PYTHON=python3.13 …"; exit 1; }
	$(PYTHON) -m venv tools/sam/.venv
	tools/sam/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/sam/requirements.txt
	@touch $@

build: setup tools/sam/.venv/installed  ## Build the deployable package with the SAM CLI, which is installed beside (needs Python 3.13)
	$(BIN)/python -m tools.real sam build

acceptance: setup tools/sam/.venv/installed  ## Deploy, change, break and delete the stack with the real `sam` and `aws`, and run the runbook, on loopback (needs Python 3.13)
	$(BIN)/python -m tools.acceptance
	PATH="$(CURDIR)/tools/sam/.venv/bin:$$PATH" $(BIN)/python -m tools.runbook_commands

redrive: setup  ## Say what waits for a person in the deployed stack; with EXECUTE=1 set it going again (STACK=…, MOST=…)
	@$(BIN)/python -m tools.redrive $(if $(filter 1,$(EXECUTE)),--execute) $(if $(STACK),--stack $(STACK)) $(if $(MOST),--most $(MOST))

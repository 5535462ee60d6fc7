# One command for each thing one does here; `make` alone lists them.
SHELL := /bin/bash
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup browser test check fmt demo demo-clean bench bench-formats soak soak-hour corpus supported council-year fuzz lock

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 18

setup: .venv/.ready ## make .venv from the lock, install Mosquitto and InfluxDB where they are missing
	@.ci/packages zoneinfo mosquitto influxdb

.venv/.ready: requirements-dev.lock pyproject.toml .ci/venv
	@.ci/venv

browser: setup
	@.ci/packages chromium

check: setup ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: setup ## format, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: browser check ## all that CI runs: lint, types and tests
	$(BIN)/pytest

demo: setup ## broker, database, ingest and a simulated council; FOR=30s ends it by itself
	@$(BIN)/tolbooth up $(if $(FOR),--for $(FOR))

demo-clean: setup ## remove the demo's data
	@$(BIN)/tolbooth clean --yes

bench: setup ## measure the whole path; JSON=1 for machines
	@$(BIN)/python -m tests.bench.pipe $(if $(JSON),--json)

bench-formats: setup ## measure what a message of each format costs, beside native; JSON=1 for machines
	@$(BIN)/python -m tests.bench.formats $(if $(JSON),--json)

fuzz: setup ## feed all formats with garbage, N messages (10 million, some 10 minutes), from SEED on
	@$(BIN)/python -m tests.devices.fuzz $(if $(N),--messages $(N)) $(if $(SEED),--seed $(SEED)) --processes 2

soak: setup ## prove the promises of delivery at length, some 40 minutes; reports go to docs/prove
	@$(BIN)/python -m tests.delivery.prove --report docs/prove

soak-hour: setup ## kill ingest, InfluxDB and the broker at random for an hour; MINUTES=5 for less, SEED for other moments
	@$(BIN)/python -m tests.delivery.prove T4 $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) --report docs/prove

corpus: setup ## how much of the recorded messages is read rightly, by format
	@$(BIN)/python -m tests.devices.corpus_table

supported: setup ## write docs/supported.md anew, from the formats and device models
	$(BIN)/python -m devices.supported

council-year: setup ## a simulated year against published figures, and one of 1,000 devices: docs/simulators-year.md
	@$(BIN)/python -m tests.simulators.council_year

lock: setup ## resolve the dependencies anew
	$(LOCK) --upgrade --extra dashboards --output-file requirements.lock
	$(LOCK) --upgrade --all-extras --constraints requirements.lock --output-file requirements-dev.lock

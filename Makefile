# Two commands do everything, with Python 3.11 or later and the package registries at hand:
#   make run    sets up and runs Détente on the feeds of feeds.toml (or FEEDS=my.toml, FEEDS=my.opml)
#   make test   sets up and runs every check and test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FEEDS ?= feeds.toml
TRAIN := .venv-train
# On glibc this spares a fifth of the time of training, which else goes into giving memory back.
model evaluate: export MALLOC_TRIM_THRESHOLD_ = 4294967296
model evaluate: export MALLOC_MMAP_THRESHOLD_ = 4294967296

.PHONY: help setup run demo dev docs check format lint types layers tests browser test test-hub replay faults model evaluate bench bench-judge bench-collectors bench-alerts bench-dashboard soak bench-engines lock clean

help:  ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/make \1|\2/p' Makefile | column -t -s '|'

setup: $(VENV)/.run  ## make .venv with the command .venv/bin/detente

$(VENV)/.run: pyproject.toml requirements/run.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: setup  ## collect, judge and index the feeds of FEEDS, with the dashboard, until Ctrl-C
	$(BIN)/detente run --serve --feeds "$(FEEDS)"

demo: setup  ## the same on the sample newsroom, two minutes and no network
	$(BIN)/detente demo

dev: setup $(VENV)/.dev

$(VENV)/.dev: requirements/dev.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

browser:
	tests/services/chromium.sh

test: dev browser check  ## set up on a fresh machine and run everything that `check` runs

check: lint types layers tests  ## lint, types, layers and tests, in the environment as it is

docs: dev  ## write docs/commands.md and docs/settings.md from the program itself
	$(BIN)/python -m typer detente.cli utils docs --name detente --output docs/commands.md
	$(BIN)/detente settings describe > docs/settings.md

format:  ## put every file in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports

tests:
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-hub: dev  ## the tests of models from a hub; installs torch (several GB)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch>=2.5"
	$(BIN)/python -m pytest -m hub

replay: dev  ## 1,849 real polls through the whole pipeline
	$(BIN)/python -m tests.replay_all

faults: dev  ## the fault matrix on real servers, with the seconds to recover; about five minutes
	$(BIN)/python -m pytest -q -s -p no:randomly tests/test_faults_*.py

model: $(TRAIN)/.train  ## train the shipped model anew: teacher, pupil, int8; about two hours on two cores
	$(TRAIN)/bin/python -m training.train --teacher --out var/training/teacher
	$(TRAIN)/bin/python -m training.teach var/training/teacher
	$(TRAIN)/bin/python -m training.train --taught var/training/taught.npz
	$(TRAIN)/bin/python -m training.export var/training/run

evaluate: $(TRAIN)/.train  ## measure the shipped model and write docs/model-card.md
	$(TRAIN)/bin/python -m training.evaluate --reference var/training/run --card docs/model-card.md

$(TRAIN)/.train: requirements/train.lock requirements/bases.txt
	@test -x $(TRAIN)/bin/python || $(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/train.lock
	$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/bases.txt
	$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

bench: setup  ## articles per second, stage by stage
	$(BIN)/python -m benchmarks.pipeline

bench-judge: setup  ## sentences and articles a second, int8 against fp32 of the last `make model`
	$(BIN)/python -m benchmarks.judge

bench-collectors: setup  ## polls a second over 5,000 feeds, and the delay of news against a fixed interval
	$(BIN)/python -m benchmarks.collectors

bench-alerts: setup  ## articles a second past 100,000 subscriptions, and the delay until people hear of it
	$(BIN)/python -m benchmarks.alerts

bench-dashboard: dev  ## time per page over 100,000 articles
	$(BIN)/python -m benchmarks.dashboard

soak: dev  ## the collectors over twenty months of a virtual clock; about ten minutes
	$(BIN)/python -m benchmarks.soak

bench-engines: dev  ## our Kafka and Elasticsearch against the bare clients; needs a JDK and Maven
	$(BIN)/python -m benchmarks.engines

lock: dev  ## write the lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml -o requirements/run.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra dev pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra train --extra hub pyproject.toml -o requirements/train.lock

clean:  ## remove the environment and what tools left behind (never var/, where your articles are)
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

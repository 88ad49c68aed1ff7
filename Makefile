# Two commands matter: `make demo` shows the main job done, `make test` passes the tests.
# Both set up what they need in .venv; neither needs root.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SEEDS ?= 1 2 3
FUZZ_S ?= 600
SERVICE_TESTS := tests/browser tests/cli tests/end_to_end tests/faults tests/fuzz tests/load
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export OPENCV_FOR_THREADS_NUM := 1
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: setup demo test lint check audit bench load accuracy exports faults fuzz requirements samples

setup: .venv/.ready

.venv/.ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/copythat demo samples/screens.zip --out out

# Tests of the running service wait for it most of the time, so they run beside all others.
test: setup
	mkdir -p out
	$(BIN)/pytest $(SERVICE_TESTS) >out/service-tests.log 2>&1 & service=$$!; \
	$(BIN)/pytest tests $(addprefix --ignore=,$(SERVICE_TESTS)); others=$$?; \
	wait $$service; service=$$?; cat out/service-tests.log; exit $$((others || service))

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive api cli shared workers

# Known vulnerabilities of what is installed, and the list of it (CycloneDX).
audit: lint
	mkdir -p out
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file out/sbom.json \
		requirements/runtime.txt
	$(BIN)/python -m tests.audit

check: lint test

# The full matrix of faults, once for each seed. It takes about half an hour a seed.
faults: setup
	set -e; for seed in $(SEEDS); do FAULTS_SEED=$$seed $(BIN)/pytest tests/faults; done

# Schemathesis at a running service, then atheris at archives and images; seconds of each.
fuzz: setup
	FUZZ_S=$(FUZZ_S) $(BIN)/pytest tests/fuzz

bench: setup
	$(BIN)/python -m tests.bench

# k6 against a running service, some three minutes; writes docs/load-results.md.
load: setup
	$(BIN)/python -m tests.load

# How near measurements come to the truth; needs ../shared/bench and says so where it is not.
accuracy: setup
	$(BIN)/python -m tests.bench.accuracy

# Exports of 200 random sets more through ../shared/validate-exports, about twenty minutes; says so
# where it is not.
exports: setup
	EXPORTS_SETS=200 $(BIN)/pytest tests/shared/export/test_harness.py

# Pin what requirements/*.in name. The index is the machine's own and is not written down.
requirements: setup
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 requirements/runtime.in --output-file requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 requirements/dev.in --constraint requirements/runtime.txt \
		--output-file requirements/dev.txt

# Draw samples/*.html again; needs Debian's chromium.
samples: setup
	$(BIN)/python samples/render.py

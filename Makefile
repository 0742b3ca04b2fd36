# From a bare Python 3.11 or later with pip. Each target makes what it needs in .venv, once, and again when pyproject.toml
# changes; the package itself is built and installed anew, as a wheel, when a file below src changes.
PYTHON ?= python3
TEST_EXTRAS ?= test,examples
BENCH_EXTRAS ?= test,fast
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DELETE_ON_ERROR:
.PHONY: demo test test-long lint bench clean

demo: .venv/with-examples .venv/package
	$(BIN)/python examples/walkthrough.py
	$(BIN)/python examples/digits.py

test: .venv/with-$(TEST_EXTRAS) .venv/package
	$(BIN)/pytest

# Wrong rules on purpose, and random programs against JAX: about three minutes.
test-long: .venv/with-test,compare .venv/package
	$(BIN)/python tests/mutation.py
	$(BIN)/python tests/differential.py --count 150

lint: .venv/with-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/with-$(BENCH_EXTRAS) .venv/package
	$(BIN)/pytest tests/benchmarks/bench_*.py

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks

.venv/made: pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(PIP) 'hatchling>=1.27'
	@touch $@

.venv/with-%: .venv/made
	$(PIP) --no-build-isolation '.[$*]'
	@touch $@

# Folders are listed too: one changes when a file in it is removed.
.venv/package: .venv/made $(shell find src -name __pycache__ -prune -o -print)
	$(PIP) --no-build-isolation --no-deps --force-reinstall .
	@touch $@

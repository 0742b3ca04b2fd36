# From a bare Python 3.11 or later with pip. Each target makes what it needs in .venv, once, and again when pyproject.toml
# changes; the package itself is built and installed anew, as a wheel, when a file below src changes.
PYTHON ?= python3
TEST_EXTRAS ?= test,examples
PYTEST_ARGS ?=
FLOOR_PYTHON ?= $(shell command -v python3.11 || echo $(PYTHON))
FLOORS := 'numpy==2.2.*' 'networkx==3.4.*' 'scipy==1.15.*'
BENCH_EXTRAS ?= test,fast
GRADBENCH_ARGS ?= --write ../../examples/guide/gradbench.md
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DELETE_ON_ERROR:
.PHONY: demo test test-long portability floors strangers lint docs dist bench gradbench clean

demo: .venv/with-examples .venv/package
	$(BIN)/python examples/walkthrough.py
	$(BIN)/python examples/digits.py

test: .venv/with-$(TEST_EXTRAS) .venv/package
	$(BIN)/pytest $(PYTEST_ARGS)

# Wrong rules on purpose, and random programs against JAX: about three minutes.
test-long: .venv/with-test,compare .venv/package
	$(BIN)/python tests/long/mutation.py
	$(BIN)/python tests/long/accuracy.py
	$(BIN)/python tests/long/differential.py --count 150

# Every OpenBLAS kernel, NumPy without the processor's features, other Pythons, random order: about twenty minutes.
portability: .venv/with-test .venv/package
	$(BIN)/python tests/long/portability.py

# The oldest versions of the dependencies, in an environment of their own.
floors: .venv-floors/made
	.venv-floors/bin/python -m pytest $(PYTEST_ARGS)

# The test suites of packages that use autograd, on autograd and on memograd: half an hour, and a network.
strangers:
	$(PYTHON) tests/against/strangers/run.py

lint: .venv/with-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/codespell *.md *.cff examples src

# The documentation site, in build/docs. A warning is an error.
docs: .venv/with-docs .venv/package
	$(BIN)/python -m sphinx -W --keep-going -E -q -b html examples/guide build/docs

# Wheel and sdist as they are published, in dist.
dist: .venv/with-dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

bench: .venv/with-$(BENCH_EXTRAS) .venv/package
	$(BIN)/pytest tests/benchmarks/bench_*.py

# GradBench's evals beside derivatives by hand, JAX, autograd, and PyTorch where it is installed by hand, on one thread:
# half an hour. GRADBENCH_ARGS='--only gmm --without jax' runs a part, and leaves the page in the docs as it is.
gradbench: .venv/with-compare,fast .venv/package
	cd tests/benchmarks && ../../$(BIN)/python -m gradbench $(GRADBENCH_ARGS)

clean:
	rm -rf .venv .venv-floors .venv-portability .strangers dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks

.venv/made: pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(PIP) 'hatchling>=1.27'
	@touch $@

.venv/with-%: .venv/made
	$(PIP) --no-build-isolation '.[$*]'
	@touch $@

.venv-floors/made: pyproject.toml $(shell find src -name __pycache__ -prune -o -print)
	$(FLOOR_PYTHON) -m venv --clear .venv-floors
	.venv-floors/bin/python -m pip --disable-pip-version-check install --quiet '.[test]' $(FLOORS)
	@touch $@

# Folders are listed too: one changes when a file in it is removed.
.venv/package: .venv/made $(shell find src -name __pycache__ -prune -o -print)
	$(PIP) --no-build-isolation --no-deps --force-reinstall .
	@touch $@

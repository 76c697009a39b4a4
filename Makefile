# make review   set up, run the main job, say where the report lies
# make test     set up with what the tests need, run ruff, mypy and pytest
# make bench    print the project's speed figures with the machine they were taken on
# make docs     build the documentation: build/docs/index.html
# make clean    remove what the above made (not the reports)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -n auto

.PHONY: review test lint bench docs clean install install-test install-docs

review: install
	@$(BIN)/accelsim review --equal area --out reports/latest

# Kernels once more without the compiler, where no integer wraps, and once with bounds checked;
# captures once more with an older transformers.
test: lint $(VENV)/.older
	@NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q tests/kernels
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(VENV)/numba-checked $(BIN)/python -m pytest -q tests/kernels
	@PYTHONPATH=$(VENV)/older $(BIN)/python -m pytest -q tests/pytorch/test_models.py
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: install-test
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: install-test
	@$(BIN)/python -m benchmarks

# Warnings are errors; all are shown.
docs: install-docs
	@$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees docs build/docs
	@echo "the documentation is at build/docs/index.html"

install: $(VENV)/.installed
install-test: $(VENV)/.installed-test
install-docs: $(VENV)/.installed-docs

$(VENV)/.installed: pyproject.toml tools/install.py
	@$(PYTHON) tools/install.py --venv $(VENV) --stamp $@ --again "$(or $(MAKECMDGOALS),install)"

$(VENV)/.installed-test: pyproject.toml tools/install.py
	@$(PYTHON) tools/install.py --venv $(VENV) --stamp $@ --again "$(or $(MAKECMDGOALS),install-test)" --extra test --extra torch --extra cluster --extra search --extra parquet

$(VENV)/.installed-docs: pyproject.toml tools/install.py
	@$(PYTHON) tools/install.py --venv $(VENV) --stamp $@ --again "$(or $(MAKECMDGOALS),install-docs)" --extra docs

$(VENV)/.older: tests/pytorch/older.txt $(VENV)/.installed-test
	@$(BIN)/python -m pip install -q --no-deps --upgrade --target $(VENV)/older -r $<
	@touch $@

clean:
	rm -rf $(VENV) build dist docs/reference .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find accelsim tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

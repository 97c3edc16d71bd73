# The two commands: `make demo` does the main job, `make test` passes the tests. Both set .venv up first.

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# The versions that were tested together; `make constraints` renews them.
PINS := -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo lab test check lint notebooks course bench constraints clean

help:  ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/.ready  ## Start a server, send 1 to 18, see five per five seconds (25 s)
	$(BIN)/batchdemo demo

lab: .venv/.ready-lab  ## Open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=notebooks

test: .venv/.ready-dev  ## Run the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: .venv/.ready-dev  ## Look for faults without running anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test  ## What CI runs: lint, types and the tests

notebooks: .venv/.ready-dev  ## Run the sources of the notebooks in full time, and make the student versions
	$(BIN)/python tests/notebooks/build.py

course: .venv/.ready-dev  ## Lay out a course folder for nbgrader in out/course
	$(BIN)/python tests/notebooks/build.py --course out/course

bench: .venv/.ready-dev  ## Measure everything in benchmarks/ (some minutes; leave the machine alone meanwhile)
	@for script in throughput ticks slow_handler startup costs policies simulating preforming submitting added_wait memory soak; do $(BIN)/python benchmarks/$$script.py || exit 1; done

constraints: .venv/.ready-dev  ## Renew constraints.txt from what pyproject.toml allows (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file constraints.txt

clean:  ## Remove .venv and all that was built
	rm -rf .venv build dist demo.png .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is not. Say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
ifdef UV
	uv venv --quiet --python $(PYTHON) .venv
else
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo; echo "This Python has no venv module. Type:  sudo apt install python3-venv"; exit 1; }
endif

define install
	@echo "Setting up .venv with $(1) …"
	$(if $(UV),@uv pip install --quiet --python $(BIN)/python,@$(BIN)/python -m pip install --quiet --disable-pip-version-check) $(PINS) -e '$(1)'
	@touch $@
endef

.venv/.ready: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.)

.venv/.ready-lab: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.[notebook])

.venv/.ready-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.[dev])

# All set-up happens in a virtual environment beside this file; PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: demo test lint format docs clean

demo: $(STAMP)  ## make the demo's record and show it
	$(BIN)/vulneuron demo

test: lint  ## all checks and tests
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(STAMP)  ## write the generated pages of docs/ anew
	$(BIN)/python -m pytest tests/networks --update

# torchattacks pins an old release of requests, which the module itself never imports; hence --no-deps.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/pip install --quiet --no-deps torchattacks==3.5.1
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist

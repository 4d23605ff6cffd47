# Every command of this project: `make help` lists them. Needs python3 with pip, make and git; brings the rest itself.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
ifneq ($(words $(CURDIR)),1)
  $(error '$(CURDIR)' has a space in it, which make can't carry: move the checkout)
endif

# The machine's own Python and certificates, whatever its pip and uv are set to elsewhere.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_VIRTUALENV := 0
export PIP_ROOT_USER_ACTION := ignore
export PIP_USER := 0
# Set somewhere, it would have each of the many processes of a test run compile all modules anew.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
PLUGINS := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)
# What the tests start, beside what comes as a Python package: the names of Debian's packages, and of the commands
# where they are called otherwise.
SERVERS := redis-server beanstalkd rabbitmq-server postgresql:postgres procps:ps
# What `make demo` needs: the core and these, at the versions pinned for development, but no tools.
DEMO_PLUGINS := plugins/alligator_json plugins/alligator_sqlite plugins/alligator_redis \
  plugins/alligator_beanstalk plugins/alligator_sqs plugins/alligator_tags

# Written so that the oldest Python can still read it.
check-python = command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)' here. Name one: make PYTHON=python3.12 …" >&2; exit 1; }; \
  $(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.version_info >= (3, 10) or sys.exit("Alligator needs Python 3.10 or newer, and $(PYTHON) is " + v + ". Name another: make PYTHON=python3.12 …")'

.PHONY: help
help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.ready  ## Make the development environment in .venv

.PHONY: demo
demo: .venv-demo/.ready  ## Index the standard library with two workers, one of them killed (DSN=… for another backend)
	.venv-demo/bin/python -m examples.stdlib_index $(if $(DSN),'$(DSN)')

.PHONY: test
test: setup $(if $(ARGS),,servers)  ## Run all tests and checks (ARGS="-k word" for some of them)
	$(BIN)/pytest $(or $(ARGS),-n 6 --dist loadscope --no-loadscope-reorder --max-worker-restart 2)

.PHONY: servers
servers:  ## Install the servers that the tests start, or say how
	@scripts/servers $(SERVERS)

# The tests run these commands too: tests/workspace/test_checks.py reads them from here.
.PHONY: check
check: setup  ## Lint, and check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: audit
audit: $(UV)  ## Compare all pinned versions with the known vulnerabilities, which takes a network
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-audit
	$(UV) pip install --quiet --python .venv-audit pip-audit
	.venv-audit/bin/pip-audit --requirement constraints.txt --require-hashes --disable-pip --strict --progress-spinner off

.PHONY: format
format: setup  ## Format the code, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: chaos
chaos: setup servers  ## Kill, freeze and cut off workers and servers for ten minutes, and count what is lost
	$(BIN)/python -m tests.chaos --minutes 10 --markdown $(ARGS)

.PHONY: fuzz
fuzz: setup  ## Mutate messages, payloads and DSNs, ten million times (ARGS="--seconds 60 --processes 1" for a shorter run)
	$(BIN)/python -m tests.fuzz --executions 10000000 $(ARGS)

.PHONY: bench
bench: setup  ## Print the figures of the embedded backends (ARGS="--tasks N" for a shorter run)
	$(BIN)/python -m benchmarks.embedded $(ARGS)

.PHONY: guarantees
guarantees: setup  ## Run the conformance suite on every backend, and write its table into the README
	$(BIN)/python -m scripts.guarantees

.PHONY: bench-peers
bench-peers: $(UV)  ## Measure this project and its peers side by side (ARGS="--quick" for a first look)
	$(PYTHON) benchmarks/peers $(ARGS)

.PHONY: wheels
wheels: setup  ## Build the wheel and the sdist of every package into dist/
	rm -rf dist
	$(UV) build --quiet --all-packages --no-build-isolation --python $(BIN)/python --out-dir dist
	@ls dist/*.whl dist/*.tar.gz

.PHONY: matrix
matrix: $(UV)  ## Run the tests on every supported Python found on this machine
	@$(PYTHON) scripts/matrix.py

.PHONY: lock
lock: $(UV)  ## Pin anew all versions that development and CI use
	$(UV) pip compile --quiet --upgrade $(PROJECTS) --all-extras --group dev --universal --python-version 3.10 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-emit-package alligator-core $(PLUGINS:plugins/alligator_%=--no-emit-package alligator-%) \
	  --custom-compile-command 'make lock' --output-file constraints.txt

.PHONY: clean
clean:  ## Remove all that these commands made
	rm -rf .tools .venv .venv-* .work .hypothesis .*_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# constraints.txt pins uv as well; pip wants the hashes of nothing else, so it's handed those lines alone.
$(UV): constraints.txt
	@$(check-python)
	@mkdir -p .tools
	awk '/^[^ #]/ {on = /^uv==/} on' constraints.txt >.tools/uv.txt
	$(PYTHON) -m pip install --quiet --upgrade --target .tools --only-binary :all: --require-hashes -r .tools/uv.txt
	@touch $@

$(VENV)/.ready: $(UV) constraints.txt $(PROJECTS)
	@$(check-python)
	$(UV) venv --quiet --clear --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(VENV) --require-hashes --requirement constraints.txt
	$(UV) pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable . $(PLUGINS:%=--editable ./%)
	@touch $@

.venv-demo/.ready: $(UV) constraints.txt $(PROJECTS)
	@$(check-python)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --python $(@D) --constraints constraints.txt --build-constraints constraints.txt \
	  --editable . $(DEMO_PLUGINS:%=--editable ./%)
	@touch $@

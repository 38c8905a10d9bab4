# Two environments, both built from locked and hashed requirements (docs/adr/0003):
#   .venv-run  what serves: the runtime and the starter model, nothing else
#   .venv      what checks: all of that, the tools, and clients and servers that nobody here wrote
# Choose another interpreter with `make PYTHON=python3.12 test`; it must be 3.11 or newer. ARGS goes to pytest and bench:
# `make test ARGS='tests/policy -k bucket'`. JOBS is how many tests run at once, a file at a time (docs/adr/0005):
# one more than two cores, since a third of the time is waiting.

PYTHON ?=
ARGS   ?=
JOBS   ?= 3
MINUTES ?= 60
SECONDS ?= 20
RUN    := .venv-run
DEV    := .venv
BIN    := $(DEV)/bin
PARALLEL := --numprocesses $(JOBS) --dist loadfile
# Empty is unset. The suite starts some hundreds of interpreters, and each would compile the package and its tests anew.
export PYTHONDONTWRITEBYTECODE :=
CODE   := $(wildcard headworks tests tools bench)

.DEFAULT_GOAL := help
.PHONY: help run test check bench soak fuzz clients sizes lock prices clean
.DELETE_ON_ERROR:

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: $(RUN)/.linked ## serve the starter system on 127.0.0.1:8080 (Ctrl-C drains and stops)
	@echo 'Headworks: serving the starter system on http://127.0.0.1:8080/v1 (Ctrl-C drains and stops)'
	@$(RUN)/bin/headworks up

test: $(DEV)/.linked ## the whole suite
	@$(BIN)/pytest $(PARALLEL) $(ARGS)

check: $(DEV)/.linked ## what CI runs: format, lint, types, imports, and the suite with branch coverage
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest $(PARALLEL) --cov --cov-report= $(ARGS)
	$(BIN)/coverage report
	@echo 'policy/ and wire/ are held to every branch:'
	$(BIN)/coverage report --include='headworks/policy/*,headworks/wire/*' --fail-under=100

bench: $(DEV)/.linked ## the product in the harness's position; the table is in bench/README.md
	@$(BIN)/python bench/run.py $(ARGS)

# The laws first: 1,500 examples each, of a seed that is drawn anew; then what takes long, alone, since it measures. With ARGS
# (`make soak ARGS='-s tests/soak/test_coverage.py'`) both at once of what they name.
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
SEARCH = --hypothesis-profile=soak --hypothesis-seed=$(SEED) -o faulthandler_timeout=1800

soak: SEED := $(SEED)
soak: $(DEV)/.linked ## the long runs, and every law with 1,500 examples of a fresh seed (SEED=... draws them again), then MINUTES of fuzzing (60)
	@echo 'The laws draw from seed $(SEED); again by: make soak SEED=$(SEED)'
ifdef ARGS
	@$(BIN)/pytest -m 'soak or hypothesis' $(SEARCH) $(ARGS)
else
	@$(BIN)/pytest $(PARALLEL) -m 'hypothesis and not soak' $(SEARCH)
	@$(BIN)/pytest -m soak $(SEARCH)
	@$(BIN)/python -m tests.fuzz.run --seconds $$(($(MINUTES) * 60))
endif

fuzz: $(DEV)/.linked ## hostile bytes for every reader, SECONDS long (20)
	@$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)

clients: $(DEV)/.linked ## agents and SDKs of every API, driven through the gateway to vendors of ours (docs/clients.md); ARGS=--help
	@$(BIN)/python -m tools.clients $(ARGS)

sizes: $(DEV)/.linked ## the longest files and functions, for the eye
	@$(BIN)/python tools/sizes.py

clean: ## remove both environments and what the tools left
	rm -rf $(DEV) $(RUN) build headworks.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# --- the environments -------------------------------------------------------------------------------------------------
# A stamp per step, so that a second run is instant: .locked follows the lock file, .linked follows pyproject.toml.

# The first interpreter that runs, is new enough, and can make an environment. A name on the path proves nothing: it may
# be a shim for a version that is not installed, or a Debian python3 without python3-venv.
define find_python
for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
    python=; \
done; \
if [ -z "$$python" ]; then \
    echo 'Headworks needs Python 3.11 or newer, with its venv module.' >&2; \
    for python in $(or $(PYTHON),python3); do \
        echo "  $$python is $$("$$python" --version 2>/dev/null || echo 'not installed')" >&2; \
    done; \
    echo '  On Debian or Ubuntu: apt-get install python3-venv. Another one: make PYTHON=/path/to/python3.12 ...' >&2; \
    exit 1; \
fi
endef

# Wheels only, each with a hash from the lock: building a source distribution would fetch its build tools unhashed. Nothing is
# resolved: the lock names everything, and pip before 23.3 looks past a pin for `name[extra]` as soon as a newer release is out.
INSTALL := -m pip --disable-pip-version-check install
LOCKED  := --require-hashes --only-binary :all: --no-deps

$(RUN)/.locked: requirements/run.txt
	@$(find_python); \
	echo "Headworks: installing the runtime and the starter model (about 280 MB, once) into $(RUN), with $$python"; \
	[ -x $(RUN)/bin/python ] || "$$python" -m venv --clear $(RUN)
	@$(RUN)/bin/python $(INSTALL) $(LOCKED) -r $<
	@touch $@

$(DEV)/.locked: requirements/dev.txt
	@$(find_python); \
	echo "Headworks: installing the runtime, the starter model, and the tools (about 700 MB, once) into $(DEV), with $$python"; \
	[ -x $(DEV)/bin/python ] || "$$python" -m venv --clear $(DEV)
	@$(DEV)/bin/python $(INSTALL) --quiet $(LOCKED) -r $<
	@touch $@

%/.linked: %/.locked pyproject.toml
	@$*/bin/python $(INSTALL) --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# --- the locks --------------------------------------------------------------------------------------------------------
# One universal lock a purpose, right for every supported Python. `make lock` keeps the pins that still fit;
# `make lock UPGRADE=--upgrade` moves them. run.txt takes its versions from dev.txt: what is tested is what serves.

UPGRADE ?=
EXTRAS  := --extra local --extra redis --extra embedded --extra postgres --extra plan --extra search --extra eval \
    --extra aws --extra google --extra azure
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --annotation-style line \
    --custom-compile-command 'make lock' --quiet $(UPGRADE)

lock: ## renew the hashed requirements from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@set -e; $(find_python); tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	"$$python" -m venv "$$tools"; \
	"$$tools/bin/python" $(INSTALL) --quiet $(LOCKED) -r requirements/lock.txt; \
	PATH="$$tools/bin:$$PATH"; \
	$(COMPILE) --group build $(EXTRAS) --extra dev --output-file requirements/dev.txt; \
	$(COMPILE) --group build --extra local --constraint requirements/dev.txt --output-file requirements/run.txt; \
	$(subst pip compile pyproject.toml,pip compile,$(COMPILE)) --group lock --output-file requirements/lock.txt; \
	$(subst pip compile pyproject.toml,pip compile,$(COMPILE)) --group prices --no-deps --output-file requirements/prices.txt
	@git --no-pager diff --stat -- requirements || true

# --- the prices -------------------------------------------------------------------------------------------------------
# The same lock gives the same table. For newer prices: `make lock UPGRADE=--upgrade`, then `make prices`, then NOTICE.

prices: ## build the tables of prices and capabilities anew from the locked data (docs/adr/0021, docs/adr/0119)
	@set -e; $(find_python); tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	"$$python" -m venv "$$tools"; \
	"$$tools/bin/python" $(INSTALL) --quiet $(LOCKED) --no-deps --target "$$tools/data" -r requirements/prices.txt; \
	"$$tools/bin/python" tools/prices.py "$$tools/data"; \
	"$$tools/bin/python" -m tools.capabilities "$$tools/data"
	@git --no-pager diff --stat -- headworks/catalog || true

# make run    set up what is missing, then drive the office scenario
# make test   set up what is missing, then run every test
# make check  format, lint, types, spelling
# make mutate TARGETS="frames guard" SAMPLE=20   break one place at a time: does a test notice? SAMPLE=0 breaks all
# Each target does its own whole set-up on Debian/Ubuntu with Python >= 3.11, git, make and a C compiler.

VENV := .venv
BIN := $(VENV)/bin
# Python 3.11 first: PyBullet ships a Linux wheel for it; any newer one drives in the planar backend
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SCENARIO ?= office
PYTEST_ARGS ?= -n 2 --dist worksteal

.PHONY: run test check mutate setup setup-dev format clean firmware

run: setup
	@$(BIN)/amr sim $(SCENARIO)

test: setup-dev
	@./bootstrap.sh packages optional avr-gcc:gcc-avr avr-gcc:avr-libc clang:clang \
		arm-none-eabi-gcc:gcc-arm-none-eabi /usr/lib/arm-none-eabi/include/string.h:libnewlib-arm-none-eabi \
		/usr/include/simavr/sim_avr.h:libsimavr-dev /usr/include/libelf.h:libelf-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/typos

TARGETS ?= frames link ring bases turns guard
SAMPLE ?= 10
WORKERS ?= 1
mutate: setup-dev
	@$(BIN)/python tests/mutation/mutate.py $(TARGETS) --sample $(SAMPLE) --workers $(WORKERS)

format: setup-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

setup: $(VENV)/.installed

setup-dev: $(VENV)/.installed-dev

firmware:
	@./bootstrap.sh packages required avr-gcc:gcc-avr avr-gcc:avr-libc
	@$(MAKE) -C firmware_bridge/firmware mega2560 uno

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "amr needs Python >= 3.11: install it, or name one with make PYTHON=/path/to/python3" >&2; exit 1; }
	@./bootstrap.sh packages required cc:gcc cc:libc6-dev
	@./bootstrap.sh venv "$(PYTHON)" "$(VENV)"

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing amr and what it needs into $(VENV) (once, about a minute) ..."
	@$(PIP) install -c constraints.txt -e '.[sim]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the test and check tools into $(VENV) (once) ..."
	@$(PIP) install -c constraints.txt -e '.[sim,web,bench,test,dev]'
	@touch $@

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

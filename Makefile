# Thin wrappers: README.md has the same lines for machines without make.
#   make demo    photos to cameras to splat on the capture that ships with splatmatch, with a report
#   make test    the tests
# PYTHON=python3.12 chooses the interpreter, VENV=folder the environment, PIP_OPTIONS="..." is handed to pip install.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV ?= .venv
PIP_OPTIONS ?=
OUT ?= out/demo
INSTALLED := $(VENV)/.installed

.PHONY: demo test
demo: $(INSTALLED)
	$(VENV)/bin/splatmatch demo --out $(OUT)

test: $(INSTALLED)
	$(VENV)/bin/python -m pytest

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "splatmatch needs Python 3.11 or newer: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt $(PIP_OPTIONS) -e ".[dev]"
	@touch $@

# Two commands matter: `make run IMAGE=photo.jpg` and `make test`. Both set up what they need.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
IMAGE ?= examples/person.jpg
OUT ?= out
TORCH ?= torch==2.13.0
CHROOT ?= $(CURDIR)/build/debian
BLENDER_LIBRARIES := libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libgl1 libegl1 libgl1-mesa-dri

.DEFAULT_GOAL := help
.PHONY: help run test test-full test-gui bench extension lint

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV), about 1.2 GB: this takes some minutes."
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[blender]"
	@touch $@

# torch first and by itself: some indexes offer a small CPU build under this exact version.
$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV) for the tests, about 3 GB: this takes some minutes."
	$(BIN)/pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[blender,train,dev,oracle]"
	@touch $@ $(VENV)/.run

# Ray is for the slow tests of clusters alone; it has no wheels for every Python and system.
$(VENV)/.test-full: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[cluster]" || \
	echo "Ray is not to be had for this Python and system: its tests are skipped."
	@touch $@

# Blender's Python module needs a few system libraries. They are installed where that is possible, else named.
define blender_libraries
	@$(BIN)/python -c "import bpy" >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing the system libraries that Blender's module needs: $(BLENDER_LIBRARIES)"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $(BLENDER_LIBRARIES) >/dev/null; \
	else \
		echo "Blender's module does not start; it needs system libraries. On Debian or Ubuntu:"; \
		echo "  sudo apt-get install $(BLENDER_LIBRARIES)"; exit 1; \
	fi
endef

run: $(VENV)/.run  ## a body from IMAGE (default: the bundled example), written to OUT
	$(blender_libraries)
	$(BIN)/python -m body_from_image estimate "$(IMAGE)" --out "$(OUT)" --format npz,overlay,mask,fbx,blend

test: $(VENV)/.test  ## everything that passes in a few minutes
	$(blender_libraries)
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -q

test-full: $(VENV)/.test-full  ## slow and GPU checks too; set BODY_FROM_IMAGE_DATA to the data packs for all of them
	$(blender_libraries)
	$(BIN)/python -m pytest -q -m "not bench"

test-gui: $(VENV)/.test  ## in a real Blender window; needs root, and a Debian with Blender in CHROOT, which is made there
	$(blender_libraries)
	BODY_FROM_IMAGE_CHROOT="$(CHROOT)" $(BIN)/python -m pytest -q -rs -m gui tests/gui

bench: $(VENV)/.test  ## speed and memory, measured on this machine
	$(blender_libraries)
	$(BIN)/python -m body_from_image.training benchmark --image "$(IMAGE)"
	$(BIN)/python -m pytest -q -s -m bench

extension: $(VENV)/.run  ## the zips that Blender installs, in dist/ (GPU=1: with onnxruntime-gpu)
	$(BIN)/python build_extension.py $(if $(GPU),--gpu)

lint: $(VENV)/.test  ## format and check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

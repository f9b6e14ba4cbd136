# `make` alone lists the targets. Everything happens in .venv.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.up-to-date
# jax with CUDA where there is an NVIDIA GPU. Another one: cluster, as in
# `make -B setup EXTRAS="dev cluster"`.
EXTRAS ?= dev $(shell nvidia-smi -L >/dev/null 2>&1 && echo cuda)
EXTRA_FLAGS = $(foreach extra,$(EXTRAS),--extra $(extra))
# A uv of our own, for machines without one.
OWN_UV := .cache/uv/bin/uv

.DEFAULT_GOAL := help
.PHONY: help setup train test test-slow soak bench lint format film docs reference

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' \
	  $(firstword $(MAKEFILE_LIST))
	@echo '  ARGS="..." is handed to train, test, test-slow, soak, bench and reference.'

setup: $(STAMP) ## Install everything into .venv.

train: setup ## Train WildRobotWalk with its motion prior.
	$(PY) -m wildrobot_playground.train --env=WildRobotWalk --amp_weight=0.3 $(ARGS)

test: setup ## Run the tests that take minutes in all.
	$(PY) -m pytest $(ARGS)

test-slow: setup ## Run the tests that take minutes each.
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(PY) -m pytest -m 'slow or property' \
	  --hypothesis-profile=thorough $(ARGS)

soak: setup ## Kill a run twenty times; it must end in the same bits.
	$(PY) -m pytest -m slow tests/runs/store/test_resume.py -k killed $(ARGS)

bench: setup ## Measure speed, memory and time to walking on this machine.
	$(PY) -m wildrobot_playground.bench $(ARGS)

lint: setup ## Check style, types and who imports whom.
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m pyright
	PYTHONPATH=. $(VENV)/bin/lint-imports --no-cache --no-logo

format: setup ## Sort imports and format.
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

film: setup ## Train with and without AMP, and film both beside the reference.
	for run in with_AMP=0.3 without=0; do \
	  $(PY) -m wildrobot_playground.train --amp_weight=$${run#*=} \
	    --run_dir=runs/film/$${run%=*} --novideo && \
	  $(PY) -m wildrobot_playground.export \
	    --checkpoint=runs/film/$${run%=*} || exit 1; \
	done
	$(PY) -m wildrobot_playground.play --gif=docs/walk.gif --commands=0.4 \
	  --policy=runs/film/with_AMP/export --beside=runs/film/without/export \
	  --reference

docs: setup ## Build the pages as a site, into build/docs.
	$(PY) docs/commands_page.py
	$(PY) docs/keys_page.py
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet
	@echo "open     build/docs/index.html"

reference: setup ## Rebuild reference/ from its sources.
	for robot in wildrobot wildrobot_v2; do \
	  $(PY) -m wildrobot_playground.motion default --robot=$$robot $(ARGS) \
	    || exit 1; \
	done

# `pip --target` needs no root, no venv module and no permission of an
# externally managed Python. Where uv cannot reach its index (a mirror or a
# certificate that pip alone is told of), pip installs the locked versions.
$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'error: Python 3.11 or newer is needed; name one with' \
	    'make PYTHON=python3.11' >&2; exit 1; }
	@set -e; \
	python="$$($(PYTHON) -c 'import sys; print(sys.executable)')"; \
	pip="$$python -m pip --disable-pip-version-check"; \
	uv=uv; \
	if ! uv --version >/dev/null 2>&1; then \
	  uv=$(OWN_UV); \
	  test -x $$uv || $$pip install --quiet --root-user-action=ignore \
	    --target .cache/uv 'uv>=0.8'; \
	fi; \
	extras="$(EXTRA_FLAGS)"; \
	export UV_PROJECT_ENVIRONMENT=$(VENV); \
	if ! $$uv sync --quiet --frozen --python "$$python" $$extras; then \
	  echo 'uv cannot install here; pip installs the same versions instead'; \
	  $$uv export --quiet --frozen --no-hashes --no-emit-project $$extras \
	    --output-file .cache/requirements.txt; \
	  $$uv venv --quiet --clear --python "$$python" $(VENV); \
	  $$pip --python $(PY) install --requirement .cache/requirements.txt \
	    --editable .; \
	fi
	@touch $@

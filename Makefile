# Two commands for a fresh machine, `make train` and `make test`: each makes its own
# environment in .venv at the first call and reuses it afterwards.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
TPU_VENV := .venv-tpu
TPU_READY := $(TPU_VENV)/.ready
LOWEST_VENV := .venv-lowest
LOWEST := $(LOWEST_VENV)/constraints.txt
WORKDIR ?= runs/digits
EXPORT_DIR ?= $(WORKDIR)/export

.PHONY: train test check check-parity check-tpu check-faults check-slow check-lowest \
  tpu-environment clean

train: $(READY)
	@echo "== Training configs/digits.cfg into $(WORKDIR) (minutes on two cores)"
	$(RUN) -m tf_smallgan.train --flagfile=configs/digits.cfg --workdir=$(WORKDIR)
	@echo "== Scoring 1,000 samples, 100 a class"
	$(RUN) -m tf_smallgan.evaluate --workdir=$(WORKDIR) --num_samples=1000
	@echo "== Drawing ten samples of every class"
	$(RUN) -m tf_smallgan.sample --workdir=$(WORKDIR) --layout=classes --count=100 \
	  --out=$(WORKDIR)/classes.png
	@echo "== Exporting a SavedModel"
	$(RUN) -m export --workdir=$(WORKDIR) --export_dir=$(EXPORT_DIR)
	@echo
	@echo "Done. Samples:    $(WORKDIR)/classes.png"
	@echo "      Scores:     $(WORKDIR)/evaluation"
	@echo "      SavedModel: $(EXPORT_DIR)"
	@echo "      Curves:     $(VENV)/bin/tensorboard --logdir=$(WORKDIR)/tensorboard"

# One process more than cores: tests wait for files and for commands that they start.
test: $(READY)
	@echo "== Running the tests (minutes on two cores)"
	$(RUN) -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --durations=10

check: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/vulture
	$(RUN) -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --durations=10

# Comparisons with other implementations; needs PyTorch (see CONTRIBUTING.md).
check-parity: $(READY)
	$(RUN) -m pytest tests/parity -rs

# Compiles the train step with the TPU compiler, one after another; no TPU is needed.
# Many minutes on two cores, and several GiB of memory.
TPU_CHECK = $(RUN) -m tf_smallgan.tpu_check --topology=v5e:2x2

check-tpu: $(READY) $(TPU_READY)
	$(TPU_CHECK) --flagfile=configs/digits.cfg
	$(TPU_CHECK) --flagfile=configs/imagenet128.cfg
	$(TPU_CHECK) --flagfile=configs/imagenet128_deep.cfg
	TF_SMALLGAN_TPU_ENVIRONMENT=$(TPU_VENV) $(RUN) -m pytest tests/tpu -rs

tpu-environment: $(TPU_READY)

# The TPU compiler's libraries and TensorFlow's do not mix: an environment of its own.
$(TPU_READY): tf_smallgan/tpu_check/environment.py
	@echo "== Making an environment in $(TPU_VENV) (about 1.1 GB)"
	$(PYTHON) -m venv $(TPU_VENV)
	$(TPU_VENV)/bin/pip install --quiet --disable-pip-version-check \
	  $$($(PYTHON) -c "from tf_smallgan.tpu_check.environment import PINS; print(*PINS)")
	@touch $(TPU_READY)

# Twenty kills in a row, in the middle of saves too, and lost workers; takes minutes.
check-faults: $(READY)
	KILLS=20 $(RUN) -m pytest tests/faults tests/test_workers.py -m "slow or not slow"

# What is too long for `make test`: those faults, a narrow imagenet128, broken
# equalities; and the core-sets' tests with all of the compiler's optimisations.
check-slow: $(READY)
	$(RUN) -m pytest -m slow --durations=10
	XLA_FLAGS= $(RUN) -m pytest tests/coreset

# The tests with the lowest versions that setup.cfg allows.
check-lowest: $(LOWEST)
	$(LOWEST_VENV)/bin/python -m pytest --numprocesses=3 --dist=loadfile \
	  --no-loadscope-reorder

$(LOWEST): setup.cfg
	$(PYTHON) -m venv $(LOWEST_VENV)
	sed -nE 's/^ +([A-Za-z_-]+)>=([0-9.]+).*/\1==\2/p' setup.cfg > $@.partial
	$(LOWEST_VENV)/bin/pip install --quiet --disable-pip-version-check \
	  --constraint=$@.partial -e '.[test]'
	@mv $@.partial $@

$(READY): setup.cfg pyproject.toml
	@echo "== Making an environment in $(VENV) (once; a few minutes)"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $(READY)

clean:
	rm -rf $(VENV) $(TPU_VENV) $(LOWEST_VENV) build *.egg-info

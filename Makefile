# Two commands: `make demo` and `make test`. Both set up a virtual environment in .venv first, once.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
LOCK := $(shell command -v flock >/dev/null && echo flock .venv.lock) # two set-ups at once: the second waits

.PHONY: demo test setup benchmark soak clean

demo: setup
	$(RUN) scripts/demo.py

test: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder

benchmark: setup
	$(RUN) scripts/benchmark.py neuron
	$(RUN) scripts/benchmark.py checker
	$(RUN) scripts/benchmark.py train
	$(RUN) scripts/benchmark.py sweep

# False alarms over random right subjects, and runs that are killed: about half an hour. Samples are among the tests.
soak: setup
	$(RUN) -m parity_tests.soak --dtype float64 --count 2000
	$(RUN) -m parity_tests.soak --dtype float32 --count 2000
	$(RUN) -m parity_tests.soak --dtype bfloat16 --count 1000
	$(RUN) -m parity_tests.kills --backend scratch --count 100
	$(RUN) -m parity_tests.kills --backend torch --count 100

setup:
	@test -x $(RUN) || rm -f $(READY)
	@$(LOCK) $(MAKE) --no-print-directory $(READY)

# The stamp is written last, so an interrupted set-up is repaired by the next call.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "handgrad needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' || \
		{ echo "handgrad: set-up failed while installing packages (see above; is there a network?); run the same command again" >&2; exit 1; }
	touch $@

clean:
	rm -rf $(VENV) .venv.lock out

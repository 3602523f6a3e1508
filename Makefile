# make demo   everything from raw data to a trained model, offline
# make test   the fast tests          make check   style, types, layers, known weaknesses
# make fuzz N=100000   mutated inputs for every reader      make mutation   how many faults tests find
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: demo test slow readers check audit lock fuzz mutation fmt bench bench-scale reference clean
N ?= 2000

$(VENV)/demo.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt -e '.[pdf,train]'
	touch $@

$(VENV)/dev.done: pyproject.toml $(VENV)/demo.done
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/demo.done
	$(BIN)/cauldron demo -o demo-work

test: $(VENV)/dev.done
	$(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadfile

slow: $(VENV)/dev.done
	$(BIN)/python -m pytest -m slow

readers: $(VENV)/dev.done
	$(PIP) --no-deps --upgrade --target $(VENV)/readers -r tests/publish/readers.txt
	PYTHONPATH=$(VENV)/readers $(BIN)/python -m pytest tests/publish/test_export.py -k 'streaming or energon'

check: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/audit.py

audit: $(VENV)/dev.done
	AUDIT=strict $(BIN)/python tools/audit.py

lock:
	sed 's/+cpu//' constraints.txt > .lock.txt
	uv pip compile pyproject.toml --extra dev -c .lock.txt --generate-hashes --no-header \
		--no-annotate --python-version 3.11 -o requirements.lock; rm .lock.txt

fuzz: $(VENV)/dev.done
	$(BIN)/python -m tests.fuzz.run --inputs $(N)

mutation: $(VENV)/dev.done
	$(BIN)/python tools/mutation.py

fmt: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.done
	$(BIN)/python benchmarks/ingest.py

bench-scale: $(VENV)/dev.done
	$(BIN)/python benchmarks/scale.py

reference: $(VENV)/dev.done
	$(BIN)/python -m typer cauldron.cli.main utils docs --name cauldron > docs/reference.md

clean:
	rm -rf $(VENV) demo-work

# make demo   everything from raw data to a trained model, offline
# make test   the fast tests          make check   style, types, layers
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: demo test slow readers check fmt bench reference clean

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
	$(BIN)/python -m pytest -m 'not slow'

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

fmt: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.done
	$(BIN)/python benchmarks/ingest.py

reference: $(VENV)/dev.done
	$(BIN)/python -m typer cauldron.cli.main utils docs --name cauldron > docs/reference.md

clean:
	rm -rf $(VENV) demo-work

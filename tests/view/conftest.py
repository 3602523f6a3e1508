"""A served work folder with hostile texts in it, and a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cauldron import curation, steps
from cauldron.curate.rules import Rules
from cauldron.engine.local import LocalEngine
from cauldron.filtering import filter_samples
from cauldron.sources.own import described
from tests.mixtures import discs

PAYLOAD = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@dataclass(frozen=True)
class Served:
    """A viewer that runs: its address and its work folder."""

    url: str
    work: Path


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty samples of a described source; one in ten is dropped by a rule."""
    folder = tmp_path_factory.mktemp("view")
    rng = np.random.default_rng(0)
    with (folder / "items.jsonl").open("w") as lines:
        for number in range(30):
            (folder / f"{number}.png").write_bytes(discs(rng, number % 6 + 1))
            answer = "x" if number % 10 == 9 else f"{number} discs, and some more words"
            record = {"id": f"n{number}{'<b>' if number == 3 else ''}", "image": f"{number}.png"}
            record |= {"q": PAYLOAD if number == 3 else f"How many? ({number})", "a": answer}
            lines.write(json.dumps(record) + "\n")
    (folder / "own.yaml").write_text(
        "name: discs\nimages: '{image}'\nkey: '{id}'\nturns: [{user: '{q}', assistant: '{a}'}]\n"
    )
    name, form = described(str(folder / "own.yaml"))
    place = str(folder / "work")
    rules: Any = {"rules": [{"name": "answer_short", "signal": "answer_chars", "min": 2}]}
    with LocalEngine(0) as engine:
        steps.ingest(engine, place, name, [str(folder)], form=form)
        curation.measure(engine, place)
        filter_samples(engine, place, Rules.model_validate(rules, context={}))
    return folder / "work"


@pytest.fixture
def served(work: Path) -> Iterator[Served]:
    pytest.importorskip("starlette", reason="needs cauldron[view]")
    command = [sys.executable, "-m", "cauldron", "view", str(work), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = next(line.split()[0] for line in server.stderr if line.startswith("http"))
        yield Served(url.rstrip("/"), work)
        server.terminate()

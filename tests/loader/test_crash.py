"""Stopped anywhere, killed outright too, and resumed on other ranks and workers: one order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cauldron.loader.dataset import PackedBatches, Packing, PlainBatches
from cauldron.loader.pictures import Fit
from cauldron.loader.tokens import Encoder, train_tokenizer
from tests.mixtures import chat, written

ENCODER = Encoder(train_tokenizer(["yes no how many"], 280), image_tokens=4)
RANKS = st.sampled_from([1, 2, 3])

CHILD = """
import json, sys, warnings
from torch.utils.data import DataLoader
from tests.loader.test_crash import stream
warnings.simplefilter("ignore")
url, world_size, workers, state = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ranks = [stream("packed", url, json.loads(state), r, world_size) for r in range(world_size)]
loaders = [iter(DataLoader(data, None, num_workers=workers)) for data in ranks]
while True:
    parts = [next(loader) for loader in loaders]
    drawn = [p for part in parts for p in part.drawn.tolist()]
    print(json.dumps({"drawn": drawn, "state": parts[0].state}), flush=True)
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A mixture of two sources of texts, one much larger."""
    few, many = (
        [chat(("how many", "yes " * (1 + n * 7 % 23))) for n in range(count)] for count in (17, 90)
    )
    folder = tmp_path_factory.mktemp("texts")
    return written(folder, {"few": few, "many": many}, weights={"few": 0.4, "many": 0.6})


def stream(
    kind: str, url: str, state: dict[str, Any], rank: int = 0, world_size: int = 1, ahead: int = 2
) -> Any:
    split = {"rank": rank, "world_size": world_size, "ahead": ahead}
    packing = Packing(length=96, rows=6, fit=Fit(longest=32), long="split")
    data = PackedBatches(url, ENCODER, packing, **split) if kind == "packed" else None
    data = data or PlainBatches(url, 6, **split)
    data.load_state_dict(state)
    return data


def drawn(batch: Any) -> list[int]:
    return batch.drawn.tolist() if hasattr(batch, "ids") else [d.position for d in batch.drawn]


@pytest.mark.parametrize("kind", ["packed", "plain"])
@given(stretches=st.lists(st.tuples(st.integers(1, 4), RANKS), min_size=2, max_size=3))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_stretches_on_any_ranks_make_one_order(
    texts: str, kind: str, stretches: list[tuple[int, int]]
) -> None:
    steps = sum(count for count, _ in stretches)
    whole = [drawn(batch) for batch in islice(stream(kind, texts, {}, ahead=0), steps)]
    found: list[list[int]] = []
    state: dict[str, Any] = {}
    for count, world_size in stretches:
        ranks = [iter(stream(kind, texts, state, r, world_size, 0)) for r in range(world_size)]
        for _ in range(count):
            parts = [next(rank) for rank in ranks]
            found.append([p for part in parts for p in drawn(part)])
        assert all(part.state == parts[0].state for part in parts)
        state = json.loads(json.dumps(parts[0].state))
    assert found == whole


def until_killed(url: str, world_size: int, workers: int, state: Any, steps: int) -> Iterator[Any]:
    """Yield the steps that a process reports, and kill it while it makes the next."""
    arguments = [url, str(world_size), str(workers), json.dumps(state)]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    with child, child.stdout:
        yield from (json.loads(child.stdout.readline()) for _ in range(steps))
        os.killpg(child.pid, signal.SIGKILL)


def test_a_killed_run_goes_on_exactly_with_other_ranks_and_workers(texts: str) -> None:
    whole = [drawn(batch) for batch in islice(stream("packed", texts, {}), 6)]
    found: list[Any] = []
    for world_size, workers, steps in ((1, 0, 3), (2, 2, 3)):
        state = found[-1]["state"] if found else {}
        found += until_killed(texts, world_size, workers, state, steps)
    assert [step["drawn"] for step in found] == whole


def test_two_epochs_show_every_sample_the_promised_number_of_times(tmp_path: Path) -> None:
    samples = [chat(("how many", f"yes {n}")) for n in range(40)]
    url = written(tmp_path, {"a": samples, "b": samples[:20]})
    seen: dict[str, int] = {}
    for batch in islice(stream("plain", url, {}), 2 * 60 // 6):
        for it in batch.drawn:
            seen[it.sample["id"]] = seen.get(it.sample["id"], 0) + 1
    assert len(seen) == 60 and set(seen.values()) == {2}

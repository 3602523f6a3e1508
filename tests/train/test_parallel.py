"""Two processes over gloo: copies and shards of the weights learn as one process does."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cauldron.train.parallel import whole_weights
from cauldron.train.settings import TrainSettings
from tests.train.runs import changed, trainer

ROWS: dict[str, Any] = {"rows": 4, "steps": 4, "checkpoint_every": 2, "neftune": 0.0}
KINDS: dict[str, dict[str, Any]] = {
    "ddp": {"parallel": "ddp"},
    "fsdp": {"parallel": "fsdp"},
    "fsdp_micro": {"parallel": "fsdp", "micro_rows": 1},
    "fsdp_lora": {
        "parallel": "fsdp",
        "train": {
            "vision": "frozen", "language": {"mode": "dora", "dropout": 0.0}, "head": "frozen",
            "new_embeddings": "full",
        },
    },
    "fsdp_cross": {"parallel": "fsdp", "cross": True},
    "ddp_cross": {"parallel": "ddp", "cross": True},
}  # fmt: skip
SCRIPT = """
import sys, json
from pathlib import Path
import torch
from cauldron.train.parallel import join, leave, whole_weights
from cauldron.train.settings import TrainSettings
from tests.train.runs import trainer
torch.set_num_threads(1)
ranks, place = join(), Path(sys.argv[2])
for kind, settings in json.loads(sys.argv[3]).items():
    run = trainer(sys.argv[1], TrainSettings.model_validate(settings), place / kind, ranks=ranks)
    run.run()
    weights = whole_weights(run.model, keep=True)
    if ranks.first:
        torch.save(weights, place / f"{kind}.pt")
leave()
"""


def settings_of(settings: TrainSettings, kind: str) -> TrainSettings:
    """Return the settings of a kind; with `cross`, pictures stand beside the sequence."""
    chosen = dict(KINDS[kind])
    model = settings.model.model_dump()
    if chosen.pop("cross", False):
        model |= {"architecture": "cross_attention", "text": {"model_type": "llama"}}
    return changed(settings, **ROWS, **chosen, model=model)


@pytest.fixture(scope="module")
def both(manifest: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of training, run by two processes."""
    from tests.train.conftest import SMALL

    place = tmp_path_factory.mktemp("two")
    base = TrainSettings.model_validate(SMALL)
    told = {kind: settings_of(base, kind).model_dump(mode="json") for kind in KINDS}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SCRIPT, manifest, str(place), json.dumps(told)],
            cwd=Path(__file__).parents[2],
            env={
                "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port, "OMP_WAIT_POLICY": "PASSIVE", "PATH": "/usr/bin:/bin",
            },
        )
        for rank in range(2)
    ]  # fmt: skip
    for process in processes:
        assert process.wait(timeout=240) == 0
    return place


def losses(place: Path) -> list[float]:
    """Return the losses of a log."""
    return [json.loads(line)["loss"] for line in (place / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_learn_as_one_does(
    kind: str, both: Path, manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    alone = trainer(manifest, settings_of(settings, kind), tmp_path)
    alone.run()
    assert losses(both / kind) == pytest.approx(losses(tmp_path), abs=1e-5)
    theirs = torch.load(both / f"{kind}.pt")
    for name, weight in whole_weights(alone.model, keep=True).items():
        assert (weight - theirs[name]).abs().max() < 2e-4, name


def test_one_process_goes_on_from_the_shards_of_two(
    both: Path, manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    (tmp_path / "states").symlink_to(both / "fsdp" / "states")
    (tmp_path / "log.jsonl").write_bytes((both / "fsdp" / "log.jsonl").read_bytes())
    alone = trainer(manifest, settings_of(settings, "fsdp"), tmp_path)
    alone.run()
    assert alone.step == 4
    assert losses(tmp_path) == pytest.approx(losses(both / "fsdp"), abs=1e-5)

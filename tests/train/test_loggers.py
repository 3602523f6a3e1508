"""Loggers besides log.jsonl: they get the numbers of a step, or the user hears what to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from cauldron.errors import UsageError
from cauldron.train.journal import Journal

ENTRY: dict[str, Any] = {"stage": "train", "step": 1, "loss": 2.5, "by_source": {"vqarad": 2.0}}


def test_tensorboard_gets_the_numbers_of_a_step(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    journal = Journal(str(tmp_path), loggers=["tensorboard"])
    journal.add(dict(ENTRY))
    journal.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {"loss", "step", "loss/vqarad"} <= set(events.Tags()["scalars"])
    assert events.Scalars("loss")[0].value == 2.5


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_logger_that_is_not_installed_says_what_to_do(name: Any, tmp_path: Path) -> None:
    if importlib.util.find_spec(name):
        pytest.skip(f"{name} is installed")
    with pytest.raises(UsageError, match=name) as raised:
        Journal(str(tmp_path), loggers=[name])
    assert raised.value.hint == f"pip install {name}"

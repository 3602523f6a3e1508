"""Trainers of small models on a small mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cauldron.loader.samples import Samples
from cauldron.loader.tokens import OURS, train_tokenizer, training_texts
from cauldron.model import folder
from cauldron.model.build import quiet
from cauldron.train.journal import Journal
from cauldron.train.loop import Run, Trainer
from cauldron.train.parallel import Ranks
from cauldron.train.run import _trainer
from cauldron.train.settings import TrainSettings


def trainer(
    manifest: str,
    settings: TrainSettings,
    place: Path,
    key: str = "k",
    ranks: Ranks | None = None,
    **more: Any,
) -> Trainer:
    """Return a trainer with new weights."""
    with Samples(manifest) as samples, quiet():
        tokenizer = train_tokenizer(training_texts(samples, 0), settings.vocab_size)
        model = folder.new(settings.model, tokenizer, OURS, seed=0)
        journal = Journal(str(place), spike=settings.spike)
        run = Run(
            settings=settings,
            ranks=ranks or Ranks(),
            journal=journal,
            key=key,
            place=str(place),
            seed=0,
            **more,
        )
        return _trainer(model, settings.all_stages[0], manifest, run, {})[0]


def weights(run: Trainer) -> torch.Tensor:
    """Return all weights in one line."""
    return torch.cat([weight.detach().flatten() for weight in run.model.parameters()])


def changed(settings: TrainSettings, **keys: Any) -> TrainSettings:
    """Return settings with some keys changed."""
    return TrainSettings.model_validate({**settings.model_dump(), **keys})

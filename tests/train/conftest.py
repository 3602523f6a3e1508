"""A small mixture and settings that train in a moment."""

from __future__ import annotations

import pytest

from cauldron.train.settings import TrainSettings
from tests.mixtures import mixture

SMALL = {
    "model": {
        "width": 32, "heads": 2, "vision_layers": 1, "perceiver_layers": 1, "text_layers": 1,
        "latents": 2, "patch": 16, "min_side": 16, "max_side": 96,
    },
    "steps": 6, "batch": 8, "row_tokens": 128, "vocab_size": 300, "threads": 1, "warmup_steps": 2,
}  # fmt: skip


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A mixture of counting and colour questions."""
    place = tmp_path_factory.mktemp("mixture")
    return str(mixture(place, counting=60, colours=60, weights={"vqarad": 0.6, "docvqa": 0.4}))


@pytest.fixture
def settings() -> TrainSettings:
    """Six steps of a model with a width of 32."""
    return TrainSettings.model_validate(SMALL)

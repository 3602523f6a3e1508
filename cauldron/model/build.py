"""A small Idefics2 from scratch: the classes of `transformers`, our initial weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from transformers import Idefics2Config, Idefics2ForConditionalGeneration
from transformers.utils import logging

from cauldron.loader.tokens import IMAGE_ID, PAD_ID, START_ID, STOP_ID
from cauldron.model.settings import ModelSettings
from cauldron.sample import content_hash

MAX_POSITIONS = 32_768


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep `transformers` from writing notes and progress bars within a block."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def config_of(settings: ModelSettings, vocab_size: int) -> Any:
    """Return the configuration of a model of this size."""
    width, heads = settings.width, settings.heads
    return Idefics2Config(
        image_token_id=IMAGE_ID,
        tie_word_embeddings=False,
        vision_config={
            "hidden_size": width,
            "intermediate_size": settings.mlp_ratio * width,
            "num_hidden_layers": settings.vision_layers,
            "num_attention_heads": heads,
            "image_size": settings.max_side,
            "patch_size": settings.patch,
        },
        perceiver_config={
            "hidden_size": width,
            "rms_norm_eps": 1e-5,
            "resampler_n_latents": settings.latents,
            "resampler_depth": settings.perceiver_layers,
            "resampler_n_heads": heads,
            "resampler_head_dim": width // heads,
            "num_key_value_heads": heads,
        },
        text_config={
            "model_type": "mistral",
            "vocab_size": vocab_size,
            "hidden_size": width,
            "intermediate_size": settings.mlp_ratio * width,
            "num_hidden_layers": settings.text_layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "head_dim": width // heads,
            "max_position_embeddings": MAX_POSITIONS,
            "rms_norm_eps": 1e-5,
            "sliding_window": None,
            "bos_token_id": START_ID,
            "eos_token_id": STOP_ID,
            "pad_token_id": PAD_ID,
        },
    )


def build(settings: ModelSettings, vocab_size: int, seed: int) -> Any:
    """Return a model with initial weights that depend on the seed and the names of the weights."""
    model = Idefics2ForConditionalGeneration(config_of(settings, vocab_size))
    initialize(model, seed)
    return model


@torch.no_grad()
def initialize(model: Any, seed: int) -> None:
    """Draw all weights anew: matrices from N(0, 1 / fan_in), so that small widths learn.

    The stock deviation of 0.02 is far too small for them. Vectors keep their start (norms at one,
    biases at zero). The latents of the perceiver, all ones in `transformers`, are drawn from
    N(0, 1 / width), as the authors of Idefics2 did; equal latents would all read the same.
    """
    for name, weight in model.named_parameters():
        if weight.ndim < 2:
            continue
        generator = torch.Generator().manual_seed(content_hash(seed, "weights", name) >> 1)
        fan_in = math.prod(weight.shape[1:])
        drawn = torch.randn(weight.shape, generator=generator) / math.sqrt(fan_in)
        weight.copy_(drawn)

"""A model from its settings: the classes of `transformers` where they can express it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from transformers import AutoConfig, Idefics2Config, Idefics2ForConditionalGeneration
from transformers.utils import logging

from cauldron.loader.tokens import OURS, Marks
from cauldron.model.composed import ComposedConfig, ComposedForConditionalGeneration
from cauldron.model.settings import ModelSettings
from cauldron.sample import content_hash

MAX_POSITIONS = 32_768
SIGLIP = ("idefics2_vision", "siglip_vision_model")
"""One tower under two names; Idefics2's takes any aspect ratio."""
_TOWER = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "patch_size",
    "hidden_act", "layer_norm_eps",
)  # fmt: skip


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


def config_of(settings: ModelSettings, vocab_size: int, marks: Marks = OURS) -> Any:
    """Return the configuration of a model of this size.

    Args:
        settings: with configurations, not names, of backbones (`backbones.settled`).
        vocab_size: entries of the tokenizer.
    """
    vision, text = _vision(settings), _text(settings, vocab_size, marks)
    width = text.hidden_size
    shared = {
        "image_token_id": marks.image,
        "tie_word_embeddings": bool(text.tie_word_embeddings),
        "vision_config": vision,
        "perceiver_config": {
            "hidden_size": width,
            "rms_norm_eps": 1e-5,
            "resampler_n_latents": settings.latents,
            "resampler_depth": settings.perceiver_layers,
            "resampler_n_heads": settings.heads,
            "resampler_head_dim": max(width // settings.heads, 1),
            "num_key_value_heads": settings.heads,
            **settings.perceiver,
        },
        "text_config": text,
    }
    if is_idefics2(settings):
        return Idefics2Config(**shared)
    every = settings.cross_every if settings.beside else 0
    return ComposedConfig(
        **shared, connector=settings.connector, shuffle=settings.shuffle, cross_every=every
    )


def is_idefics2(settings: ModelSettings) -> bool:
    """Say whether the stock Idefics2 classes express a model."""
    kind = settings.vision.get("model_type", SIGLIP[0]) if isinstance(settings.vision, dict) else ""
    return kind in SIGLIP and settings.connector == "perceiver" and not settings.beside


def build(settings: ModelSettings, vocab_size: int, seed: int, marks: Marks = OURS) -> Any:
    """Return a model with initial weights that depend on the seed and the names of the weights."""
    model = empty(settings, vocab_size, marks)
    initialize(model, seed)
    return model


def empty(settings: ModelSettings, vocab_size: int, marks: Marks = OURS) -> Any:
    """Return a model whose weights have no meaning yet."""
    config = config_of(settings, vocab_size, marks)
    if isinstance(config, Idefics2Config):
        return Idefics2ForConditionalGeneration(config)
    return ComposedForConditionalGeneration(config)


@torch.no_grad()
def initialize(model: Any, seed: int) -> None:
    """Draw all weights anew: matrices from N(0, 1 / fan_in), so that small widths learn.

    The stock deviation of 0.02 is far too small for them. Vectors keep their start (norms at one,
    biases and gates at zero). The latents of the perceiver, all ones in `transformers`, are drawn
    from N(0, 1 / width), as the authors of Idefics2 did; equal latents would all read the same.
    """
    for name, weight in model.named_parameters():
        if weight.ndim < 2:
            continue
        generator = torch.Generator().manual_seed(content_hash(seed, "weights", name) >> 1)
        fan_in = math.prod(weight.shape[1:])
        drawn = torch.randn(weight.shape, generator=generator) / math.sqrt(fan_in)
        weight.copy_(drawn)


def _vision(settings: ModelSettings) -> Any:
    given = dict(settings.vision) if isinstance(settings.vision, dict) else {}
    kind = given.pop("model_type", SIGLIP[0])
    sizes = {
        "hidden_size": settings.width,
        "intermediate_size": settings.mlp_ratio * settings.width,
        "num_hidden_layers": settings.vision_layers,
        "num_attention_heads": settings.heads,
        "patch_size": settings.patch,
    }
    if kind in SIGLIP:
        own = {name: given[name] for name in _TOWER if name in given}
        kind, given = SIGLIP[0], {**own, "image_size": settings.max_side}
    return AutoConfig.for_model(kind, **{**sizes, "image_size": settings.max_side, **given})


def _text(settings: ModelSettings, vocab_size: int, marks: Marks) -> Any:
    given = dict(settings.text) if isinstance(settings.text, dict) else {}
    kind = given.pop("model_type", "mistral")
    sizes = {
        "hidden_size": settings.width,
        "intermediate_size": settings.mlp_ratio * settings.width,
        "num_hidden_layers": settings.text_layers,
        "num_attention_heads": settings.heads,
        "num_key_value_heads": settings.heads,
        "head_dim": settings.width // settings.heads,
        "max_position_embeddings": MAX_POSITIONS,
        "rms_norm_eps": 1e-5,
        "sliding_window": None,
        "tie_word_embeddings": False,
    }
    known = {} if "hidden_size" in given else sizes
    ids = {"bos_token_id": marks.start, "eos_token_id": marks.stop, "pad_token_id": marks.pad}
    plain = {k: sizes[k] for k in ("max_position_embeddings", "rms_norm_eps", "sliding_window")}
    plain["tie_word_embeddings"] = False
    return AutoConfig.for_model(
        kind, **{**plain, **known, **given, **ids, "vocab_size": vocab_size}
    )

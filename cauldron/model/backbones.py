"""Pretrained parts by folder or hub name: their configuration, weights and tokenizer."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

from cauldron.errors import StorageError
from cauldron.loader.tokens import END, FAKE, IMAGE, Marks
from cauldron.model.build import SIGLIP
from cauldron.model.settings import ModelSettings

_OF_A_FILE = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")
_OF_A_VOCABULARY = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")
_POOLING = ("head.", "pooler.")


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """Turn what `transformers` raises about a name into an error that says what to do.

    Raises:
        StorageError: if there is no such folder, or the hub does not answer.
    """
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        if Path(name).is_dir():
            raise StorageError(f"cannot read the model: {error}", place=name) from error
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StorageError(
            f"no folder here and nothing from the hub under this name: {first}",
            place=name,
            hint=f"where there is a network: hf download {name} --local-dir FOLDER; "
            "then give the folder",
        ) from error


def settled(settings: ModelSettings) -> ModelSettings:
    """Return settings with the configuration of each backbone in place of its name.

    Raises:
        StorageError: if a backbone cannot be read.
    """
    changes: dict[str, Any] = {}
    if isinstance(settings.vision, str):
        vision = configuration(settings.vision, "vision_config")
        changes |= {"vision": vision, "patch": vision.get("patch_size", settings.patch)}
    if isinstance(settings.text, str):
        changes["text"] = configuration(settings.text, "text_config", _OF_A_VOCABULARY)
    return ModelSettings.model_validate(settings.model_dump() | changes) if changes else settings


def configuration(name: str, part: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the configuration of a model, or of a part of it, as plain values."""
    with named(name):
        whole = AutoConfig.from_pretrained(name)
    found = getattr(whole, part, whole)
    values: dict[str, Any] = json.loads(found.to_json_string(use_diff=False))
    return {k: v for k, v in values.items() if k not in (*_OF_A_FILE, *without)}


def read_tokenizer(name: str) -> tuple[Tokenizer, Marks]:
    """Return a pretrained tokenizer with the marks of Idefics2 added where it has none."""
    with named(name):
        fast = AutoTokenizer.from_pretrained(name)
    tokenizer: Tokenizer = fast.backend_tokenizer
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in (FAKE, IMAGE, END)]
    )
    stop = fast.eos_token_id
    start = fast.bos_token_id if fast.bos_token_id is not None else stop
    pads = (fast.pad_token_id, fast.unk_token_id, stop)
    entries: dict[str, int] = tokenizer.get_vocab()
    return tokenizer, Marks(
        pad=next(number for number in pads if number is not None),
        start=start,
        stop=stop,
        fake=entries[FAKE],
        image=entries[IMAGE],
        end=entries[END],
    )


def load_parts(model: Any, settings: ModelSettings) -> None:
    """Put the weights of the named backbones into a model that was built for them.

    Args:
        settings: with their names.

    Raises:
        StorageError: if one cannot be read or does not fit.
    """
    if isinstance(settings.vision, str):
        with named(settings.vision):
            source = AutoModel.from_pretrained(settings.vision, dtype=torch.float32)
        _load_vision(model, getattr(source, "vision_model", source), settings.vision)
    if isinstance(settings.text, str):
        with named(settings.text):
            source = AutoModelForCausalLM.from_pretrained(settings.text, dtype=torch.float32)
        _load_text(model, source, settings.text)


def _load_vision(model: Any, source: Any, name: str) -> None:
    tower = model.model.vision_model
    weights = {k: v for k, v in source.state_dict().items() if not k.startswith(_POOLING)}
    if source.config.model_type in SIGLIP:
        key = "embeddings.position_embedding.weight"
        weights[key] = enlarged(weights[key], len(tower.embeddings.position_embedding.weight))
    _fill(tower, weights, name)


def enlarged(table: torch.Tensor, number: int) -> torch.Tensor:
    """Return a table of positions for another square of patches, [number, W], by bicubic curves."""
    if len(table) == number:
        return table
    before, after = round(len(table) ** 0.5), round(number**0.5)
    square = table.T.reshape(1, -1, before, before)
    resized = torch.nn.functional.interpolate(
        square, size=(after, after), mode="bicubic", align_corners=False
    )
    return resized.flatten(2)[0].T


def _load_text(model: Any, source: Any, name: str) -> None:
    text = model.model.text_model
    weights = source.base_model.state_dict()
    if any(key.startswith("layers.0.layer.") for key in text.state_dict()):
        weights = {re.sub(r"^(layers\.\d+)", r"\1.layer", k): v for k, v in weights.items()}
    table = weights.pop("embed_tokens.weight")
    _fill(text, weights, name, but="embed_tokens.weight")
    _rows(model.get_input_embeddings().weight, table)
    if not source.config.tie_word_embeddings:
        _rows(model.lm_head.weight, source.lm_head.weight)


def _fill(part: Any, weights: dict[str, torch.Tensor], name: str, but: str = "") -> None:
    """Load weights into a part that may have gated blocks besides."""
    try:
        missing, extra = part.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise StorageError(f"does not fit its configuration: {error}", place=name) from error
    lacking = [key for key in missing if key != but and ".gated." not in key]
    if lacking or extra:
        raise StorageError(f"misses weights {lacking[:3]}, has others {extra[:3]}", place=name)


@torch.no_grad()
def _rows(table: Any, known: torch.Tensor) -> None:
    """Copy the rows of a vocabulary; those of new tokens begin at the mean."""
    number = min(len(known), len(table))
    table[:number] = known[:number]
    table[number:] = known.mean(0)

"""A model as a folder that `transformers` opens: weights, configuration, processor, template."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    GenerationConfig,
    Idefics2ForConditionalGeneration,
    Idefics2Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

from cauldron.errors import StorageError
from cauldron.loader.tokens import CHAT_TEMPLATE, END, FAKE, IMAGE, OURS, Encoder, Marks
from cauldron.model.backbones import load_parts, named, read_tokenizer, settled
from cauldron.model.build import build, quiet
from cauldron.model.composed import ComposedConfig, ComposedForConditionalGeneration
from cauldron.model.settings import ModelSettings
from cauldron.storage import files

ABOUT = "cauldron.json"
WEIGHTS = "model.safetensors"

ComposedConfig.register_for_auto_class()
ComposedForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model that was read back or is about to be trained.

    Args:
        tokenizer: as in `encoder`, to be saved again.
        about: what was written beside it: settings, and how it was trained.
    """

    model: Any
    encoder: Encoder
    tokenizer: Tokenizer
    settings: ModelSettings
    about: Mapping[str, Any]


def save(
    folder: str,
    model: Any,
    tokenizer: Tokenizer,
    settings: ModelSettings,
    about: Mapping[str, Any],
    marks: Marks = OURS,
) -> None:
    """Write a model, its processor and a note about both; the note is written last.

    Raises:
        StorageError: if the folder cannot be written.
    """
    note = {**about, "model": settings.model_dump(mode="json")}
    with files.beside(folder) as temporary, quiet():
        model.generation_config = _generation(marks)
        try:
            model.save_pretrained(temporary)
            processor(tokenizer, settings, marks).save_pretrained(temporary)
        except Exception as error:  # the libraries that write raise what they like
            raise StorageError(f"cannot write: {error}", place=folder) from error
        for name in files.find_files(str(temporary)):
            files.bring(temporary / name, files.join(folder, name))
    files.write_json(files.join(folder, ABOUT), note)


def _generation(marks: Marks) -> GenerationConfig:
    return GenerationConfig(
        bos_token_id=marks.start, eos_token_id=[marks.end, marks.stop], pad_token_id=marks.pad
    )


def processor(tokenizer: Tokenizer, settings: ModelSettings, marks: Marks = OURS) -> Any:
    """Return the processor of `transformers` that makes the inputs this model was trained on."""
    start, stop, pad = (tokenizer.id_to_token(n) for n in (marks.start, marks.stop, marks.pad))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=stop,
        unk_token=pad,
        pad_token=pad,
        extra_special_tokens=[FAKE, IMAGE, END],
        clean_up_tokenization_spaces=False,
    )
    images = Idefics2ImageProcessorPil(
        size={"shortest_edge": settings.min_side, "longest_edge": settings.max_side},
        do_image_splitting=settings.split,
    )
    return Idefics2Processor(
        images, fast, image_seq_len=settings.image_tokens, chat_template=CHAT_TEMPLATE
    )


def new(settings: ModelSettings, tokenizer: Tokenizer, marks: Marks, seed: int) -> Checkpoint:
    """Build a model, with the weights of its named backbones where it has any.

    Raises:
        StorageError: if a backbone cannot be read.
    """
    with quiet():
        known = settled(settings)
        model = build(known, tokenizer.get_vocab_size(), seed, marks)
        load_parts(model, settings)
    return _checkpoint(model, tokenizer, marks, known, {})


def load(folder: str) -> Checkpoint:
    """Read a model folder that `save` wrote.

    Raises:
        StorageError: if it is not one.
    """
    about = read_about(folder)
    settings = ModelSettings(**about["model"])
    with _local(folder) as path, quiet():
        try:
            model = _opened(str(path))
            tokenizer, marks = read_tokenizer(str(path))
        except Exception as error:  # whatever a damaged file makes the two libraries raise
            raise StorageError(f"cannot read the model: {error}", place=folder) from error
    return _checkpoint(model.eval(), tokenizer, marks, settings, about)


def start(name: str) -> Checkpoint:
    """Read a model to go on from: a folder that `save` wrote, or any Idefics2 by folder or name.

    Tokens that the tokenizer has and the embeddings lack, as `<end_of_utterance>` of
    idefics2-8b-base, get rows.

    Raises:
        StorageError: if there is none, or it is of another kind.
    """
    if files.exists(files.join(name, ABOUT)):
        return load(name)
    with quiet():
        with named(name):
            config = AutoConfig.from_pretrained(name)
        if config.model_type != "idefics2":
            raise StorageError(
                f"a model of type '{config.model_type}', not idefics2", place=name,
                hint="name it under model.text or model.vision to take it as a backbone",
            )  # fmt: skip
        with named(name):
            model = _opened(name)
            shown = Idefics2ImageProcessorPil.from_pretrained(name).size
        tokenizer, marks = read_tokenizer(name)
        entries = tokenizer.get_vocab_size()
        if entries > model.get_input_embeddings().weight.shape[0]:
            model.resize_token_embeddings(entries, mean_resizing=False)
    sides = {"min_side": shown["shortest_edge"], "max_side": shown["longest_edge"]}
    return _checkpoint(model, tokenizer, marks, _settings_of(model.config, sides), {})


def _settings_of(config: Any, sides: Mapping[str, int]) -> ModelSettings:
    vision, text, perceiver = (
        {k: v for k, v in part.to_dict().items() if k not in ("_name_or_path", "dtype")}
        for part in (config.vision_config, config.text_config, config.perceiver_config)
    )
    perceiver = {k: v for k, v in perceiver.items() if k.startswith(("resampler", "num_key"))}
    side = config.vision_config.image_size
    return ModelSettings(
        vision=vision,
        text={k: v for k, v in text.items() if not k.endswith("_token_id") and k != "vocab_size"},
        perceiver=perceiver,
        latents=config.perceiver_config.resampler_n_latents,
        patch=config.vision_config.patch_size,
        min_side=min(sides["min_side"], side),
        max_side=side,
    )


def _opened(path: str) -> Any:
    kinds = {"idefics2": Idefics2ForConditionalGeneration}
    kind = AutoConfig.from_pretrained(path).model_type
    found = kinds.get(kind, ComposedForConditionalGeneration)
    return found.from_pretrained(path, dtype=torch.float32)


def _checkpoint(
    model: Any,
    tokenizer: Tokenizer,
    marks: Marks,
    settings: ModelSettings,
    about: Mapping[str, Any],
) -> Checkpoint:
    encoder = Encoder(tokenizer, settings.image_tokens, marks)
    model.generation_config = _generation(marks)
    return Checkpoint(
        model=model, encoder=encoder, tokenizer=tokenizer, settings=settings, about=about
    )


def read_about(folder: str) -> dict[str, Any]:
    """Read the note beside a model.

    Raises:
        StorageError: if there is none.
    """
    if not files.exists(files.join(folder, ABOUT)):
        raise StorageError(
            f"not a trained model: no {ABOUT}", place=folder, hint="cauldron train RECIPE"
        )
    about: dict[str, Any] = files.read_json(files.join(folder, ABOUT))
    return about


@contextmanager
def _local(folder: str) -> Iterator[Path]:
    """Give a folder of this machine; one from elsewhere is copied for the block."""
    if files.is_local(folder):
        yield files.local_path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="cauldron-model-") as temporary:
        for name in files.find_files(folder):
            copy = Path(temporary) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(files.read_bytes(files.join(folder, name)))
        yield Path(temporary)

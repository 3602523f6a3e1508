"""A trained model as a folder that `transformers` opens: weights, configuration, processor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import (
    GenerationConfig,
    Idefics2ForConditionalGeneration,
    Idefics2Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

from cauldron.errors import StorageError
from cauldron.loader.tokens import (
    CHAT_TEMPLATE,
    END,
    END_ID,
    FAKE,
    IMAGE,
    PAD,
    PAD_ID,
    START,
    START_ID,
    STOP,
    STOP_ID,
    Encoder,
)
from cauldron.model.build import quiet
from cauldron.model.settings import ModelSettings
from cauldron.storage import files

ABOUT = "cauldron.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model that was read back.

    Args:
        about: what was written beside it: settings, and how it was trained.
    """

    model: Any
    encoder: Encoder
    settings: ModelSettings
    about: Mapping[str, Any]


def save(
    folder: str,
    model: Any,
    tokenizer: Tokenizer,
    settings: ModelSettings,
    about: Mapping[str, Any],
) -> None:
    """Write a model, its processor and a note about both; the note is written last."""
    with tempfile.TemporaryDirectory(prefix="cauldron-model-") as temporary, quiet():
        model.generation_config = GenerationConfig(
            bos_token_id=START_ID, eos_token_id=[END_ID, STOP_ID], pad_token_id=PAD_ID
        )
        model.save_pretrained(temporary)
        processor(tokenizer, settings).save_pretrained(temporary)
        for name in files.find_files(temporary):
            payload = (Path(temporary) / name).read_bytes()
            files.write_bytes(files.join(folder, name), payload)
    note = {**about, "model": settings.model_dump(mode="json")}
    files.write_json(files.join(folder, ABOUT), note)


def processor(tokenizer: Tokenizer, settings: ModelSettings) -> Any:
    """Return the processor of `transformers` that makes the inputs this model was trained on."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=STOP,
        unk_token=PAD,
        pad_token=PAD,
        extra_special_tokens=[FAKE, IMAGE, END],
        clean_up_tokenization_spaces=False,
    )
    images = Idefics2ImageProcessorPil(
        size={"shortest_edge": settings.min_side, "longest_edge": settings.max_side},
        do_image_splitting=False,
    )
    return Idefics2Processor(
        images, fast, image_seq_len=settings.latents, chat_template=CHAT_TEMPLATE
    )


def load(folder: str) -> Checkpoint:
    """Read a model folder that `save` wrote.

    Raises:
        StorageError: if it is not one.
    """
    about = read_about(folder)
    settings = ModelSettings(**about["model"])
    with _local(folder) as path, quiet():
        try:
            model = Idefics2ForConditionalGeneration.from_pretrained(path)
            tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        except Exception as error:  # whatever a damaged file makes the two libraries raise
            raise StorageError(f"cannot read the model: {error}", place=folder) from error
    encoder = Encoder(tokenizer, settings.latents)
    return Checkpoint(model=model.eval(), encoder=encoder, settings=settings, about=about)


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

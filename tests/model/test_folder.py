"""Model folders: `transformers` opens them and gets our inputs; what is broken says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import Idefics2ForConditionalGeneration, Idefics2Processor

from cauldron.errors import StorageError
from cauldron.loader.tokens import Encoder, train_tokenizer
from cauldron.model.build import build, quiet
from cauldron.model.folder import load, processor, save
from cauldron.model.forward import decoder_inputs
from cauldron.model.pictures import read_pixels
from cauldron.model.settings import ModelSettings
from tests.conftest import picture

SETTINGS = ModelSettings(width=32, heads=2, text_layers=1, latents=3, min_side=16, max_side=64)
ASKED: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": [
            {"type": "image", "text": None},
            {"type": "image", "text": None},
            {"type": "text", "text": "How many, and\nof what colour?"},
        ],
    }
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """A tokenizer that knows a few words."""
    return train_tokenizer([" How many nodules", "User:", "\nAssistant:"] * 3, 300)


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Any:
    """A model with its initial weights."""
    return build(SETTINGS, tokenizer.get_vocab_size(), seed=0).eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model: Any, tokenizer: Tokenizer) -> Path:
    """The model, saved."""
    path = tmp_path_factory.mktemp("model")
    save(str(path), model, tokenizer, SETTINGS, {"note": 1})
    return path


def test_transformers_opens_the_folder_with_equal_weights(folder: Path, model: Any) -> None:
    with quiet():
        opened, found = Idefics2ForConditionalGeneration.from_pretrained(
            folder, output_loading_info=True
        )
    assert not found["missing_keys"] and not found["unexpected_keys"]
    assert all(
        torch.equal(a, b) for a, b in zip(opened.parameters(), model.parameters(), strict=True)
    )


def test_a_model_read_back_is_the_model_that_was_saved(folder: Path, model: Any) -> None:
    back = load(str(folder))
    assert back.settings == SETTINGS and back.about["note"] == 1
    ours = {name: weight.tolist() for name, weight in model.named_parameters()}
    assert {name: weight.tolist() for name, weight in back.model.named_parameters()} == ours


def test_the_saved_processor_makes_the_tokens_of_our_prompt(
    folder: Path, tokenizer: Tokenizer
) -> None:
    with quiet():
        opened = Idefics2Processor.from_pretrained(folder)
    text = opened.apply_chat_template(ASKED, add_generation_prompt=True)
    shown = Image.open(io.BytesIO(picture()))
    theirs = opened(text=text, images=[[shown, shown]])["input_ids"][0]
    assert theirs == Encoder(tokenizer, SETTINGS.latents).prompt(ASKED).ids.tolist()


@torch.no_grad()
def test_the_stock_path_gives_our_logits(model: Any, tokenizer: Tokenizer) -> None:
    with quiet():
        stock = processor(tokenizer, SETTINGS)
        shown = [Image.open(io.BytesIO(picture(c))) for c in ((200, 30, 30), (0, 90, 200))]
        text = stock.apply_chat_template(ASKED, add_generation_prompt=True)
        theirs = model(**stock(text=text, images=[shown], return_tensors="pt")).logits
    ids = torch.from_numpy(Encoder(tokenizer, SETTINGS.latents).prompt(ASKED).ids)[None]
    pixels = [read_pixels(picture(c), SETTINGS) for c in ((200, 30, 30), (0, 90, 200))]
    ours = model(**decoder_inputs(model, ids, pixels)).logits
    assert (ours - theirs).abs().max() < 1e-5


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not a trained model"):
        load(str(tmp_path))


def test_damaged_weights_name_the_folder(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        payload = file.read_bytes()
        cut = len(payload) // 2 if file.suffix == ".safetensors" else len(payload)
        (tmp_path / file.name).write_bytes(payload[:cut])
    with pytest.raises(StorageError, match="cannot read the model"):
        load(str(tmp_path))

"""Pretrained parts: weights arrive, positions are enlarged, unknown names say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Idefics2ForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from cauldron.errors import StorageError
from cauldron.loader.tokens import Encoder, train_tokenizer
from cauldron.model.backbones import enlarged, read_tokenizer
from cauldron.model.build import build, quiet
from cauldron.model.folder import load, new, processor, save, start
from cauldron.model.settings import ModelSettings
from tests.model.pairs import SMALL, TOKENIZER, settings_of

SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2
}  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SigLIP, a CLIP and a Llama with its tokenizer, saved by transformers."""
    place = tmp_path_factory.mktemp("parts")
    torch.manual_seed(0)
    vision = {**SIZES, "image_size": 32, "patch_size": 8}
    SiglipVisionModel(SiglipVisionConfig(**vision)).save_pretrained(place / "siglip")
    CLIPVisionModel(CLIPVisionConfig(**vision)).save_pretrained(place / "clip")
    plain = train_tokenizer(["three of them"] * 3, 280)
    shape = {**SIZES, "vocab_size": plain.get_vocab_size(), "num_key_value_heads": 1}
    text = LlamaConfig(**shape, tie_word_embeddings=True, rms_norm_eps=1e-4)
    LlamaForCausalLM(text).save_pretrained(place / "llama")
    names = {token: token.replace("fake", "x") for token in ("<fake_token_around_image>",)}
    text_of = plain.to_str().replace(*next(iter(names.items())))
    text_of = text_of.replace("<end_of_utterance>", "<other>").replace('"<image>"', '"<more>"')
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text_of), bos_token="<s>", eos_token="</s>"
    ).save_pretrained(place / "llama")
    return place


@pytest.mark.parametrize("vision", ["siglip", "clip"])
@pytest.mark.parametrize("architecture", ["autoregressive", "cross_attention"])
def test_weights_of_named_backbones_arrive(parts: Path, vision: str, architecture: str) -> None:
    settings = ModelSettings(
        **SMALL | {"vision": str(parts / vision), "text": str(parts / "llama")},
        architecture=architecture,  # type: ignore[arg-type]
    )
    tokenizer, marks = read_tokenizer(str(parts / "llama"))
    entries = marks.fake
    made = new(settings, tokenizer, marks, seed=0)
    weights = made.model.state_dict()
    layer = "layers.1.layer" if architecture == "cross_attention" else "layers.1"
    source: dict[str, Any] = LlamaForCausalLM.from_pretrained(parts / "llama").state_dict()
    name = "mlp.up_proj.weight"
    ours = weights[f"model.text_model.{layer}.{name}"]
    assert torch.equal(ours, source[f"model.layers.1.{name}"])
    assert made.model.config.text_config.rms_norm_eps == 1e-4
    assert tokenizer.get_vocab_size() == len(weights["lm_head.weight"]) == entries + 3
    known = source["model.embed_tokens.weight"]
    assert torch.equal(weights["model.text_model.embed_tokens.weight"][:entries], known)
    assert torch.allclose(weights["lm_head.weight"][marks.image], known.mean(0))
    assert made.encoder.text_ids("<image>") != [marks.image]


def test_a_table_of_positions_is_enlarged_to_the_new_square(parts: Path) -> None:
    settings = ModelSettings(**SMALL | {"vision": str(parts / "siglip")})
    made = new(settings, TOKENIZER, Encoder(TOKENIZER, 1).marks, seed=0)
    table = made.model.model.vision_model.embeddings.position_embedding.weight
    source = SiglipVisionModel.from_pretrained(parts / "siglip").state_dict()
    (known,) = (v for k, v in source.items() if k.endswith("position_embedding.weight"))
    assert (len(known), len(table)) == (16, 36)
    assert torch.equal(table, enlarged(known, 36))
    flat = torch.ones(16, 3) * torch.tensor([1.0, -2.0, 0.5])
    assert torch.allclose(enlarged(flat, 36), flat[:1].expand(36, 3), atol=1e-6)


def test_a_name_that_is_nowhere_says_how_to_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StorageError, match="hf download nobody/nothing-8b --local-dir"):
        start("nobody/nothing-8b")


def test_an_idefics2_without_a_row_for_a_token_gets_one(tmp_path: Path) -> None:
    settings, entries = settings_of("idefics2"), TOKENIZER.get_vocab_size()
    with quiet():
        model = build(settings, entries - 1, seed=0)
        model.save_pretrained(tmp_path)
        processor(TOKENIZER, settings).save_pretrained(tmp_path)
    made = start(str(tmp_path))
    assert isinstance(made.model, Idefics2ForConditionalGeneration)
    table = made.model.get_input_embeddings().weight
    assert len(table) == made.model.lm_head.out_features == entries
    assert torch.equal(table[:-1], model.get_input_embeddings().weight)
    assert (made.settings.latents, made.settings.patch, made.settings.max_side) == (3, 8, 48)
    save(str(tmp_path / "again"), made.model, made.tokenizer, made.settings, {}, made.encoder.marks)
    again = load(str(tmp_path / "again"))
    assert torch.equal(again.model.lm_head.weight, made.model.lm_head.weight)


def test_a_model_of_another_kind_is_refused_as_a_start(parts: Path) -> None:
    with pytest.raises(StorageError, match="type 'llama', not idefics2"):
        start(str(parts / "llama"))

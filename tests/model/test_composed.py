"""Every pair of backbones: packed equals alone, in values and in gradients; folders open again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText

from cauldron.loader.pack import pack
from cauldron.loader.tokens import OURS, Encoded
from cauldron.model.build import build, empty, is_idefics2, quiet
from cauldron.model.folder import load, save
from cauldron.model.forward import decoder_inputs, hidden_states, token_losses
from cauldron.model.settings import ModelSettings
from tests.model.pairs import KINDS, TOKENIZER, opened_gates, samples, settings_of, tensors


def model_of(kind: str) -> Any:
    """Return a model of a kind with open gates."""
    return opened_gates(build(settings_of(kind), TOKENIZER.get_vocab_size(), seed=0)).eval()


def longest(encoded: list[Encoded]) -> int:
    """Return a length of rows that hold more than one sample, and not all of them."""
    return max(len(sample.ids) for sample in encoded) + 18


@pytest.mark.parametrize(
    ("name", "parameters"), [("idefics2-8b", 8_402_768_112), ("idefics2-1b", 1_384_256_768)]
)
def test_the_shipped_configurations_have_the_published_size(name: str, parameters: int) -> None:
    with torch.device("meta"), quiet():
        model = empty(ModelSettings.model_validate(name), 32_003)
    assert sum(weight.numel() for weight in model.parameters()) == parameters
    assert type(model).__name__ == "Idefics2ForConditionalGeneration"


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_packed_states_equal_those_of_each_sample_alone(kind: str) -> None:
    model, settings = model_of(kind), settings_of(kind)
    encoded, shown = samples(settings)
    packed = pack(encoded, longest(encoded))
    assert 1 < len(packed.ids) < len(encoded)
    ids, positions, _ = tensors(packed)
    together = hidden_states(model, ids, positions, [p for n in packed.order for p in shown[n]])
    for n, sample in enumerate(encoded):
        own = torch.arange(len(sample.ids))[None]
        alone = hidden_states(model, torch.from_numpy(sample.ids)[None], own, shown[n])[0]
        assert (together[torch.from_numpy(packed.sample == n)] - alone).abs().max() < 1e-5


@pytest.mark.parametrize("kind", ["idefics2", "shuffle", "clip", "cross_2"])
def test_the_gradient_of_each_sample_in_a_row_is_that_of_the_sample_alone(kind: str) -> None:
    model, settings = model_of(kind), settings_of(kind)
    encoded, shown = samples(settings)
    packed = pack(encoded, longest(encoded))
    order = [picture for n in packed.order for picture in shown[n]]
    owner = torch.from_numpy(packed.sample[packed.targets >= 0])
    for n, sample in enumerate(encoded):
        weights = [w for w in model.parameters() if w.requires_grad]
        together = token_losses(model, *tensors(packed), order)
        ours = torch.autograd.grad(together[owner == n].sum(), weights, allow_unused=True)
        alone = token_losses(model, *tensors(pack([sample], len(sample.ids))), shown[n])
        theirs = torch.autograd.grad(alone.sum(), weights, allow_unused=True)
        for a, b in zip(ours, theirs, strict=True):
            zero = torch.zeros(())
            difference = (zero if a is None else a) - (zero if b is None else b)
            assert difference.abs().max() < 2e-5


@torch.no_grad()
@pytest.mark.parametrize("kind", ["cross", "cross_2"])
def test_shut_gates_leave_the_language_model_as_it_is(kind: str) -> None:
    model = build(settings_of(kind), TOKENIZER.get_vocab_size(), seed=0).eval()
    encoded, shown = samples(settings_of(kind))
    ids = torch.from_numpy(encoded[0].ids)[None]
    positions = torch.arange(ids.shape[1])[None]
    with_picture = hidden_states(model, ids, positions, shown[0])
    embedded = model.get_input_embeddings()(ids)
    alone = model.model.text_model(inputs_embeds=embedded, position_ids=positions, use_cache=False)
    assert torch.equal(with_picture, alone.last_hidden_state)
    opened = hidden_states(opened_gates(model), ids, positions, shown[0])
    assert (with_picture - opened).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("kind", ["mlp", "vit", "cross_2"])
def test_transformers_opens_the_folder_and_answers_alike(kind: str, tmp_path: Path) -> None:
    model, settings = model_of(kind), settings_of(kind)
    assert not is_idefics2(settings)
    save(str(tmp_path / "model"), model, TOKENIZER, settings, {})
    with quiet():
        opened = AutoModelForImageTextToText.from_pretrained(
            tmp_path / "model", trust_remote_code=True
        ).eval()
    assert type(opened).__module__.startswith("transformers_modules")
    encoded, shown = samples(settings)
    ids = torch.from_numpy(encoded[0].ids)[None]
    values = torch.from_numpy(shown[0][0])[None, None].float() / 127.5 - 1
    theirs = opened(input_ids=ids, pixel_values=values).logits
    ours = model(**decoder_inputs(model, ids, shown[0])).logits
    assert (ours - theirs).abs().max() < 1e-5
    told = opened.generate(input_ids=ids, pixel_values=values, max_new_tokens=4, do_sample=False)
    back = load(str(tmp_path / "model"))
    own = back.model.generate(
        **decoder_inputs(back.model, ids, shown[0]), max_new_tokens=4, do_sample=False
    )
    assert torch.equal(told[:, ids.shape[1] :], own)
    assert back.encoder.marks == OURS


def test_an_unknown_base_names_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="did you mean 'idefics2-8b'"):
        ModelSettings.model_validate({"base": "idefics2-8"})

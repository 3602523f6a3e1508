"""Parts of a model: what is trained is what changes; adapters merge into plain weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from cauldron.loader.pack import pack
from cauldron.loader.tokens import OURS
from cauldron.model.build import build
from cauldron.model.folder import load, save
from cauldron.model.forward import hidden_states, token_losses
from cauldron.train import parts
from cauldron.train.parallel import units
from cauldron.train.settings import Parts, StageSettings, TrainSettings
from tests.model.pairs import TOKENIZER, opened_gates, samples, settings_of, tensors

ENTRIES = TOKENIZER.get_vocab_size()


def trained(model: Any, chosen: dict[str, Any], steps: int = 3) -> Any:
    """Train a few steps with some parts open; return the model, not merged."""
    parts.apply(model, Parts.model_validate(chosen), OURS, seed=0)
    stage = StageSettings.model_validate({"train": chosen})
    optimizer = torch.optim.AdamW(parts.groups(model, stage), 0.01)
    encoded, shown = samples(settings_of("idefics2"))
    packed = pack(encoded, 150)
    order = [p for n in packed.order for p in shown[n]]
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        token_losses(model, *tensors(packed), order).mean().backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def states(model: Any) -> torch.Tensor:
    """Return logits on one sample."""
    encoded, shown = samples(settings_of("idefics2"))
    ids = torch.from_numpy(encoded[0].ids)[None]
    hidden = hidden_states(model, ids, torch.arange(ids.shape[1])[None], shown[0])
    logits: torch.Tensor = model.lm_head(hidden)
    return logits


@pytest.mark.parametrize("mode", ["frozen", "lora", "dora", "full"])
@pytest.mark.parametrize("part", ["vision", "connector", "language", "head"])
def test_only_what_is_trained_changes(part: str, mode: str) -> None:
    frozen = dict.fromkeys(("vision", "connector", "language", "head"), "frozen")
    before = build(settings_of("idefics2"), ENTRIES, seed=0)
    other = "head" if part != "head" else "connector"
    model = trained(
        build(settings_of("idefics2"), ENTRIES, seed=0), frozen | {other: "full", part: mode}
    )
    learned = states(model)
    parts.merge(model)
    assert torch.allclose(learned, states(model), atol=1e-4)
    names = [name for name, _ in before.named_parameters()]
    assert names == [name for name, _ in model.named_parameters()]
    after = dict(model.named_parameters())
    changed = {
        parts.part_of(n) for n, w in before.named_parameters() if not torch.equal(w, after[n])
    }
    assert changed == ({other} if mode == "frozen" else {other, part})


def test_low_rank_changes_have_the_asked_rank(tmp_path: Path) -> None:
    settings = settings_of("idefics2")
    lora = {"mode": "lora", "rank": 2, "dropout": 0.0}
    frozen = {"vision": "frozen", "connector": "frozen", "head": "frozen"}
    before = build(settings, ENTRIES, seed=0)
    model = trained(build(settings, ENTRIES, seed=0), {**frozen, "language": lora})
    parts.merge(model)
    name = "model.text_model.layers.0.mlp.up_proj.weight"
    change = model.get_parameter(name) - before.get_parameter(name)
    assert torch.linalg.matrix_rank(change, rtol=1e-4) == 2
    save(str(tmp_path), model, TOKENIZER, settings, {})
    assert torch.equal(states(load(str(tmp_path)).model), states(model))


def test_of_frozen_embeddings_only_the_new_rows_change() -> None:
    frozen = dict.fromkeys(("vision", "connector", "language", "head"), "frozen")
    before = build(settings_of("idefics2"), ENTRIES, seed=0)
    model = build(settings_of("idefics2"), ENTRIES, seed=0)
    model = trained(model, {**frozen, "new_embeddings": "full"})
    learned = states(model)
    parts.merge(model)
    assert torch.allclose(learned, states(model), atol=1e-5)
    new = [OURS.fake, OURS.image, OURS.end]
    for name in ("model.text_model.embed_tokens.weight", "lm_head.weight"):
        moved = (model.get_parameter(name) != before.get_parameter(name)).any(1)
        assert set(moved.nonzero()[:, 0].tolist()) <= set(new)
        assert moved[OURS.end]


def test_several_parts_are_adapted_side_by_side() -> None:
    chosen = {"vision": "lora", "language": "dora", "head": "lora", "new_embeddings": "full"}
    model = trained(build(settings_of("idefics2"), ENTRIES, seed=0), chosen)
    learned = states(model)
    parts.merge(model)
    assert torch.allclose(learned, states(model), atol=1e-4)
    names = {name for name, _ in build(settings_of("idefics2"), ENTRIES, 0).named_parameters()}
    assert {name for name, _ in model.named_parameters()} == names


def test_each_part_has_its_learning_rate() -> None:
    rates = {"vision": 1e-5, "connector": 2e-4, "language": 3e-5}
    chosen = {part: {"mode": "full", "learning_rate": rate} for part, rate in rates.items()}
    stage = StageSettings.model_validate({"learning_rate": 1e-4, "train": chosen})
    model = build(settings_of("idefics2"), ENTRIES, seed=0)
    found = {
        id(weight): group["rate"]
        for group in parts.groups(model, stage)
        for weight in group["params"]
    }
    for name, weight in model.named_parameters():
        assert found[id(weight)] == rates.get(parts.part_of(name), 1e-4)


def test_vectors_do_not_decay() -> None:
    model = build(settings_of("idefics2"), ENTRIES, seed=0)
    for group in parts.groups(model, StageSettings()):
        assert all((weight.ndim >= 2) == (group["weight_decay"] > 0) for weight in group["params"])


def test_gated_blocks_are_new_and_belong_to_the_connector() -> None:
    model = opened_gates(build(settings_of("cross"), ENTRIES, seed=0))
    parts.apply(model, Parts.model_validate({"language": "frozen"}), OURS, seed=0)
    text = {n: w.requires_grad for n, w in model.model.text_model.named_parameters()}
    assert all(is_open == (".gated." in name) for name, is_open in text.items())


@pytest.mark.parametrize(
    ("kind", "number"), [("idefics2", 1 + 1 + 2), ("vit", 1 + 2), ("cross_2", 1 + 2)]
)
def test_layers_are_what_is_sharded(kind: str, number: int) -> None:
    found = units(build(settings_of(kind), ENTRIES, seed=0))
    assert len(found) == number
    assert not any(a is not b and a in list(b.modules()) for a in found for b in found)


def test_stages_inherit_what_they_do_not_say() -> None:
    settings = TrainSettings.model_validate(
        {
            "row_tokens": 64,
            "train": {"vision": "frozen"},
            "stages": [
                {"steps": 3},
                {"name": "sft", "row_tokens": 128, "train": {"vision": "lora"}},
            ],
        }
    )
    first, second = settings.all_stages
    assert (first.name, first.row_tokens, first.train.vision.mode) == ("stage-1", 64, "frozen")
    assert (second.name, second.row_tokens, second.train.vision.mode) == ("sft", 128, "lora")


@pytest.mark.parametrize(
    "wrong",
    [
        {"train": {"new_embeddings": "lora"}},
        {"stages": [{"name": "a"}, {"name": "a"}]},
        {"images": {"max_side": 512}},
        {"train": {"vision": "thawed"}},
    ],
)
def test_impossible_stages_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings.model_validate(wrong)

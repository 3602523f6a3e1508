"""Packed attention, pictures end to end, losses in place, fused norms: equal what they replace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers.models.idefics2.modeling_idefics2 import Idefics2RMSNorm

from cauldron.loader.pack import pack
from cauldron.model.build import build, quiet
from cauldron.model.forward import hidden_states, picture_tokens, token_losses, vision_calls
from cauldron.model.losses import cross_entropies
from cauldron.model.norms import fuse_norms
from cauldron.model.packed import PACKED, Segments, packed_attention
from cauldron.model.packed_pictures import positions
from tests.model.pairs import KINDS, pictures, samples, settings_of, tensors
from tests.model.test_composed import longest, model_of


@pytest.mark.parametrize("kind", KINDS)
def test_packed_attention_gives_the_states_of_each_sample_alone(kind: str) -> None:
    model, settings = model_of(kind), settings_of(kind)
    encoded, shown = samples(settings)
    packed = pack(encoded, longest(encoded))
    ids, places, _ = tensors(packed)
    order = [picture for n in packed.order for picture in shown[n]]
    masked = hidden_states(model, ids, places, order)
    with quiet():
        model.set_attn_implementation(PACKED)
    found = hidden_states(model, ids, places, order)
    real = torch.from_numpy(packed.sample >= 0)
    assert (found - masked)[real].abs().max() < 1e-5


def test_gradients_are_those_of_the_masked_step() -> None:
    model, settings = model_of("idefics2"), settings_of("idefics2")
    encoded, shown = samples(settings)
    packed = pack(encoded, longest(encoded))
    order = [picture for n in packed.order for picture in shown[n]]
    gradients = []
    for kind in ("sdpa", PACKED):
        model.set_attn_implementation(kind)
        loss = token_losses(model, *tensors(packed), order).mean()
        gradients.append(torch.autograd.grad(loss, list(model.parameters())))
    for ours, theirs in zip(*gradients, strict=True):
        assert (ours - theirs).abs().max() < 2e-6


@torch.no_grad()
def test_pictures_of_all_sizes_are_one_call_and_keep_their_order() -> None:
    model = model_of("idefics2")
    mixed = [p for size in ((48, 32), (16, 16), (32, 48), (16, 16)) for p in pictures(1, size)]
    alone = [picture_tokens(model, [pixels])[0] for pixels in mixed]
    assert vision_calls(model, mixed) == 3
    model.set_attn_implementation(PACKED)
    assert vision_calls(model, mixed) == 1 and vision_calls(model, []) == 0
    for ours, theirs in zip(picture_tokens(model, mixed), alone, strict=True):
        assert (ours - theirs).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("grid", [(1, 1), (5, 3), (6, 6), (2, 6), (27, 70), (70, 70)])
def test_positions_are_those_of_transformers(grid: tuple[int, int]) -> None:
    settings = settings_of("idefics2").model_copy(update={"max_side": 70 * 8})
    embeddings = build(settings, 300, seed=0).model.vision_model.embeddings
    embeddings.patch_embedding.weight.zero_()
    embeddings.patch_embedding.bias.zero_()
    table = embeddings.position_embedding.weight
    table.copy_(torch.arange(table.numel()).view_as(table))
    shown = torch.zeros(1, 3, grid[0] * 8, grid[1] * 8)
    theirs = embeddings(shown, torch.ones(1, *grid, dtype=torch.bool))[0, :, 0]
    assert (positions(*grid, 70) * table.shape[1]).tolist() == theirs.tolist()


def test_a_window_reaches_as_far_back_as_it_says() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 9, 4)
    module: Any = torch.nn.Identity()
    pieces = Segments([5, 4], "cpu")
    pieces.longest = 5
    found, _ = packed_attention(module, q, k, v, pieces, is_causal=True, sliding_window=3)
    own = torch.tensor([0] * 5 + [1] * 4)
    apart = torch.arange(9)[:, None] - torch.arange(9)
    seen = (own[:, None] == own) & (apart >= 0) & (apart < 3)
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    assert torch.allclose(found, wanted.transpose(1, 2), atol=1e-6)


def test_a_soft_cap_is_refused() -> None:
    q = torch.randn(1, 1, 3, 4)
    with pytest.raises(ValueError, match="eager"):
        packed_attention(torch.nn.Identity(), q, q, q, Segments([3], "cpu"), softcap=30.0)


def test_losses_in_place_have_the_value_and_gradient_of_cross_entropy() -> None:
    torch.manual_seed(0)
    logits = torch.randn(7, 200_000, requires_grad=True)
    targets, weights = torch.randint(200_000, (7,)), torch.rand(7)
    theirs = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    (wanted,) = torch.autograd.grad(theirs @ weights, logits)
    ours = cross_entropies(logits * 1, targets)
    (found,) = torch.autograd.grad(ours @ weights, logits)
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.allclose(found, wanted, atol=1e-7)


def test_fused_norms_equal_those_they_replace() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(Idefics2RMSNorm(16, 1e-5), torch.nn.LayerNorm(16))
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    x = torch.randn(3, 16)
    before = model(x)
    fuse_norms(model)
    assert torch.allclose(model(x), before, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(x.to(torch.bfloat16)).dtype == torch.bfloat16

"""The arithmetic of a step is counted as one would by hand."""

from __future__ import annotations

import pytest

from cauldron.train.flops import attention_of, step_flops, through_of, weights_by_part
from tests.model.pairs import settings_of
from tests.model.test_composed import model_of


@pytest.mark.parametrize(
    ("name", "through"),
    [
        ("model.vision_model.encoder.layers.0.mlp.fc1.weight", "patches"),
        ("model.connector.modality_projection.up_proj.weight", "patches"),
        ("model.connector.perceiver_resampler.layers.0.self_attn.k_proj.weight", "both"),
        ("model.connector.perceiver_resampler.layers.0.mlp.up_proj.weight", "latents"),
        ("model.connector.projection.weight", "latents"),
        ("model.connector.input.weight", "patches"),
        ("model.text_model.layers.0.gated.cross_attn.v_proj.weight", "latents"),
        ("model.text_model.layers.0.gated.mlp.up_proj.weight", "tokens"),
        ("model.text_model.layers.0.self_attn.v_proj.weight", "tokens"),
        ("lm_head.weight", "supervised"),
    ],
)
def test_each_matrix_is_met_by_what_goes_through_it(name: str, through: str) -> None:
    assert through_of(name) == through


def test_frozen_weights_cost_no_gradient_of_their_own() -> None:
    weights = {
        ("vision", "patches"): (10, 0),
        ("connector", "both"): (5, 5),
        ("language", "tokens"): (7, 0),
    }
    through = {"patches": 3, "latents": 2, "tokens": 4}
    assert step_flops(weights, through) == 2 * 3 * 10 + 2 * 5 * (5 * 3) + 2 * 4 * 7 * 2


def test_attention_counts_its_pairs_half_where_causal() -> None:
    weights = {("vision", "patches"): (1, 0), ("language", "tokens"): (1, 1)}
    heads, pairs = {"vision": 2, "language": 3}, {"vision": 9, "language": 16}
    plain = step_flops(weights, {"patches": 0, "tokens": 0})
    found = step_flops(weights, {"patches": 0, "tokens": 0}, heads, pairs)
    assert found - plain == 4 * 2 * 9 + 0.5 * 4 * 3 * 16 * 3


def test_a_model_is_counted_without_its_tables() -> None:
    model, settings = model_of("idefics2"), settings_of("idefics2")
    weights = weights_by_part(model)
    assert sum(total for total, _ in weights.values()) < sum(w.numel() for w in model.parameters())
    assert weights["head", "supervised"][0] == model.lm_head.weight.numel()
    assert attention_of(model) == {
        "vision": settings.width * settings.vision_layers,
        "language": settings.width * settings.text_layers,
    }

"""Initial weights and the forward pass: packed equals alone, grouped equals padded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cauldron.loader.pack import Packed, pack
from cauldron.loader.tokens import Encoded, Encoder, train_tokenizer
from cauldron.model.build import build
from cauldron.model.forward import hidden_states, picture_tokens, token_losses
from cauldron.model.pictures import Pixels
from cauldron.model.settings import ModelSettings
from cauldron.sample import Turn, chat_messages

SETTINGS = ModelSettings(
    width=32, heads=2, vision_layers=2, perceiver_layers=1, text_layers=2, latents=3,
    patch=8, min_side=16, max_side=48,
)  # fmt: skip
ENCODER = Encoder(train_tokenizer(["How many? Three of them."] * 3, 300), SETTINGS.latents)


@pytest.fixture(scope="module")
def model() -> Any:
    """A small model with its initial weights."""
    return build(SETTINGS, ENCODER.vocab_size, seed=0).eval()


def pictures(number: int, size: tuple[int, int] = (48, 32)) -> list[Pixels]:
    """Return random pictures of a width and height."""
    rng = np.random.default_rng(number)
    return [rng.integers(0, 256, (3, size[1], size[0]), np.uint8) for _ in range(number)]


def samples() -> tuple[list[Encoded], list[list[Pixels]]]:
    """Return chats of several lengths with none, one and two pictures of several sizes."""
    shown = [pictures(1), [], [*pictures(1, (16, 24)), *pictures(1)], pictures(1, (40, 40))]
    answers = ["Three.", "Three of them, how many?", "3", "Many of them. " * 5]
    encoded = []
    for images, answer in zip(shown, answers, strict=True):
        turns = (Turn(user="How many?", assistant=answer),)
        encoded.append(ENCODER.encode({"messages": chat_messages(len(images), turns)}))
    return encoded, shown


def tensors(packed: Packed) -> list[torch.Tensor]:
    """Return tokens, positions and targets."""
    return [torch.from_numpy(part) for part in (packed.ids, packed.positions, packed.targets)]


@torch.no_grad()
def test_packed_logits_equal_those_of_each_sample_alone(model: Any) -> None:
    encoded, shown = samples()
    packed = pack(encoded, 150)
    assert len(packed.ids) > 1 and len(packed.ids) < len(encoded)
    ids, positions, _ = tensors(packed)
    order = [picture for n in packed.order for picture in shown[n]]
    together = model.lm_head(hidden_states(model, ids, positions, order))
    for n, sample in enumerate(encoded):
        stacked = [p.astype(np.float32) / 255 * 2 - 1 for p in shown[n]]
        alone = model(torch.from_numpy(sample.ids)[None], **padded(stacked)).logits[0]
        difference = together[torch.from_numpy(packed.sample == n)] - alone
        assert difference.abs().max() < 1e-5


def padded(images: list[Any]) -> dict[str, torch.Tensor]:
    """Return pictures as the stock model takes them: padded to one size, with a mask."""
    if not images:
        return {}
    height, width = (max(image.shape[k] for image in images) for k in (1, 2))
    values = torch.zeros(1, len(images), 3, height, width)
    mask = torch.zeros(1, len(images), height, width, dtype=torch.bool)
    for k, image in enumerate(images):
        values[0, k, :, : image.shape[1], : image.shape[2]] = torch.from_numpy(image)
        mask[0, k, : image.shape[1], : image.shape[2]] = True
    return {"pixel_values": values, "pixel_attention_mask": mask}


@torch.no_grad()
def test_packed_losses_equal_those_of_each_sample_alone(model: Any) -> None:
    encoded, shown = samples()
    packed = pack(encoded, 150)
    order = [picture for n in packed.order for picture in shown[n]]
    together = token_losses(model, *tensors(packed), order)
    alone = [token_losses(model, *tensors(pack([encoded[n]], 150)), shown[n]) for n in packed.order]
    assert (together - torch.cat(alone)).abs().max() < 1e-5


@torch.no_grad()
def test_pictures_keep_their_order_when_they_are_grouped_by_size(model: Any) -> None:
    mixed = [*pictures(2), *pictures(1, (16, 24)), *pictures(1), *pictures(1, (40, 40))]
    together = picture_tokens(model, mixed)
    for number, pixels in enumerate(mixed):
        assert (together[number] - picture_tokens(model, [pixels])[0]).abs().max() < 1e-5


def test_picture_tokens_without_pictures_are_refused(model: Any) -> None:
    encoded, shown = samples()
    packed = pack(encoded[:1], 150)
    with pytest.raises(ValueError, match="3 picture tokens for 2 pictures"):
        token_losses(model, *tensors(packed), shown[0] * 2)


def test_equal_seeds_give_equal_weights_and_others_do_not() -> None:
    first, again, other = (build(SETTINGS, 300, seed) for seed in (0, 0, 1))
    pairs = list(zip(first.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


def test_latents_of_the_perceiver_differ(model: Any) -> None:
    latents = model.model.connector.perceiver_resampler.latents
    assert torch.cdist(latents, latents).fill_diagonal_(1).min() > 0.1


def test_matrices_have_a_deviation_of_one_over_root_fan_in(model: Any) -> None:
    for name, weight in model.named_parameters():
        if weight.ndim >= 2 and weight.numel() > 2000:
            expected = (weight.numel() / weight.shape[0]) ** -0.5
            assert weight.std().item() == pytest.approx(expected, rel=0.1), name


@pytest.mark.parametrize(
    "wrong", [{"heads": 5}, {"max_side": 50}, {"min_side": 4}, {"heads": 32}, {"depth": 3}]
)
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        ModelSettings(**{"width": 32, **wrong})

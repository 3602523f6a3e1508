"""Small models of every kind, and samples of several shapes to run through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from cauldron.loader.pack import Packed
from cauldron.loader.tokens import Encoded, Encoder, train_tokenizer
from cauldron.model.pictures import Pixels
from cauldron.model.settings import ModelSettings
from cauldron.sample import Turn, chat_messages

SMALL: dict[str, Any] = {
    "width": 32, "heads": 2, "vision_layers": 1, "perceiver_layers": 1, "text_layers": 2,
    "latents": 3, "patch": 8, "min_side": 16, "max_side": 48,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "idefics2": {},
    "qwen": {"text": {"model_type": "qwen2"}},
    "linear": {"connector": "linear"},
    "mlp": {"connector": "mlp", "text": {"model_type": "llama"}},
    "shuffle": {"connector": "pixel_shuffle"},
    "clip": {"vision": {"model_type": "clip_vision_model"}},
    "vit": {"vision": {"model_type": "vit"}, "connector": "mlp"},
    "cross": {"architecture": "cross_attention"},
    "cross_2": {
        "architecture": "cross_attention", "cross_every": 2, "connector": "linear",
        "text": {"model_type": "llama"},
    },
}  # fmt: skip
TOKENIZER = train_tokenizer(["How many? Three of them."] * 3, 300)


def settings_of(kind: str) -> ModelSettings:
    """Return the settings of a kind; squares where a picture has a token for each patch."""
    chosen = SMALL | KINDS[kind]
    pooled = chosen.get("connector", "perceiver") == "perceiver"
    square = {} if pooled or "architecture" in chosen else {"min_side": chosen["max_side"]}
    return ModelSettings(**(chosen | square))


def pictures(number: int, size: tuple[int, int] = (48, 32), seed: int = 0) -> list[Pixels]:
    """Return random pictures of a width and height."""
    rng = np.random.default_rng(number + seed)
    return [rng.integers(0, 256, (3, size[1], size[0]), np.uint8) for _ in range(number)]


def samples(settings: ModelSettings) -> tuple[list[Encoded], list[list[Pixels]]]:
    """Return chats of several lengths with none, one and two pictures, of several sizes if so."""
    square = settings.connector != "perceiver" and not settings.beside
    sizes = [(48, 32)], [], [(16, 32), (48, 32)], [(32, 48)]
    answers = ["Three.", "Three of them, how many?", "3", "Many of them. " * 5]
    encoder, encoded, shown = Encoder(TOKENIZER, settings.image_tokens), [], []
    for row, (each, answer) in enumerate(zip(sizes, answers, strict=True)):
        turns = (Turn(user="How many?", assistant=answer),)
        encoded.append(encoder.encode({"messages": chat_messages(len(each), turns)}))
        wanted = [(48, 48) if square else size for size in each]
        shown.append([pictures(1, size, 9 * row + k)[0] for k, size in enumerate(wanted)])
    return encoded, shown


def tensors(packed: Packed) -> list[torch.Tensor]:
    """Return tokens, positions and targets."""
    return [torch.from_numpy(part) for part in (packed.ids, packed.positions, packed.targets)]


def opened_gates(model: Any) -> Any:
    """Open the gates of cross-attention, so that pictures count."""
    for name, weight in model.named_parameters():
        if "gate_attention" in name or "gate_mlp" in name:
            torch.nn.init.constant_(weight, 0.7)
    return model

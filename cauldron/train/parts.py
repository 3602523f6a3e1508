"""Parts of a model: which are frozen, changed by low rank or fully trained, and how fast."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from cauldron.loader.tokens import Marks
from cauldron.sample import content_hash
from cauldron.train.settings import Parts, PartSettings, StageSettings

PREFIXES = {
    "vision": "model.vision_model.",
    "connector": "model.connector.",
    "language": "model.text_model.",
    "head": "lm_head.",
}


def part_of(name: str) -> str:
    """Return the part that a weight or module belongs to."""
    if ".gated." in name:
        return "connector"
    return next(part for part, prefix in PREFIXES.items() if f"{name}.".startswith(prefix))


class NewRows(nn.Module):
    """Embeddings or an output head of which only the rows of some tokens are trained.

    Args:
        base: the whole table, frozen.
        tokens: numbers of the rows.
    """

    def __init__(self, base: Any, tokens: list[int]) -> None:
        super().__init__()
        self.base = base
        self.tokens: torch.Tensor
        self.new = nn.Parameter(base.weight.detach()[tokens].float().clone())
        self.register_buffer("tokens", torch.tensor(tokens), persistent=False)

    @property
    def weight(self) -> torch.Tensor:
        """The whole table with the trained rows in it."""
        new = self.new.to(self.base.weight.dtype)
        whole: torch.Tensor = self.base.weight.index_copy(0, self.tokens, new)
        return whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Look up, or multiply with, a table that has the trained rows."""
        if isinstance(self.base, nn.Embedding):
            return _looked_up(self.base(x), x, self.tokens, self.new)
        out: torch.Tensor = self.base(x)
        return out.index_copy(-1, self.tokens, (x @ self.new.T.to(x.dtype)).to(out.dtype))

    def merged(self) -> Any:
        """Return the table with the trained rows written into it."""
        with torch.no_grad():
            self.base.weight[self.tokens] = self.new.to(self.base.weight.dtype)
        return self.base


def _looked_up(
    out: torch.Tensor, ids: torch.Tensor, tokens: torch.Tensor, new: torch.Tensor
) -> torch.Tensor:
    hit = ids[..., None] == tokens
    rows = hit.to(new.dtype) @ new
    return torch.where(hit.any(-1, keepdim=True), rows.to(out.dtype), out)


def apply(model: Any, parts: Parts, marks: Marks, seed: int) -> None:
    """Freeze, adapt or open each part of a model."""
    for name, weight in model.named_parameters():
        weight.requires_grad_(getattr(parts, part_of(name)).mode == "full")
    for part in PREFIXES:
        chosen = getattr(parts, part)
        if chosen.mode in ("lora", "dora"):
            _adapt(model, part, chosen, seed)
    if parts.new_embeddings.mode == "full":
        tokens = [marks.fake, marks.image, marks.end]
        if parts.language.mode != "full":
            model.set_input_embeddings(NewRows(model.get_input_embeddings(), tokens))
        if parts.head.mode == "frozen" and not model.config.tie_word_embeddings:
            model.lm_head = NewRows(model.lm_head, tokens)


def _adapt(model: Any, part: str, chosen: PartSettings, seed: int) -> None:
    targets = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and part_of(name) == part
    ]
    frozen = {name: w.requires_grad for name, w in model.named_parameters()}
    config = LoraConfig(
        r=chosen.rank,
        lora_alpha=chosen.alpha,
        lora_dropout=chosen.dropout,
        use_dora=chosen.mode == "dora",
        init_lora_weights="gaussian",
        target_modules=targets,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(content_hash(seed, "adapter", part) >> 1)
        inject_adapter_in_model(config, model, adapter_name=part)
    del model.peft_config  # the next part has an adapter of its own
    for name, weight in model.named_parameters():  # peft freezes the rest of the model
        weight.requires_grad_(frozen.get(name, "lora_" in name))


def merge(model: Any) -> None:
    """Write low-rank changes and new rows into the weights; the model is a plain one again."""
    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            _replace(model, name, module.get_base_layer())
        elif isinstance(module, NewRows):
            _replace(model, name, module.merged())
    for weight in model.parameters():
        weight.requires_grad_(True)


def _replace(model: Any, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)


def groups(model: Any, stage: StageSettings) -> list[dict[str, Any]]:
    """Return the trained weights by rate and decay: matrices decay, norms, biases and rows do not.

    Each group has `rate`, its learning rate at the end of the warm-up.
    """
    found: dict[tuple[float, float], list[Any]] = {}
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        new = name.endswith(".new")
        part = "new_embeddings" if new else part_of(name)
        rate = getattr(stage.train, part).learning_rate or stage.learning_rate
        decay = stage.weight_decay if weight.ndim >= 2 and not new else 0.0
        found.setdefault((rate, decay), []).append(weight)
    return [
        {"params": weights, "weight_decay": decay, "rate": rate}
        for (rate, decay), weights in found.items()
    ]

"""The loss on held-out samples, by source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from cauldron.loader.batch import PackedBatch, grouped
from cauldron.loader.pack import pack
from cauldron.loader.pictures import CROPS, Fit, Pixels, decode, decode_split
from cauldron.loader.samples import Samples
from cauldron.loader.tokens import Encoded, Encoder
from cauldron.media.images import ImageError
from cauldron.train.parallel import Ranks
from cauldron.train.step import PackedLoss, micro_batches


class Validation:
    """Held-out samples, packed once.

    Args:
        most: samples of each source.
        length: tokens of a row; longer samples are left out.
        split: look at pictures as a model that splits them does when it answers.
    """

    def __init__(
        self,
        samples: Samples,
        encoder: Encoder,
        fit: Fit,
        *,
        most: int,
        length: int,
        split: bool = False,
    ) -> None:
        self._encoder, self._names = encoder, samples.names
        used: list[tuple[int, Encoded, list[Pixels]]] = []
        for number, name in enumerate(samples.names):
            for sample in samples.validation(name, most) if samples.held_out(name) else ():
                encoded = encoder.encode(sample, CROPS + 1 if split else 1)
                if len(encoded.ids) > length or not encoded.supervised[1:].any():
                    continue
                try:
                    shown = [p for image in sample["images"] for p in _seen(image, fit, split)]
                except ImageError:
                    continue
                used.append((number, encoded, shown))
        self._batch = _batch(used, length) if used else None

    @torch.no_grad()
    def losses(self, module: nn.Module, ranks: Ranks, bf16: bool) -> dict[str, Any]:
        """Return the mean loss a token, over all and by source.

        Every process looks at all rows, so that shared weights are called equally often.
        """
        if self._batch is None:
            return {"loss": float("inf"), "by_source": {}}
        batch, marks = self._batch, self._encoder.marks
        module.eval()
        found = []
        for part in micro_batches(batch, 4, marks.image, self._encoder.image_tokens):
            with torch.autocast(ranks.device.type, torch.bfloat16, enabled=bf16):
                found.append(module(part).float().cpu())
        module.train()
        losses = torch.cat(found)
        owner = batch.source[batch.sample[batch.targets >= 0]]
        by_source: Mapping[str, float] = {
            self._names[n]: float(losses[owner == n].mean()) for n in owner.unique().tolist()
        }
        return {"loss": float(losses.mean()), "by_source": by_source}


def _seen(image: Mapping[str, Any], fit: Fit, split: bool) -> list[Pixels]:
    data: bytes = image["bytes"]
    return decode_split(data, fit, "exact") if split else [decode(data, fit, "exact")]


def _batch(used: list[tuple[int, Encoded, list[Pixels]]], length: int) -> PackedBatch:
    packed = pack([encoded for _, encoded, _ in used], length)
    pictures = [picture for n in packed.order for picture in used[n][2]]
    return PackedBatch(
        step=0,
        ids=torch.from_numpy(packed.ids),
        positions=torch.from_numpy(packed.positions),
        targets=torch.from_numpy(packed.targets),
        sample=torch.from_numpy(packed.sample),
        source=torch.tensor([number for number, _, _ in used]),
        drawn=torch.zeros(len(used), dtype=torch.int64),
        sample_ids=tuple("" for _ in used),
        pictures=grouped(pictures),
        counts={},
        notes=Counter(),
        state={},
    )


__all__ = ["PackedLoss", "Validation"]

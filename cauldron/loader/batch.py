"""A batch of packed rows, with its pictures grouped by size."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cauldron.loader.pictures import Pixels
from cauldron.loader.steps import State


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureGroup:
    """Pictures of one size.

    Args:
        pixels: [n, 3, H, W] uint8.
        places: [n] number of each among all pictures of the batch, in the order of their tokens.
    """

    pixels: torch.Tensor
    places: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBatch:
    """One rank's rows of a step; tensors are [rows, length] int64 where nothing else is said.

    Args:
        step: number of the step, from 0 on.
        ids: tokens, padded on the right.
        positions: place of each token in its own sample; samples of a row are kept apart by it.
        targets: the token where it is to be predicted, else -100.
        sample: number of the sample that each token belongs to, -1 for padding.
        source: [samples] number of each sample's source, among the stream's `names`.
        drawn: [samples] position of each in the endless order of the mixture.
        sample_ids: their ids.
        pictures: all pictures, grouped by size.
        counts: samples, tokens, supervised tokens and pictures of each source.
        notes: counted remarks: what was cut, left out or replaced, and why.
        state: to go on behind this step, on any number of ranks and workers.
    """

    step: int
    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    sample: torch.Tensor
    source: torch.Tensor
    drawn: torch.Tensor
    sample_ids: tuple[str, ...]
    pictures: tuple[PictureGroup, ...]
    counts: dict[str, dict[str, int]]
    notes: Counter[str]
    state: State

    def pictures_in_order(self) -> list[Pixels]:
        """Return the pictures, [3, H, W] uint8 each, in the order of their tokens."""
        found = [
            (place, pixels)
            for group in self.pictures
            for place, pixels in zip(group.places.tolist(), group.pixels.numpy(), strict=True)
        ]
        return [pixels for _, pixels in sorted(found, key=lambda pair: pair[0])]


def grouped(pictures: Sequence[Pixels]) -> tuple[PictureGroup, ...]:
    """Return pictures grouped by size, in the order of the first of each."""
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, pixels in enumerate(pictures):
        groups[pixels.shape].append(place)
    return tuple(
        PictureGroup(
            pixels=torch.from_numpy(np.stack([pictures[place] for place in places])),
            places=torch.tensor(places, dtype=torch.int64),
        )
        for places in groups.values()
    )

"""The batch of a step from its number alone: samples by position, tokens, pictures, rows."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.loader.pack import IGNORED, Packed, cut, pack
from cauldron.loader.samples import Drawn, Samples
from cauldron.loader.tokens import Encoded, Encoder
from cauldron.media.images import ImageError
from cauldron.model.pictures import Pixels, read_pixels
from cauldron.train.settings import TrainSettings

AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One step's samples.

    Args:
        packed: the rows.
        pictures: of all rows, in the order of their tokens.
        source: [n supervised tokens] number of the source of each, in row order.
        ids: ids of the samples, in the order of `packed.sample`.
        notes: counted remarks: samples cut, and samples left out with the reason.
    """

    packed: Packed
    pictures: list[Pixels]
    source: npt.NDArray[np.int64]
    ids: tuple[str, ...]
    notes: Counter[str]


class Batches:
    """Batches of a mixture by step number; equal numbers give equal batches in any run."""

    def __init__(self, samples: Samples, encoder: Encoder, settings: TrainSettings) -> None:
        self._samples, self._encoder, self._settings = samples, encoder, settings

    def at(self, step: int) -> Batch | None:
        """Return the batch of a step from 0 on, or None if no sample of it can be used."""
        notes: Counter[str] = Counter()
        used: list[tuple[Drawn, Encoded, list[Pixels]]] = []
        start = step * self._settings.batch
        for drawn in self._samples.stream(start, start + self._settings.batch):
            prepared = self._prepared(drawn, notes)
            if prepared:
                used.append((drawn, *prepared))
        if not used:
            return None
        packed = pack([encoded for _, encoded, _ in used], self._settings.row_tokens)
        numbers = np.array([self._samples.names.index(drawn.source) for drawn, _, _ in used])
        return Batch(
            packed=packed,
            pictures=[picture for n in packed.order for picture in used[n][2]],
            source=numbers[packed.sample[packed.targets != IGNORED]],
            ids=tuple(drawn.sample["id"] for drawn, _, _ in used),
            notes=notes,
        )

    def ahead(self, start: int, stop: int) -> Iterator[Batch | None]:
        """Yield the batches of steps `start` to `stop` - 1, the next one made in the background."""
        with ThreadPoolExecutor(1, "batches") as pool:
            coming = deque(pool.submit(self.at, step) for step in range(start, stop)[:AHEAD])
            for step in range(start, stop):
                batch = coming.popleft().result()
                if step + AHEAD < stop:
                    coming.append(pool.submit(self.at, step + AHEAD))
                yield batch

    def _prepared(self, drawn: Drawn, notes: Counter[str]) -> tuple[Encoded, list[Pixels]] | None:
        whole = self._encoder.encode(drawn.sample)
        encoded = cut(
            whole, self._settings.row_tokens, self._encoder.image_tokens, self._encoder.marks
        )
        notes["cut"] += len(encoded.ids) < len(whole.ids)
        if not encoded.supervised.any():
            notes["nothing_to_learn"] += 1
            return None
        try:
            return encoded, self._pictures(drawn, encoded.images)
        except ImageError as error:
            notes[error.reason] += 1
            return None

    def _pictures(self, drawn: Drawn, number: int) -> list[Pixels]:
        images: list[dict[str, Any]] = drawn.sample["images"][:number]
        return [read_pixels(image["bytes"], self._settings.model) for image in images]

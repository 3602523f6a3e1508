"""Packed steps: samples encoded, put into rows by budget, their pictures decoded in threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import torch

from cauldron.loader.augment import Augment
from cauldron.loader.batch import PackedBatch, grouped
from cauldron.loader.decoding import Decoders, Decoding, Job
from cauldron.loader.pack import cut, laid_out, windows
from cauldron.loader.packing import Measured, Packer, Size
from cauldron.loader.pictures import CROPS, Fit, How, Pixels
from cauldron.loader.samples import Sample, Samples
from cauldron.loader.steps import State, own_part
from cauldron.loader.substitutes import substitutes
from cauldron.loader.tokens import Encoded, Encoder
from cauldron.media.images import ImageError
from cauldron.sample import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How samples become rows.

    Args:
        length: tokens of a row.
        rows: rows of a step over all ranks.
        images: most pictures of a row, crops counted one each; by default near the mean.
        long: what becomes of a sample that is longer than a row: its beginning is kept (`cut`), it
            goes on in further rows (`split`), or it is left out (`skip`). Each is counted.
        split_share: share of samples whose pictures are split into four crops and the whole.
        split_sources: only samples of these sources are; all when empty.
        augment: what is done to pictures at random.
        fit: the size of pictures.
        how: how they are decoded.
        threads: that decode.
    """

    length: int = 2048
    rows: int = 8
    images: int | None = None
    long: Literal["cut", "split", "skip"] = "cut"
    split_share: float = 0.0
    split_sources: tuple[str, ...] = ()
    augment: Augment | None = None
    fit: Fit = field(default_factory=Fit)
    how: How = "fast"
    threads: int = 2

    def pieces(self, samples: Samples, source: str, row: int) -> int:
        """Return what each picture of a row becomes: 1, or 5 when the row is split."""
        if not self.split_share or (self.split_sources and source not in self.split_sources):
            return 1
        key = content_hash(samples.order.seed, "split", source, str(row))
        return CROPS + 1 if key < self.split_share * 2**64 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A sample, or a piece of one, that stands in a row."""

    position: int
    source: str
    row: int
    id: str
    encoded: Encoded
    crops: int


_Wanted = tuple[_Item, range]
"""An item, and the jobs of a decoding that its pictures are."""


class PackedCourse:
    """The steps of packed rows; see `steps.Course`."""

    def __init__(self, samples: Samples, encoder: Encoder, packing: Packing) -> None:
        self._samples, self._encoder, self._packing = samples, encoder, packing
        self._numbers = {name: number for number, name in enumerate(samples.names)}
        self._packer = Packer(self._measured, packing.length, packing.images)
        self._decoders = Decoders(packing.fit, packing.how, packing.threads, packing.augment)

    def plan(self) -> tuple[list[list[_Item]], Counter[str]]:
        """Return the rows of the next step over all ranks, and remarks on what was left out."""
        rows = [self._packer.take() for _ in range(self._packing.rows)]
        notes = Counter(self._packer.notes)
        self._packer.notes.clear()
        return rows, notes

    def begin(
        self,
        plan: tuple[list[list[_Item]], Counter[str]],
        state: State,
        rank: int,
        world_size: int,
    ) -> Callable[[], PackedBatch]:
        """Read and decode a rank's rows; remarks are with the first rank."""
        rows = plan[0][own_part(len(plan[0]), rank, world_size)]
        notes = plan[1] if rank == 0 else Counter[str]()
        items = list(chain.from_iterable(rows))
        shown = [item for item in items if item.encoded.images]
        read = iter(self._samples.read([(item.source, item.row) for item in shown]))
        jobs: list[Job] = []
        wanted: list[list[_Wanted]] = []
        for row in rows:
            wanted.append([])
            for item in row:
                own = _jobs(item, next(read)) if item.encoded.images else []
                wanted[-1].append((item, range(len(jobs), len(jobs) + len(own))))
                jobs += own
        decoding = self._decoders.begin(jobs)
        return lambda: self._batch(wanted, decoding, notes, state)

    def state_dict(self) -> State:
        """Return the packer's state, and which order it is of."""
        return {**self._packer.state_dict(), **self._samples.order_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken."""
        self._samples.load_order_state(state)
        self._packer.load_state_dict(state)

    def close(self) -> None:
        """Let go of files and threads."""
        self._decoders.close()
        self._samples.close()

    def _measured(self, positions: Sequence[int]) -> list[Measured[_Item]]:
        drawn = self._samples.drawn(positions)
        read = self._samples.read([(name, row) for name, row, _ in drawn], pictures=False)
        return [
            self._items(position, name, row, sample)
            for position, (name, row, _), sample in zip(positions, drawn, read, strict=True)
        ]

    def _items(self, position: int, source: str, row: int, sample: Sample) -> Measured[_Item]:
        crops = self._packing.pieces(self._samples, source, row)
        pieces, note = self._pieces(self._encoder.encode(sample, crops))
        place = {"position": position, "source": source, "row": row, "id": sample["id"]}
        items = [
            (_Item(**place, encoded=e, crops=crops), Size(tokens=len(e.ids), images=e.images))
            for e in pieces
            if e.supervised[1:].any()
        ]
        if pieces and not items:
            note = "nothing_to_learn"
        return Measured(items=tuple(items), note=note)

    def _pieces(self, whole: Encoded) -> tuple[list[Encoded], str]:
        length, long = self._packing.length, self._packing.long
        tokens, marks = self._encoder.image_tokens, self._encoder.marks
        if len(whole.ids) <= length:
            return [whole], ""
        if long == "skip":
            return [], "left_out_long"
        if long == "split":
            return windows(whole, length, tokens, marks), "split"
        return [cut(whole, length, tokens, marks)], "cut"

    def _batch(
        self,
        rows: Sequence[Sequence[_Wanted]],
        decoding: Decoding,
        notes: Counter[str],
        state: State,
    ) -> PackedBatch:
        used: list[_Item] = []
        pictures: list[Pixels] = []
        numbers: list[list[int]] = []
        for row in rows:
            free = self._packing.length - sum(len(item.encoded.ids) for item, _ in row)
            numbers.append([])
            for item, jobs in row:
                free += len(item.encoded.ids)
                found = self._usable(item, decoding, jobs, free, notes)
                if found:
                    free -= len(found[0].encoded.ids)
                    numbers[-1].append(len(used))
                    used.append(found[0])
                    pictures += found[1]
        packed = laid_out(numbers, [item.encoded for item in used], self._packing.length)
        tensors = {
            name: torch.from_numpy(getattr(packed, name))
            for name in ("ids", "positions", "targets", "sample")
        }
        return PackedBatch(
            step=state["step"] - 1,
            **tensors,
            source=torch.tensor([self._numbers[item.source] for item in used], dtype=torch.int64),
            drawn=torch.tensor([item.position for item in used], dtype=torch.int64),
            sample_ids=tuple(item.id for item in used),
            pictures=grouped(pictures),
            counts=_counts(used),
            notes=notes,
            state=state,
        )

    def _usable(
        self, item: _Item, decoding: Decoding, jobs: range, room: int, notes: Counter[str]
    ) -> tuple[_Item, list[Pixels]] | None:
        """Return an item with its pictures, or what replaces it where they cannot be decoded.

        Args:
            room: tokens that the item may take.
        """
        try:
            return item, _shown(item, decoding, jobs)
        except ImageError as error:
            notes[error.reason] += 1
        for row in substitutes(self._samples, item.source, item.position):
            found = self._substitute(item, row, room)
            if found:
                notes["replaced"] += 1
                return found
        notes["not_replaced"] += 1
        return None

    def _substitute(self, item: _Item, row: int, room: int) -> tuple[_Item, list[Pixels]] | None:
        """Return another sample of the source if it fits where an item stood."""
        sample = self._samples[item.source, row]
        (other, *more) = self._items(item.position, item.source, row, sample).items or (None,)
        if other is None or more:
            return None
        new, size = other
        if size.tokens > room or size.images > max(item.encoded.images, 1):
            return None
        jobs = _jobs(new, sample) if new.encoded.images else []
        try:
            return new, _shown(new, self._decoders.begin(jobs), range(len(jobs)))
        except ImageError:
            return None


def _jobs(item: _Item, sample: Sample) -> list[Job]:
    """Return the pictures of a sample that an item shows."""
    encoded, crops = item.encoded, item.crops
    first = encoded.first_image // crops
    last = -(-(encoded.first_image + encoded.images) // crops)
    images = [image["bytes"] for image in sample["images"][first:last]]
    if len(images) < last - first:
        images.append(b"")  # fewer pictures than marks for them: an empty one is refused
    return [
        Job(image, crops, item.source, (item.id, str(item.position), str(number)))
        for number, image in enumerate(images, first)
    ]


def _shown(item: _Item, decoding: Decoding, jobs: range) -> list[Pixels]:
    pixels = list(chain.from_iterable(decoding.result(job) for job in jobs))
    start = item.encoded.first_image % item.crops
    return pixels[start : start + item.encoded.images]


def _counts(items: Sequence[_Item]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for item in items:
        own = counts.setdefault(
            item.source, {"samples": 0, "tokens": 0, "supervised": 0, "images": 0}
        )
        own["samples"] += 1
        own["tokens"] += len(item.encoded.ids)
        own["supervised"] += int(item.encoded.supervised[1:].sum())
        own["images"] += item.encoded.images
    return dict(sorted(counts.items()))

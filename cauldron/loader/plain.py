"""Steps of samples as they are: encoded bytes and the parsed chat, or decoded pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from cauldron.loader.pictures import Fit, How, decode
from cauldron.loader.samples import Drawn, Samples
from cauldron.loader.steps import State, own_part
from cauldron.loader.substitutes import substitutes
from cauldron.media.images import ImageError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainBatch:
    """One rank's samples of a step.

    Args:
        step: number of the step, from 0 on.
        drawn: the samples, with their places in the endless order.
        pictures: of each sample, [3, H, W] uint8; None where they were left encoded.
        notes: counted remarks: what was replaced, and why.
        state: to go on behind this step, on any number of ranks and workers.
    """

    step: int
    drawn: list[Drawn]
    pictures: list[list[torch.Tensor]] | None
    notes: Counter[str]
    state: State


_Decoding = list[Future[torch.Tensor]]


class PlainCourse:
    """The steps of plain samples; see `steps.Course`."""

    def __init__(
        self, samples: Samples, size: int, fit: Fit | None, how: How, threads: int
    ) -> None:
        self._samples, self._size, self._fit, self._how = samples, size, fit, how
        self._threads = ThreadPoolExecutor(threads, "decode")
        self._next = 0

    def plan(self) -> range:
        """Return the positions of the next step over all ranks."""
        positions = range(self._next, self._next + self._size)
        self._next = positions.stop
        return positions

    def begin(
        self, plan: range, state: State, rank: int, world_size: int
    ) -> Callable[[], PlainBatch]:
        """Read a rank's samples and start decoding them."""
        drawn = self._samples.at(plan[own_part(len(plan), rank, world_size)])
        if self._fit is None:
            batch = PlainBatch(
                step=state["step"] - 1, drawn=drawn, pictures=None, notes=Counter(), state=state
            )
            return lambda: batch
        decoding = [self._begun(it) for it in drawn]
        return lambda: self._decoded(drawn, decoding, state)

    def state_dict(self) -> State:
        """Return the next position."""
        return {"next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken."""
        self._next = int(state["next"])

    def close(self) -> None:
        """Let go of files and threads."""
        self._threads.shutdown(cancel_futures=True)
        self._samples.close()

    def _begun(self, drawn: Drawn) -> _Decoding:
        images = drawn.sample["images"]
        return [self._threads.submit(self._pixels, image["bytes"]) for image in images]

    def _pixels(self, image: bytes) -> torch.Tensor:
        assert self._fit is not None
        return torch.from_numpy(decode(image, self._fit, self._how))

    def _decoded(
        self, drawn: Sequence[Drawn], decoding: Sequence[_Decoding], state: State
    ) -> PlainBatch:
        notes: Counter[str] = Counter()
        used: list[Drawn] = []
        pictures: list[list[torch.Tensor]] = []
        for it, begun in zip(drawn, decoding, strict=True):
            found = self._usable(it, begun, notes)
            if found:
                used.append(found[0])
                pictures.append(found[1])
        return PlainBatch(
            step=state["step"] - 1, drawn=used, pictures=pictures, notes=notes, state=state
        )

    def _usable(
        self, drawn: Drawn, begun: _Decoding, notes: Counter[str]
    ) -> tuple[Drawn, list[torch.Tensor]] | None:
        """Return a sample with its pictures, or what replaces it where they cannot be decoded."""
        try:
            return drawn, [part.result() for part in begun]
        except ImageError as error:
            notes[error.reason] += 1
        for row in substitutes(self._samples, drawn.source, drawn.position):
            other = Drawn(
                position=drawn.position,
                source=drawn.source,
                epoch=drawn.epoch,
                sample=self._samples[drawn.source, row],
            )
            try:
                found = [part.result() for part in self._begun(other)]
            except ImageError:
                continue
            notes["replaced"] += 1
            return other, found
        notes["not_replaced"] += 1
        return None

"""Steps of samples as they are: encoded bytes and the parsed chat, or decoded pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cauldron.loader.decoding import Decoders, Decoding, Job
from cauldron.loader.pictures import Fit, How
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


class PlainCourse:
    """The steps of plain samples; see `steps.Course`."""

    def __init__(
        self, samples: Samples, size: int, fit: Fit | None, how: How, threads: int
    ) -> None:
        self._samples, self._size = samples, size
        self._decoders = Decoders(fit, how, threads) if fit else None
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
        if self._decoders is None:
            batch = PlainBatch(
                step=state["step"] - 1, drawn=drawn, pictures=None, notes=Counter(), state=state
            )
            return lambda: batch
        decoders, decoding = self._decoders, self._decoders.begin(_jobs(drawn))
        return lambda: self._decoded(drawn, decoders, decoding, state)

    def state_dict(self) -> State:
        """Return the next position, and which order it is of."""
        return {"next": self._next, **self._samples.order_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken."""
        self._samples.load_order_state(state)
        self._next = int(state["next"])

    def close(self) -> None:
        """Let go of files and threads."""
        if self._decoders:
            self._decoders.close()
        self._samples.close()

    def _decoded(
        self, drawn: Sequence[Drawn], decoders: Decoders, decoding: Decoding, state: State
    ) -> PlainBatch:
        notes: Counter[str] = Counter()
        used: list[tuple[Drawn, list[torch.Tensor]]] = []
        first = 0
        for it in drawn:
            numbers = range(first, first + len(it.sample["images"]))
            first = numbers.stop
            try:
                used.append((it, _pictures(decoding, numbers)))
            except ImageError as error:
                notes[error.reason] += 1
                other = self._other(it, decoders)
                notes["replaced" if other else "not_replaced"] += 1
                used += [other] if other else []
        return PlainBatch(
            step=state["step"] - 1,
            drawn=[it for it, _ in used],
            pictures=[pictures for _, pictures in used],
            notes=notes,
            state=state,
        )

    def _other(self, drawn: Drawn, decoders: Decoders) -> tuple[Drawn, list[torch.Tensor]] | None:
        """Return what replaces a sample whose pictures cannot be decoded."""
        for row in substitutes(self._samples, drawn.source, drawn.position):
            other = drawn._replace(sample=self._samples[drawn.source, row])
            jobs = _jobs([other])
            try:
                return other, _pictures(decoders.begin(jobs), range(len(jobs)))
            except ImageError:
                continue
        return None


def _jobs(drawn: Sequence[Drawn]) -> list[Job]:
    return [Job(image["bytes"]) for it in drawn for image in it.sample["images"]]


def _pictures(decoding: Decoding, jobs: range) -> list[torch.Tensor]:
    return [torch.from_numpy(pixels) for job in jobs for pixels in decoding.result(job)]

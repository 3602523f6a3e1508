"""What answers questions: one small interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol as Interface

from cauldron.evaluate.benchmarks.base import Protocol
from cauldron.evaluate.runs.asking import Asked

GREY = (128, 128, 128)
"""What a blind model sees: a picture of the same size that shows nothing. Zeros after normalising
would count as padding in some models."""


class Backend(Interface):
    """A model behind some door.

    `name` and `settings` stand in results; equal ones give equal answers.
    """

    name: str
    settings: dict[str, object]
    at_once: int

    def answers(
        self, asked: Sequence[Asked], protocol: Protocol, *, blind: bool
    ) -> Iterator[list[tuple[Asked, str]]]:
        """Yield questions with their answers, in any order, as they are ready.

        Args:
            blind: show grey pictures of the same size.
        """

"""Pictures of a batch decoded in threads: a few together, as handing over costs time as well."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from cauldron.loader.pictures import Fit, How, Pixels, decode, decode_split
from cauldron.media.images import ImageError

CHUNK = 8
Job = tuple[bytes, int]
"""Encoded bytes, and how many pictures they become: 1, or 5 when split."""
_Found = list[Pixels] | ImageError


class Decoding:
    """The pictures of one batch under way."""

    def __init__(self, futures: Sequence[Future[list[_Found]]], chunk: int) -> None:
        self._futures, self._chunk = futures, chunk

    def result(self, job: int) -> list[Pixels]:
        """Return what a job became.

        Raises:
            ImageError: if it cannot or must not be decoded.
        """
        found = self._futures[job // self._chunk].result()[job % self._chunk]
        if isinstance(found, ImageError):
            raise found
        return found


class Decoders:
    """Threads that decode pictures to one rule of sizes."""

    def __init__(self, fit: Fit, how: How, threads: int) -> None:
        self._fit, self._how, self._count = fit, how, threads
        self._threads = ThreadPoolExecutor(threads, "decode")

    def begin(self, jobs: Sequence[Job]) -> Decoding:
        """Start decoding."""
        chunk = max(min(-(-len(jobs) // self._count), CHUNK), 1)
        parts = [jobs[start : start + chunk] for start in range(0, len(jobs), chunk)]
        return Decoding([self._threads.submit(self._decoded, part) for part in parts], chunk)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _decoded(self, jobs: Sequence[Job]) -> list[_Found]:
        return [self._one(image, crops) for image, crops in jobs]

    def _one(self, image: bytes, crops: int) -> _Found:
        try:
            if crops == 1:
                return [decode(image, self._fit, self._how)]
            return decode_split(image, self._fit, self._how)
        except ImageError as error:
            return error

"""Pictures of a batch decoded in threads: a few together, as handing over costs time as well."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from cauldron.loader.augment import Augment
from cauldron.loader.pictures import Fit, How, Pixels, decode, decode_split
from cauldron.media.images import ImageError

CHUNK = 8
_Found = list[Pixels] | ImageError


class Job(NamedTuple):
    """A picture to decode.

    Args:
        image: encoded bytes.
        crops: pictures that it becomes: 1, or 5 when split.
        source, key: what random changes depend on.
    """

    image: bytes
    crops: int = 1
    source: str = ""
    key: tuple[str, ...] = ()


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
    """Threads that decode pictures to one rule of sizes.

    Args:
        augment: what is done to pictures at random.
    """

    def __init__(self, fit: Fit, how: How, threads: int, augment: Augment | None = None) -> None:
        self._fit, self._how, self._count, self._augment = fit, how, threads, augment
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
        return [self._one(job) for job in jobs]

    def _one(self, job: Job) -> _Found:
        augment, how = self._augment, self._how
        fit = augment.scaled(self._fit, *job.key) if augment else self._fit
        try:
            if job.crops == 1:
                pixels = [decode(job.image, fit, how)]
            else:
                pixels = decode_split(job.image, fit, how)
        except ImageError as error:
            return error
        if not augment:
            return pixels
        return [augment.spoilt(p, job.source, *job.key, str(n)) for n, p in enumerate(pixels)]

"""Runs a benchmark on a model: each answer is kept as it comes, a killed run goes on.

OUT/<benchmark>/<protocol>/ holds answers/<key>/*.jsonl while answers come in; then results.parquet,
one row a question in the order of the benchmark, and summary.json. Processes started by torchrun
share the questions; the first one writes the results when all have answered.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from cauldron import __version__
from cauldron.errors import CheckError, SourceError
from cauldron.evaluate.benchmarks import Benchmark, Item, Place
from cauldron.evaluate.benchmarks.base import Protocol
from cauldron.evaluate.runs.asking import Asked, ask, drawn, example_pool, examples_for, windows
from cauldron.evaluate.runs.backend import Backend
from cauldron.evaluate.runs.results import write_results
from cauldron.storage import files
from cauldron.storage.keys import key_of

Say = Callable[[str], None]
SEEN, BLIND = "seen", "blind"
_WINDOW = 32  # batches that are sorted by length together
_STALLED_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One benchmark, asked in one way.

    Args:
        shots: examples instead of those of the protocol; likewise `split` and `limit`.
        blind: ask once more with grey pictures.
        seed: of drawn examples and small sets.
        share: answer this share of the questions only, (number, of how many), and write no
            results; None: all, or the share that torchrun gives this process.
    """

    benchmark: Benchmark
    protocol: str
    data: str
    out: str
    split: str = ""
    shots: int | None = None
    limit: int | None = None
    blind: bool = True
    seed: int = 0
    share: tuple[int, int] | None = None

    @property
    def folder(self) -> str:
        """Where the results go."""
        return files.join(self.out, self.benchmark.name, self.protocol)

    @property
    def modes(self) -> tuple[str, ...]:
        """With pictures, and blind."""
        return (SEEN, BLIND) if self.blind else (SEEN,)

    def way(self) -> Protocol:
        """Return the protocol with what was asked for instead."""
        known = self.benchmark.protocol(self.protocol)
        shots = known.shots if self.shots is None else self.shots
        limit = known.limit if self.limit is None else self.limit
        return replace(known, shots=shots, limit=limit)


def run_benchmark(run: Run, backend: Backend, say: Say = lambda text: None) -> dict[str, Any]:
    """Ask a benchmark and write its results; what has an answer is not asked again.

    Returns:
        The summary; in processes after the first, and for a share, an empty one.

    Raises:
        SourceError: if the data are not there, or shots are asked for and there are no examples.
        CheckError: if another process does not answer its part.
    """
    place, way = Place(run.data), run.way()
    split = run.split or way.split or run.benchmark.scored_splits(place)[0]
    chosen = _chosen(run, place, split, way)
    key = _key(run, way, split, backend, chosen)
    answers = _Answers(files.join(run.folder, "answers", key))
    torchrun = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    rank, world = run.share or torchrun
    pool = _pool(run, place, way)
    for mode in run.modes:
        told = answers.ids(mode)
        waiting = (
            ask(item, way, examples_for(item, pool, way.shots, run.seed))
            for number, item in enumerate(_items(run, place, split, chosen))
            if number % world == rank and item.id not in told
        )
        for window in windows(waiting, backend.at_once * _WINDOW):
            for batch in backend.answers(window, way, blind=mode == BLIND):
                answers.add(rank, mode, batch)
            say(f"{run.benchmark.name}: {len(answers.ids(mode))} of {len(chosen)} {mode}")
    if rank or run.share:
        return {}
    answers.wait_for(chosen, run.modes)
    about = _about(run, way, split, backend, key)
    return write_results(
        run.folder,
        run.benchmark,
        way,
        lambda: _items(run, place, split, chosen),
        answers.rows(),
        about,
    )


def check_data(run: Run) -> None:
    """Check that a benchmark can be asked as told: names, files, examples to show.

    Raises:
        UsageError: if there is no protocol of this name.
        SourceError, StorageError: if the data or the examples are not there.
    """
    place, way = Place(run.data), run.way()
    split = run.split or way.split or run.benchmark.scored_splits(place)[0]
    next(run.benchmark.items(place, split))
    _pool(run, place, way)


def _items(run: Run, place: Place, split: str, chosen: frozenset[str]) -> Iterator[Item]:
    return (item for item in run.benchmark.items(place, split) if item.id in chosen)


def _chosen(run: Run, place: Place, split: str, way: Protocol) -> frozenset[str]:
    """Return the ids that are asked; questions that belong together stay together."""
    groups: dict[str, list[str]] = {}
    for item in run.benchmark.items(place, split):
        groups.setdefault(str(item.fields.get("question_index", item.id)), []).append(item.id)
    kept = drawn(groups, way.limit, run.seed) if way.limit else groups
    return frozenset(name for group in kept for name in groups[group])


def _pool(run: Run, place: Place, way: Protocol) -> list[Item]:
    if not way.shots:
        return []
    train = run.benchmark.train
    if not train:
        raise SourceError(
            f"{run.benchmark.name} has no examples to show", place=run.data, hint="--shots 0"
        )
    try:
        return example_pool(run.benchmark.items(place, train), run.seed)
    except SourceError as error:
        raise SourceError(
            f"shots come from the split '{train}': {error.message}",
            place=error.place,
            hint="put it beside the other, or --shots 0",
        ) from error


def _key(run: Run, way: Protocol, split: str, backend: Backend, chosen: frozenset[str]) -> str:
    """Return what answers depend on, in short."""
    asked = hashlib.sha256("\0".join(sorted(chosen)).encode()).hexdigest()
    return key_of(
        run.benchmark.name, asdict(way), split, run.seed, backend.name, backend.settings, asked
    )[:16]


def _about(run: Run, way: Protocol, split: str, backend: Backend, key: str) -> dict[str, Any]:
    return {
        "benchmark": run.benchmark.name,
        "title": run.benchmark.title,
        "protocol": run.protocol,
        "settings": asdict(way) | {"split": split, "seed": run.seed},
        "model": backend.name,
        "backend": backend.settings,
        "version": __version__,
        "key": key,
    }


class _Answers:
    """Answers that are there: small files, each written once and whole."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: dict[str, dict[str, dict[str, Any]]] = {SEEN: {}, BLIND: {}}
        self._read: set[str] = set()
        self._read_new()
        self._next = len(self._read)

    def _read_new(self) -> None:
        for name in files.list_names(self._folder, ".jsonl"):
            if name not in self._read:
                self._read.add(name)
                for line in files.read_bytes(files.join(self._folder, name)).splitlines():
                    row = orjson.loads(line)
                    self._known[row["mode"]][row["id"]] = row

    def ids(self, mode: str) -> frozenset[str]:
        return frozenset(self._known[mode])

    def rows(self) -> dict[str, dict[str, dict[str, Any]]]:
        return self._known

    def add(self, rank: int, mode: str, batch: Sequence[tuple[Asked, str]]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "id": asked.id,
                "mode": mode,
                "answer": answer,
                "prompt": asked.prompt,
                "images": [hashlib.sha256(picture.read()).hexdigest() for picture in asked.images],
            }
            for asked, answer in batch
        ]
        first = hashlib.sha256(rows[0]["id"].encode()).hexdigest()[:16]
        name = f"{rank:04d}-{self._next:07d}-{first}.jsonl"
        payload = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        files.write_bytes(files.join(self._folder, name), payload)
        self._read.add(name)
        self._next += 1
        self._known[mode] |= {row["id"]: row for row in rows}

    def wait_for(self, chosen: frozenset[str], modes: Sequence[str]) -> None:
        """Wait until other processes have answered the rest.

        Raises:
            CheckError: if none comes for an hour.
        """
        last, count = time.monotonic(), -1
        while missing := sum(len(chosen - self.ids(mode)) for mode in modes):
            if missing != count:
                last, count = time.monotonic(), missing
            if time.monotonic() - last > _STALLED_S:
                raise CheckError(
                    f"{missing} questions have no answer", place=self._folder,
                    hint="a process may have ended; the same command goes on where it stopped",
                )  # fmt: skip
            time.sleep(0.2)
            self._read_new()

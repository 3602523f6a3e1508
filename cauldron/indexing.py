"""Build the index of benchmarks: the official files of known ones, or whatever form others have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.curate.benchmark_items import PICTURES, Item, distinct, pieces
from cauldron.curate.leak_index import INDEX_VERSION, index_items, index_piece, join_index
from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Job, perform_all
from cauldron.errors import SourceError, StorageError
from cauldron.evaluate.benchmarks import Place, benchmark, leaks, names
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256

_ALSO = {"coco": "coco_captions", "infographicvqa": "infovqa", "seedbench": "seed"}


def index_benchmarks(
    engine: Engine,
    benchmarks: Mapping[str, str],
    out: str,
    folder: str,
    hashes_only: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Build an index of benchmarks, piece by piece.

    Args:
        benchmarks: label to place. Where the label is the name of a benchmark that `cauldron eval`
            knows and its files are there, they are read as it reads them, of all splits that are
            scored; else a work folder, Parquet, or pictures with records beside them.
        folder: where pieces are kept, so that a cut-off build goes on.

    Raises:
        SourceError: if a benchmark has neither a question nor a picture.
    """
    files.sweep_beside(out)
    jobs = [job for label, place in benchmarks.items() for job in _jobs(label, place, folder)]
    list(followed(perform_all(engine, jobs, shared=False), "index", len(jobs), progress))
    made = join_index([job.outputs[0] for job in jobs], out, hashes_only)
    for label in sorted(set(benchmarks) - set(made["benchmarks"])):
        files.remove(out)
        raise SourceError(
            f"{label}: no question and no picture found", place=benchmarks[label],
            hint=f"LABEL=PATH with a known label: {', '.join(names())}",
        )  # fmt: skip
    return made


def known_benchmark(label: str) -> str | None:
    """Return the name of the benchmark that a label means, whatever its spelling."""
    bare = re.sub(r"[^a-z0-9]", "", label.lower())
    return _ALSO.get(bare) or next((n for n in names() if n.replace("_", "") == bare), None)


def _jobs(label: str, place: str, folder: str) -> Iterator[Job]:
    splits, name = _splits(label, place), known_benchmark(label)
    stamp = _stamp(place) if splits else None
    for number, piece in enumerate(splits or pieces(place)):
        stem = f"{work.check_name(label)}-{number:05d}"
        made = files.join(folder, f"{stem}.parquet")
        told = [name, piece, stamp] if splits else _stamp(piece)
        yield Job(
            key=key_of("index", INDEX_VERSION, label, told),
            receipt=files.join(folder, f"{stem}.json"),
            outputs=(made,),
            function=_index_split if splits else index_piece,
            arguments=(label, name, piece, place, made) if splits else (label, piece, place, made),
        )


def _splits(label: str, place: str) -> list[str]:
    """Return the scored splits of a known benchmark that a folder holds."""
    name = known_benchmark(label)
    if name is None or files.is_file(place) or work.sources(place):
        return []
    try:
        return benchmark(name).scored_splits(Place(place))
    except (SourceError, StorageError):
        return []


def _index_split(label: str, name: str, split: str, place: str, out: str) -> dict[str, Any]:
    """Write the rows of one split of a known benchmark."""
    found = (
        Item(name=item, questions=distinct([question]), pictures=shown)
        for item, shown, question in leaks(name, place, split)
    )
    return index_items(label, found, out)


def _stamp(piece: str) -> Any:
    """Return what changes when a piece of a benchmark does."""
    if files.is_file(piece):
        return [piece, file_sha256(piece)]
    told = []
    for name in files.find_files(piece):
        url = files.join(piece, name)
        drawn = name.lower().endswith(PICTURES)
        told.append((name, files.size_bytes(url) if drawn else file_sha256(url)))
    return [piece, told]

"""The pictures of many samples: each once, with its thumbnail, near ones under one label."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cauldron.curate.details import DETAIL_SIDE, detail
from cauldron.curate.groups import smallest_members
from cauldron.curate.near_images import looks_of, near_images, same_details
from cauldron.curate.parts import PartFiles, by_part
from cauldron.media.images import ImageError
from cauldron.media.small import small_grey
from cauldron.signals.thumbs import THUMB_SIDE
from cauldron.storage.scratch import scratch_array
from cauldron.storage.shards import open_parquet, read_table

_PAIRS = 128  # pairs compared in one task
_ROWS = 4_096  # thumbnails made to an array at a time
DECODED_SIDE = DETAIL_SIDE * 9 // 10  # lets a JPEG of twice the side be decoded at half scale

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]


def pictures_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Return each readable picture of samples once, by its exact hash.

    Args:
        frame: `part`, `row`, `image_hash` (a list) of samples.

    Returns:
        `image_hash`, and `part`, `row`, `index` of its first place, ordered by place.
    """
    flat = frame.select(
        "part",
        "row",
        "image_hash",
        pl.int_ranges(pl.col("image_hash").list.len()).alias("index"),
    ).explode("image_hash", "index", empty_as_null=False, keep_nulls=False)
    flat = flat.filter(pl.col("image_hash") != "").sort("part", "row", "index")
    return flat.unique("image_hash", keep="first", maintain_order=True)


def near_labels(
    parts: Sequence[PartFiles], pictures: pl.DataFrame, radius: int, fine: int, run: Run = map
) -> pl.DataFrame:
    """Return `image_hash` and `label` of pictures; near pictures have the same label.

    Labels are exact hashes, the smallest of each cluster, so they depend on no order.

    Args:
        run: applies a function to tasks and yields results in order, as an engine does.
    """
    thumbs, there = load_thumbs(parts, pictures)
    known = pictures.filter(pl.Series(there))

    def judge(pairs: I64, drawn: Bools) -> Bools:
        tasks = [
            _task(parts, known, pairs[k : k + _PAIRS], drawn[k : k + _PAIRS])
            for k in range(0, len(pairs), _PAIRS)
        ]
        return np.concatenate([np.zeros(0, bool), *run(judge_pairs, tasks)])

    pairs, _ = near_images(looks_of(thumbs[there]), judge, radius, fine)
    order = known["image_hash"].arg_sort().to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    smallest = order[smallest_members(rank[pairs], len(order))][rank]
    return known.select("image_hash", known["image_hash"][smallest].alias("label"))


@dataclass(frozen=True, slots=True)
class PairsTask:
    """Pairs of pictures to compare by their pixels, and where the pictures lie."""

    places: tuple[tuple[str, I64, I64, I64], ...]
    pairs: I64
    drawn: Bools


def _task(
    parts: Sequence[PartFiles], pictures: pl.DataFrame, pairs: I64, drawn: Bools
) -> PairsTask:
    numbers = np.unique(pairs)
    own = pictures[numbers]
    places = tuple(
        (parts[part].samples, numbers[at.to_numpy()], rows, own["index"].gather(at).to_numpy())
        for part, rows, at in by_part(own)
    )
    return PairsTask(places, pairs, drawn)


def judge_pairs(task: PairsTask) -> Bools:
    """Open the pictures of some pairs and say which pairs show the same."""
    details = {}
    for samples, numbers, rows, index in task.places:
        for number, data in zip(numbers.tolist(), picture_bytes(samples, rows, index), strict=True):
            with contextlib.suppress(ImageError):
                details[number] = detail(small_grey(data, DECODED_SIDE))
    return same_details(details, task.pairs, task.drawn)


def load_thumbs(
    parts: Sequence[PartFiles], pictures: pl.DataFrame
) -> tuple[U8, npt.NDArray[np.bool_]]:
    """Return the thumbnails of pictures, [n, 64, 64], and which of them were measured."""
    out: U8 = scratch_array((pictures.height, THUMB_SIDE, THUMB_SIDE), np.uint8)
    there = np.zeros(pictures.height, bool)
    for part, rows, places in by_part(pictures):
        column = read_table(parts[part].signals, ["image_thumb"])["image_thumb"].combine_chunks()
        at = column.offsets.to_numpy()[rows] + pictures["index"].gather(places).to_numpy()
        held = column.values.take(at)
        where = places.to_numpy()
        for start in range(0, len(where), _ROWS):
            values = held.slice(start, _ROWS).to_pylist()
            fits = np.array([v is not None and len(v) == THUMB_SIDE**2 for v in values], bool)
            own = where[start : start + _ROWS][fits]
            joined = b"".join(v for v, fit in zip(values, fits, strict=True) if fit)
            out[own] = np.frombuffer(joined, np.uint8).reshape(-1, THUMB_SIDE, THUMB_SIDE)
            there[own] = True
    return out, there


def picture_bytes(
    url: str, rows: npt.NDArray[np.int64], index: npt.NDArray[np.int64]
) -> Iterator[bytes]:
    """Yield the bytes of pictures of a samples part by ascending rows, a row group at a time."""
    with open_parquet(url) as file:
        first = 0
        for group in range(file.metadata.num_row_groups):
            last = first + file.metadata.row_group(group).num_rows
            low, high = np.searchsorted(rows, (first, last))
            if low < high:
                images = file.read_row_group(group, columns=["images"])["images"].combine_chunks()
                offsets = images.offsets.to_numpy()
                data = images.values.field("bytes")
                for row, place in zip(rows[low:high], index[low:high], strict=True):
                    yield data[int(offsets[row - first] + place)].as_py() or b""
            first = last

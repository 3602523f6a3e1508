"""The pictures of many samples: each once, its thumbnail, its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from cauldron.curate.details import DETAIL_SIDE
from cauldron.curate.parts import PartFiles, by_part
from cauldron.signals.thumbs import LOOK_BYTES
from cauldron.storage.files import is_local, local_path
from cauldron.storage.index import picture_views
from cauldron.storage.scratch import scratch_array
from cauldron.storage.shards import open_parquet, read_table

_ROWS = 4_096  # looks made to an array at a time
DECODED_SIDE = DETAIL_SIDE * 9 // 10  # lets a JPEG of twice the side be decoded at half scale

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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


def load_looks(
    parts: Sequence[PartFiles], pictures: pl.DataFrame
) -> tuple[U8, npt.NDArray[np.bool_]]:
    """Return the looks of pictures, [n, 4224], and which of them were measured."""
    out: U8 = scratch_array((pictures.height, LOOK_BYTES), np.uint8)
    there = np.zeros(pictures.height, bool)
    for part, rows, places in by_part(pictures):
        column = read_table(parts[part].signals, ["image_thumb"])["image_thumb"].combine_chunks()
        at = column.offsets.to_numpy()[rows] + pictures["index"].gather(places).to_numpy()
        held = column.values.take(at)
        where = places.to_numpy()
        for start in range(0, len(where), _ROWS):
            values = held.slice(start, _ROWS).to_pylist()
            fits = np.array([v is not None and len(v) == LOOK_BYTES for v in values], bool)
            own = where[start : start + _ROWS][fits]
            joined = b"".join(v for v, fit in zip(values, fits, strict=True) if fit)
            out[own] = np.frombuffer(joined, np.uint8).reshape(-1, LOOK_BYTES)
            there[own] = True
    return out, there


def picture_bytes(url: str, rows: I64, index: I64) -> Iterator[bytes | memoryview]:
    """Yield the bytes of pictures of a samples part by ascending rows.

    Of a local part only these pictures are read, else a row group at a time.
    """
    held = picture_views(local_path(url)) if is_local(url) else None
    if held is None:
        yield from _read_pictures(url, rows, index)
        return
    counts, views = held
    firsts = np.cumsum(counts) - counts
    yield from (views[place] for place in (firsts[rows] + index).tolist())


def _read_pictures(url: str, rows: I64, index: I64) -> Iterator[bytes]:
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

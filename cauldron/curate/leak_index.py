"""The index of benchmarks: hashes of their pictures and questions, built once, kept and shared.

One Parquet file: a row for each picture and each question. With `hashes_only` it holds nothing
that can be looked at: no thumbnail, no word of a question; near pictures are then judged by their
256-bit hashes alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from PIL import Image

from cauldron.curate.benchmark_items import Item, items
from cauldron.errors import StorageError
from cauldron.signals.grams import GRAM_WORDS, gram_hashes, whole_hashes, words_hashed
from cauldron.signals.pictures import pixel_signals
from cauldron.signals.thumbs import LOOK_BYTES, THUMB_SIDE, greys, tints
from cauldron.storage.shards import open_parquet, read_table, write_table

INDEX_VERSION = "2"
_MARK = b"cauldron.benchmark_index"
_SHOWN = 300  # characters of a question that are kept to be shown
_ITEMS = 256  # items measured at a time
_TEMPLATE = (10, 0.02)  # a run of words in more items, and a larger share of them, is a template
_SCHEMA: pa.Schema = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("question", pa.string()),
        ("whole", pa.uint64()),
        ("grams", pa.list_(pa.uint64())),
        ("pictures", pa.list_(pa.string())),
        ("phash", pa.uint64()),
        ("phash256", pa.binary()),
        ("thumb", pa.binary()),
    ]
)
"""A question has `question`, `whole` or `grams`, and the pictures it is asked about; a picture has
itself in `pictures`, and the perceptual hashes."""


def index_piece(benchmark: str, piece: str, root: str, out: str) -> dict[str, Any]:
    """Write the rows of one piece of a benchmark."""
    return index_items(benchmark, items(piece, root), out)


def index_items(benchmark: str, found: Iterable[Item], out: str) -> dict[str, Any]:
    """Write the rows of items of a benchmark."""
    tables, held = [], []
    for item in found:
        held.append(item)
        if len(held) == _ITEMS:
            tables.append(_measured(benchmark, held))
            held = []
    tables.append(_measured(benchmark, held))
    table = pa.concat_tables(tables)
    write_table(out, table)
    return {"rows": table.num_rows}


def _measured(benchmark: str, held: Sequence[Item]) -> pa.Table:
    flat = [data for item in held for data in item.pictures]
    found = pixel_signals(flat) if flat else {"image_hash": []}
    hashes = iter(found["image_hash"])
    own = [[next(hashes) for _ in item.pictures] for item in held]
    rows = []
    texts = [question for item in held for question in item.questions]
    words, bounds = words_hashed(texts)
    whole = whole_hashes(words, bounds)
    grams, owner = gram_hashes(words, bounds)
    cuts = np.searchsorted(owner, np.arange(len(texts) + 1))
    number = 0
    for item, pictures in zip(held, own, strict=True):
        for question in item.questions:
            short = bounds[number + 1] - bounds[number] < GRAM_WORDS
            rows.append(
                {
                    "item": item.name,
                    "question": question[:_SHOWN],
                    "whole": int(whole[number]) if short and whole[number] else None,
                    "grams": grams[cuts[number] : cuts[number + 1]].tolist(),
                    "pictures": [h for h in pictures if h],
                }
            )
            number += 1
    places = ((item.name, h) for item, hs in zip(held, own, strict=True) for h in hs)
    for place, (name, digest) in enumerate(places):
        if digest:
            rows.append(
                {
                    "item": name,
                    "pictures": [digest],
                    "phash": int(found["image_phash"][place]),
                    "phash256": found["image_phash256"][place].as_py(),
                    "thumb": found["image_thumb"][place].as_py(),
                }
            )
    return pa.Table.from_pylist([{"benchmark": benchmark, **row} for row in rows], schema=_SCHEMA)


def join_index(parts: Sequence[str], out: str, hashes_only: bool = False) -> dict[str, Any]:
    """Join pieces to one index: each picture once, runs of words of templates left out.

    Returns:
        Per benchmark the number of questions and of pictures.
    """
    table = pl.concat([pl.DataFrame(pl.from_arrow(read_table(part))) for part in parts])
    asked = _without_templates(table.filter(pl.col("phash").is_null()))
    shown = table.filter(pl.col("phash").is_not_null()).unique(
        ["benchmark", "pictures"], keep="first", maintain_order=True
    )
    if hashes_only:
        asked = asked.with_columns(question=pl.lit("", pl.String))
        shown = shown.with_columns(thumb=pl.lit(None, pl.Binary))
    made = pl.concat([asked, shown]).to_arrow().cast(_SCHEMA)
    write_table(out, made.replace_schema_metadata({_MARK: INDEX_VERSION}))
    counts: dict[str, dict[str, int]] = {}
    for kind, part in (("questions", asked), ("pictures", shown)):
        for name, number in part.group_by("benchmark").len().sort("benchmark").iter_rows():
            counts.setdefault(name, {"questions": 0, "pictures": 0})[kind] = number
    return {"benchmarks": counts}


def _without_templates(asked: pl.DataFrame) -> pl.DataFrame:
    flat = asked.with_row_index("place").select("place", "benchmark", "grams")
    flat = flat.explode("grams", empty_as_null=False, keep_nulls=False).unique(maintain_order=True)
    least, share = _TEMPLATE
    often = pl.len().over("benchmark", "grams")
    items = asked.group_by("benchmark").len("items")
    flat = flat.join(items, on="benchmark", how="left", maintain_order="left")
    flat = flat.filter((often <= least) | (often <= share * pl.col("items")))
    lists = flat.group_by("place", maintain_order=True).agg("grams")
    return (
        asked.drop("grams")
        .with_row_index("place")
        .join(lists, on="place", how="left", maintain_order="left")
        .with_columns(pl.col("grams").fill_null([]))
        .select(_SCHEMA.names)
    )


def is_index(path: str) -> bool:
    """Say whether a file is an index.

    Raises:
        StorageError: if it is one of another version.
    """
    if not path.endswith((".parquet", ".index")):
        return False
    with open_parquet(path) as file:
        version = (file.schema_arrow.metadata or {}).get(_MARK)
    if version is not None and version.decode() != INDEX_VERSION:
        raise StorageError("an index of another version", place=path, hint="build it again")
    return version is not None


@dataclass(frozen=True, slots=True)
class LeakIndex:
    """An index in memory.

    Args:
        questions: `question_row`, `benchmark`, `item`, `question`, `pictures`.
        grams: `gram` and `question_row`, sorted; short questions are in it as a whole.
        pictures: `picture_row`, `benchmark`, `item`, `hash`.
        looks: [n, 4224], of no picture when the index has hashes only.
    """

    questions: pl.DataFrame
    grams: pl.DataFrame
    pictures: pl.DataFrame
    coarse: npt.NDArray[np.uint64]
    fine: npt.NDArray[np.uint64]
    looks: npt.NDArray[np.uint8]

    def look_of(self, digest: str | None) -> bytes:
        """Return a small JPEG of a picture by its exact hash; nothing where no look is held."""
        rows = self.pictures.filter(pl.col("hash") == (digest or ""))["picture_row"]
        return _shown_look(self.looks[rows[0]]) if len(rows) and len(self.looks) else b""


def _shown_look(look: npt.NDArray[np.uint8]) -> bytes:
    grey, side = Image.fromarray(greys(look[None])[0]), THUMB_SIDE
    colours = [Image.fromarray(tint).resize((side, side)) for tint in tints(look[None])[0]]
    out = io.BytesIO()
    Image.merge("YCbCr", [grey, *colours]).convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


@lru_cache(maxsize=1)
def load_index(paths: tuple[str, ...]) -> LeakIndex:
    """Read indexes into one; kept, since every part asks for the same."""
    table = pl.concat([pl.DataFrame(pl.from_arrow(read_table(path))) for path in paths])
    asked = table.filter(pl.col("phash").is_null()).with_row_index("question_row")
    shown = table.filter(pl.col("phash").is_not_null()).with_row_index("picture_row")
    runs = asked.select("question_row", pl.col("grams").alias("gram"))
    runs = runs.explode("gram", empty_as_null=False, keep_nulls=False)
    short = asked.select("question_row", pl.col("whole").alias("gram")).drop_nulls()
    looks = [look for look in shown["thumb"] if look]
    whole = looks if len(looks) == shown.height else []
    return LeakIndex(
        questions=asked.select("question_row", "benchmark", "item", "question", "pictures"),
        grams=pl.concat([runs, short]).unique().sort("gram", "question_row"),
        pictures=shown.select(
            "picture_row", "benchmark", "item", pl.col("pictures").list.first().alias("hash")
        ),
        coarse=shown["phash"].to_numpy().astype(np.uint64),
        fine=np.frombuffer(b"".join(shown["phash256"]), np.uint64).reshape(-1, 4),
        looks=np.frombuffer(b"".join(whole), np.uint8).reshape(-1, LOOK_BYTES),
    )


def labels(path: str) -> list[str]:
    """Return the names of the benchmarks in an index."""
    return sorted(set(read_table(path, ["benchmark"])["benchmark"].to_pylist()))


def named(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the label and path of benchmarks given as a path or as LABEL=PATH."""
    from cauldron.storage import files

    seen: set[str] = set()
    for text in given:
        label, mark, path = text.partition("=")
        if not mark or "/" in label or files.exists(text):
            path = text
            label = text.rstrip("/").rpartition("/")[2].removesuffix(".parquet") or "benchmark"
        while label in seen:
            label += "-2"
        seen.add(label)
        yield label, path

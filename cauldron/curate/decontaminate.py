"""Samples that stand in a benchmark: by picture, by question, and by both.

A sample whose picture and question are those of one item of a benchmark is a leak and is dropped.
A picture alone or a question alone is reported, or dropped when asked: pictures are shared by many
sets, and short questions are asked everywhere. An item without pictures leaks by its question.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from cauldron.curate.decisions import kept, write_decisions
from cauldron.curate.leak_index import LeakIndex, load_index
from cauldron.curate.near_images import FINE_RADIUS, RADIUS, near_across
from cauldron.curate.parts import PartFiles
from cauldron.curate.pictures import load_looks, pictures_of
from cauldron.signals.grams import gram_hashes, whole_hashes, words_hashed
from cauldron.signals.hashes import bare_questions
from cauldron.signals.said import Said
from cauldron.storage.shards import iter_batches, read_table, write_table

KINDS = ("both", "image_only", "near_image_only", "text_only")
REASONS = {
    "both": "benchmark_leak",
    "image_only": "benchmark_image",
    "near_image_only": "benchmark_image",
    "text_only": "benchmark_question",
}
_EXAMPLES = 5  # of each benchmark and kind, told of each part
_SHOWN = 300  # characters of a sample's question that are told
_ROWS = 2_000


class DecontaminateSettings(BaseModel):
    """What counts as contaminated.

    Args:
        image_only: what to do with a sample that has a benchmark's picture, not its question.
        text_only: what to do with one that has a benchmark's question, not its picture.
        near: seek near pictures besides exact ones.
        max_distance_256: bits of the 256-bit hash that may differ where the index has no
            thumbnails to compare.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image_only: Literal["report", "drop"] = "report"
    text_only: Literal["report", "drop"] = "report"
    near: bool = True
    max_distance_256: int = Field(20, ge=0, le=64)

    def drops(self) -> list[str]:
        """Return the kinds of overlap that are dropped."""
        out = ["both"]
        out += ["image_only", "near_image_only"] if self.image_only == "drop" else []
        return out + (["text_only"] if self.text_only == "drop" else [])


def decontaminate_part(
    part: PartFiles, index_urls: tuple[str, ...], leaks_url: str, settings: DecontaminateSettings
) -> dict[str, Any]:
    """Compare the kept samples of a part with an index; write decisions, and all hits.

    Returns:
        Kept and dropped; `overlap` counts samples by benchmark and kind; `examples` shows some.
    """
    index = load_index(index_urls)
    table = read_table(part.signals, ["id", "image_hash", "image_phash", "image_phash256"])
    alive = kept(part.earlier, table.num_rows)
    frame = pl.DataFrame(pl.from_arrow(table)).with_row_index("row").filter(pl.Series(alive))
    shown = _picture_hits(part, frame, index, settings)
    asked, texts = _question_hits(part, frame, index)
    leaks = _leaks(shown, asked, index).sort("row", "benchmark")
    _write_leaks(leaks_url, frame, leaks)
    rank = {kind: place for place, kind in enumerate(KINDS)}
    first = leaks.filter(pl.col("kind").is_in(settings.drops()))
    first = first.sort(pl.col("kind").replace_strict(rank, return_dtype=pl.Int32), "row")
    drops = first.unique("row", keep="first", maintain_order=True).select(
        "row",
        pl.col("kind").replace_strict(REASONS, return_dtype=pl.String).alias("reason"),
        pl.col("bits").cast(pl.Float64).alias("value"),
        (pl.col("benchmark") + ":" + pl.col("item")).alias("detail"),
    )
    counts = write_decisions(part.out, table["id"], drops, alive)
    overlap: dict[str, dict[str, int]] = {}
    for name, kind, number in leaks.group_by("benchmark", "kind").len().sort("benchmark").rows():
        overlap.setdefault(name, dict.fromkeys(KINDS, 0))[kind] = number
    return {**counts, "overlap": overlap, "examples": _examples(leaks, frame, texts, index)}


def _picture_hits(
    part: PartFiles, frame: pl.DataFrame, index: LeakIndex, settings: DecontaminateSettings
) -> pl.DataFrame:
    """Return `row`, `picture_row`, `bits` (null: equal pixels) of pictures that the index has."""
    placed = frame.select("row", pl.lit(0).alias("part"), "image_hash")
    pictures = pictures_of(placed)
    exact = pictures.select(pl.col("image_hash").alias("hash")).join(
        index.pictures.select("hash", "picture_row"), on="hash"
    )
    hits = exact.with_columns(bits=pl.lit(None, pl.Int64))
    if settings.near and pictures.height and index.pictures.height:
        hits = pl.concat([hits, _near_hits(part, frame, pictures, index, settings)])
    flat = frame.select("row", pl.col("image_hash").alias("hash"))
    flat = flat.explode("hash", empty_as_null=False, keep_nulls=False).unique(maintain_order=True)
    return flat.join(hits, on="hash").drop("hash").sort("row", "picture_row", "bits")


def _near_hits(
    part: PartFiles,
    frame: pl.DataFrame,
    pictures: pl.DataFrame,
    index: LeakIndex,
    settings: DecontaminateSettings,
) -> pl.DataFrame:
    flat = frame.select("image_hash", "image_phash", "image_phash256").explode(
        "image_hash", "image_phash", "image_phash256", empty_as_null=False, keep_nulls=False
    )
    known = flat.unique("image_hash", keep="first")
    held = pictures.join(known, on="image_hash", maintain_order="left")
    coarse = held["image_phash"].to_numpy().astype(np.uint64)
    fine = np.frombuffer(b"".join(held["image_phash256"]), np.uint64).reshape(-1, 4)
    if len(index.looks):
        looks = load_looks([part], held)[0]
        pairs, bits = near_across(
            (coarse, fine, looks), (index.coarse, index.fine, index.looks), RADIUS, FINE_RADIUS
        )
    else:
        pairs, bits = near_across(
            (coarse, fine, None),
            (index.coarse, index.fine, None),
            RADIUS,
            settings.max_distance_256,
        )
    found = pl.DataFrame(
        {
            "hash": held["image_hash"].gather(pairs[:, 0]),
            "picture_row": pl.Series(pairs[:, 1], dtype=pl.UInt32),
            "bits": pl.Series(bits, dtype=pl.Int64),
        }
    )
    equal = index.pictures.select("picture_row", "hash")
    return found.join(equal, on=["picture_row", "hash"], how="anti")


def _question_hits(
    part: PartFiles, frame: pl.DataFrame, index: LeakIndex
) -> tuple[pl.DataFrame, dict[int, str]]:
    """Return `row` and `question_row` of questions that samples ask or hold, and their texts."""
    found = [pl.DataFrame(schema={"row": pl.UInt32, "question_row": pl.UInt32})]
    texts: dict[int, str] = {}
    wanted = set(frame["row"].to_list())
    first = 0
    for batch in iter_batches(part.samples, ["messages", "extra"], rows=_ROWS):
        said = Said(batch.column(0), batch.column(1))
        rows, hashes = _said_hashes(said)
        hits = pl.DataFrame({"row": rows + first, "gram": hashes}).unique()
        hits = hits.with_columns(pl.col("row").cast(pl.UInt32)).join(index.grams, on="gram")
        hits = hits.select("row", "question_row").unique().sort("row", "question_row")
        hits = hits.filter(pl.col("row").is_in(frame["row"].implode()))
        found.append(hits)
        texts |= {
            number: said.joined[number - first].as_py()[:_SHOWN]
            for number in range(first, first + batch.num_rows)
            if number in wanted
        }
        first += batch.num_rows
    return pl.concat(found), texts


def _said_hashes(said: Said) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return runs of words of all that is said, and whole questions, with the sample of each."""
    grams, owner = gram_hashes(*words_hashed(said.texts.to_pylist()))
    bare = bare_questions(said)
    asked = [(row, text) for row, texts in enumerate(bare) for text in texts]
    asked += [(int(said.owner[k]), said.texts[k].as_py()) for k in said.questions.tolist()]
    words, bounds = words_hashed([text for _, text in asked])
    extra, owner_extra = gram_hashes(words, bounds)
    rows = np.array([row for row, _ in asked], np.int64)
    return (
        np.concatenate([said.owner[owner], rows, rows[owner_extra]]).astype(np.int64),
        np.concatenate([grams, whole_hashes(words, bounds), extra]),
    )


def _leaks(shown: pl.DataFrame, asked: pl.DataFrame, index: LeakIndex) -> pl.DataFrame:
    """Return one row for each sample and benchmark: kind, item, its question, bits, picture."""
    pictures = shown.join(index.pictures, on="picture_row", maintain_order="left")
    questions = asked.join(index.questions, on="question_row", maintain_order="left")
    bare = questions.filter(pl.col("pictures").list.len() == 0)
    unseen = pl.lit(None, pl.Int64).alias("bits")
    no_picture = pl.lit(None, pl.String).alias("hash")
    alone = bare.select("row", "benchmark", "item", "question", unseen, no_picture)
    of_item = questions.explode("pictures", empty_as_null=False, keep_nulls=False)
    both = pictures.join(
        of_item.select("row", "benchmark", "question", pl.col("pictures").alias("hash"), "item"),
        on=["row", "benchmark", "hash"],
        suffix="_asked",
        maintain_order="left",
    ).select("row", "benchmark", pl.col("item_asked").alias("item"), "question", "bits", "hash")
    images = pictures.select(
        "row", "benchmark", "item", pl.lit("", pl.String).alias("question"), "bits", "hash"
    )
    first = pl.col("pictures").list.first().alias("hash")
    texts = questions.select("row", "benchmark", "item", "question", unseen, first)
    kinds = [
        (both, pl.lit("both")),
        (alone, pl.lit("both")),
        (
            images,
            pl.when(pl.col("bits").is_null()).then(pl.lit(KINDS[1])).otherwise(pl.lit(KINDS[2])),
        ),
        (texts, pl.lit("text_only")),
    ]
    ranked = [
        frame.with_columns(kind.alias("kind"), pl.lit(place).alias("rank"))
        for place, (frame, kind) in enumerate(kinds)
    ]
    joined = pl.concat(ranked).sort("row", "benchmark", "rank", "bits", "item", nulls_last=False)
    return joined.unique(["row", "benchmark"], keep="first", maintain_order=True).drop("rank")


def _write_leaks(url: str, frame: pl.DataFrame, leaks: pl.DataFrame) -> None:
    named = leaks.join(frame.select("row", "id"), on="row", maintain_order="left")
    table = named.select("id", "benchmark", "kind", "item", "question", "bits").to_arrow()
    schema = pa.schema(
        [(name, pa.string()) for name in ("id", "benchmark", "kind", "item", "question")]
        + [("bits", pa.int64())]
    )
    write_table(url, table.cast(schema))


def _examples(
    leaks: pl.DataFrame, frame: pl.DataFrame, texts: dict[int, str], index: LeakIndex
) -> list[dict[str, Any]]:
    """Return some samples of each benchmark and kind beside the items that they stand in.

    `look` is a small JPEG of the item's picture as base64, where the index has looks.
    """
    some = leaks.group_by("benchmark", "kind", maintain_order=True).head(_EXAMPLES)
    named = some.join(frame.select("row", "id"), on="row", maintain_order="left")
    return [
        {
            "benchmark": row["benchmark"],
            "kind": row["kind"],
            "id": row["id"],
            "said": texts.get(row["row"], ""),
            "item": row["item"],
            "question": row["question"] or "",
            "bits": row["bits"],
            "look": base64.b64encode(index.look_of(row["hash"])).decode(),
        }
        for row in named.iter_rows(named=True)
    ]


def totals(parts: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Add up the results of parts, each with its source.

    Returns:
        `benchmarks` (samples by kind), `by_source` (benchmark, source, kind) and `examples`.
    """
    benchmarks: dict[str, dict[str, int]] = {}
    by_source: dict[str, dict[str, dict[str, int]]] = {}
    examples: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for source, result in parts:
        for name, kinds in result["overlap"].items():
            own = by_source.setdefault(name, {}).setdefault(source, dict.fromkeys(KINDS, 0))
            total = benchmarks.setdefault(name, dict.fromkeys(KINDS, 0))
            for kind, number in kinds.items():
                own[kind] += number
                total[kind] += number
        for example in result["examples"]:
            examples.setdefault((example["benchmark"], example["kind"]), []).append(example)
    shown = [e for key in sorted(examples) for e in examples[key][:_EXAMPLES]]
    return {"benchmarks": benchmarks, "by_source": by_source, "examples": shown}

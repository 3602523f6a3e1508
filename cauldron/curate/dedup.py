"""Duplicates among kept samples: exact, near by text, near by picture.

Of each cluster one member stays: the first by (source order, id), or the longest. So the result
depends on neither part order nor workers. Near-duplicate text is sought among documents (and
chats when asked); pictures count as near only where, for chats, the questions are the same: charts
and pages of one look are no duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from cauldron.config import Off
from cauldron.curate.groups import smallest_members
from cauldron.curate.near_texts import Pairs, near_texts
from cauldron.curate.parts import Loaded, PartFiles, binary_column, by_part, load_parts, write_drops
from cauldron.signals.measure import spoken_text
from cauldron.signals.sketch import SKETCH_SIZE
from cauldron.storage.shards import read_table

_COLUMNS = (
    "roles",
    "chars",
    "text_hash",
    "question_hashes",
    "image_hash",
    "image_phash",
    "image_phash256",
)
_RANKS = {
    "first": (pl.col("source_order"), pl.col("id")),
    "longest": (-pl.col("chars"), pl.col("source_order"), pl.col("id")),
}
_LARGEST = 20  # clusters whose sizes are told

Found = tuple[Pairs, npt.NDArray[np.float64]]


class DedupSettings(BaseModel):
    """What counts as a duplicate.

    Args:
        exact: same pictures and same text.
        keep: which of a cluster stays: the first by source and id, or the longest text.
        text: `minhash` seeks near-duplicate texts, `off` does not.
        text_similarity: Jaccard similarity of 5-word shingles from which texts are near-duplicates.
        text_of: documents only, or all samples.
        images: `phash` seeks near-duplicate pictures, `off` does not.
        max_distance: bits of the 64-bit hash that may differ.
        max_distance_256: bits of the 256-bit hash that may differ.
        images_exact_only: sources of synthetic pictures, where small details matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exact: bool = True
    keep: Literal["first", "longest"] = "first"
    text: Literal["minhash"] | Off = "minhash"
    text_similarity: float = Field(0.8, ge=0.3, le=1)
    text_of: Literal["documents", "all"] = "documents"
    images: Literal["phash"] | Off = "phash"
    max_distance: int = Field(4, ge=0, le=16)
    max_distance_256: int = Field(20, ge=0, le=64)
    images_exact_only: tuple[str, ...] = (
        "clevr",
        "clevr_math",
        "dvqa",
        "figureqa",
        "geomverse",
        "iconqa",
        "intergps",
        "plotqa",
        "raven",
    )


def dedup(parts: Sequence[PartFiles], settings: DedupSettings) -> dict[str, Any]:
    """Find duplicates over all parts and write decisions for each.

    Returns:
        Per source kept and dropped by reason, and the sizes of clusters.
    """
    loaded = load_parts(parts, _COLUMNS, _RANKS[settings.keep])
    frame = loaded.frame
    keeper = np.arange(frame.height)
    told = np.full(frame.height, np.nan)
    reason = np.full(frame.height, "", dtype=object)
    clusters: dict[str, list[int]] = {}
    for name, search in _searches(loaded, settings):
        left = np.flatnonzero(reason == "")
        pairs, found = search(frame[left])
        label = left[smallest_members(pairs, len(left))]
        again = left[label != left]
        np.fmax.at(told, left[pairs].ravel(), np.repeat(found, 2))
        keeper[left] = label
        reason[again] = name
        sizes = np.unique(label, return_counts=True)[1]
        clusters[name] = sorted(sizes[sizes > 1].tolist(), reverse=True)[:_LARGEST]
    gone = np.flatnonzero(reason != "")
    drops = pl.DataFrame(
        {
            "number": gone.astype(np.uint32),
            "reason": pl.Series(reason[gone].tolist(), dtype=pl.String),
            "value": pl.Series(told[gone]).fill_nan(None),
            "detail": "of:" + frame["id"][keeper[gone]],
        }
    )
    return {"sources": write_drops(loaded, drops), "largest_clusters": clusters}


def _searches(loaded: Loaded, settings: DedupSettings) -> Iterable[tuple[str, Any]]:
    if settings.exact:
        yield "exact_duplicate", _exact_pairs
    if settings.text == "minhash":
        yield "near_duplicate_text", lambda rest: _text_pairs(loaded, rest, settings)
    if settings.images == "phash":
        yield "near_duplicate_image", lambda rest: _image_pairs(loaded, rest, settings)


def _exact_pairs(frame: pl.DataFrame) -> Found:
    """Pair each sample with the first of the same text and pictures; unreadable ones have none."""
    keyed = frame.select(
        pl.col("image_hash").list.join(",").alias("images"),
        pl.col("image_hash").list.contains("").alias("unreadable"),
        "text_hash",
    ).with_row_index("number")
    first = pl.col("number").min().over("images", "text_hash").alias("first")
    found = keyed.filter(~pl.col("unreadable")).with_columns(first)
    found = found.filter(pl.col("number") != pl.col("first"))
    pairs = found.select("first", "number").to_numpy().astype(np.int64)
    return pairs, np.full(len(pairs), np.nan)


def _text_pairs(loaded: Loaded, frame: pl.DataFrame, settings: DedupSettings) -> Found:
    chosen = frame.with_row_index("place")
    if settings.text_of == "documents":
        chosen = chosen.filter(pl.col("roles") == "document")
    held, there = binary_column(loaded.parts, chosen, "minhash", 4 * SKETCH_SIZE)
    chosen = chosen.filter(pl.Series(there))
    pairs, found = near_texts(
        held[there].view(np.uint32),
        settings.text_similarity,
        lambda numbers: _texts(loaded, chosen[numbers]),
    )
    return chosen["place"].to_numpy().astype(np.int64)[pairs], found


def _texts(loaded: Loaded, frame: pl.DataFrame) -> list[str]:
    """Return the texts of rows of a frame, from the samples."""
    out = [""] * frame.height
    for part, rows, places in by_part(frame):
        messages = read_table(loaded.parts[part].samples, ["messages"])["messages"]
        for place, told in zip(places, messages.take(pa.array(rows)).to_pylist(), strict=True):
            out[place] = spoken_text(told)
    return out


def _image_pairs(loaded: Loaded, frame: pl.DataFrame, settings: DedupSettings) -> Found:
    """Return pairs whose pictures are near in order and whose questions are the same."""
    texts = (
        pl.when(pl.col("question_hashes").list.len() > 0)
        .then(pl.col("question_hashes").list.join(","))
        .otherwise(pl.col("text_hash"))
    )
    chosen = (
        frame.with_row_index("place")
        .filter(
            (pl.col("image_phash").list.len() > 0)
            & ~pl.col("image_hash").list.contains("")
            & ~pl.col("source").is_in(list(settings.images_exact_only))
        )
        .with_columns(texts.alias("said"), pl.col("image_phash").list.len().alias("pictures"))
    )
    pairs = [np.zeros((0, 2), np.int64)]
    for group in chosen.partition_by("said", "pictures", maintain_order=True):
        if group.height > 1:
            pairs.append(np.array(_near_in_group(group, settings), np.int64).reshape(-1, 2))
    both = np.concatenate(pairs)
    return both, np.full(len(both), np.nan)


def _near_in_group(group: pl.DataFrame, settings: DedupSettings) -> list[tuple[int, int]]:
    numbers = group["place"].to_numpy()
    coarse = np.array(group["image_phash"].to_list(), dtype=np.uint64)
    fine = np.array(
        [np.frombuffer(b"".join(h), dtype=np.uint64) for h in group["image_phash256"].to_list()]
    ).reshape(len(numbers), coarse.shape[1], 4)
    pairs = []
    for row in range(len(numbers) - 1):
        far = np.bitwise_count(coarse[row + 1 :] ^ coarse[row]).max(axis=1)
        for other in np.flatnonzero(far <= settings.max_distance) + row + 1:
            distance = np.bitwise_count(fine[row] ^ fine[other]).sum(axis=1).max()
            if distance <= settings.max_distance_256:
                pairs.append((int(numbers[row]), int(numbers[other])))
    return pairs

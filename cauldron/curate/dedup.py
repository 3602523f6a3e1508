"""Duplicates among kept samples: exact, near by text, near by picture.

Of each cluster the member with the smallest (source order, id) stays, so the result depends on
neither part order nor workers. Near-duplicate text is sought among documents (and chats when
asked); pictures count as near only when both perceptual hashes are close and, for chats, the
questions are the same: charts and pages of one look are no duplicates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from cauldron.config import Off
from cauldron.curate.decisions import kept, write_decisions
from cauldron.signals.text import MINHASH_SIZE
from cauldron.storage.shards import read_table

_COLUMNS = [
    "id",
    "roles",
    "text_hash",
    "question_hashes",
    "minhash",
    "image_hash",
    "image_phash",
    "image_phash256",
]


class DedupSettings(BaseModel):
    """What counts as a duplicate.

    Args:
        exact: same pictures and same text.
        text: `minhash` seeks near-duplicate texts, `off` does not.
        text_similarity: share of equal minima from which texts are near-duplicates.
        text_of: documents only, or all samples.
        images: `phash` seeks near-duplicate pictures, `off` does not.
        max_distance: bits of the 64-bit hash that may differ.
        max_distance_256: bits of the 256-bit hash that may differ.
        images_exact_only: sources of synthetic pictures, where small details matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exact: bool = True
    text: Literal["minhash"] | Off = "minhash"
    text_similarity: float = Field(0.8, gt=0, le=1)
    text_of: Literal["documents", "all"] = "documents"
    bands: int = Field(16, ge=1, le=MINHASH_SIZE)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFiles:
    """The files of one part: samples, signals, decisions of earlier steps, decisions to write."""

    source: str
    name: str
    samples: str
    signals: str
    earlier: tuple[str, ...]
    out: str


def dedup(parts: Sequence[PartFiles], settings: DedupSettings) -> dict[str, Any]:
    """Find duplicates over all parts and write decisions for each.

    Returns:
        Per source kept and dropped by reason, and the sizes of clusters.
    """
    frame, alive = load_parts(parts)
    drops: dict[int, tuple[str, float | None, str]] = {}
    clusters: dict[str, list[int]] = {}
    for reason, pairs in _searches(frame, settings):
        left = np.array([k for k in range(frame.height) if k not in drops], dtype=np.int64)
        sizes = []
        for members in components(pairs(frame[left]) if len(left) else []):
            rows = sorted((int(left[m]) for m in members), key=lambda row: _rank(frame, row))
            sizes.append(len(rows))
            for row in rows[1:]:
                drops[row] = (reason, None, f"of:{frame['id'][rows[0]]}")
        clusters[reason] = sorted(sizes, reverse=True)[:20]
    return {"sources": write_drops(parts, frame, alive, drops), "largest_clusters": clusters}


def load_parts(
    parts: Sequence[PartFiles],
) -> tuple[pl.DataFrame, list[npt.NDArray[np.bool_]]]:
    """Read the signals of rows still alive, with their part, row and source order."""
    frames, alive = [], []
    order = {source: n for n, source in enumerate(dict.fromkeys(p.source for p in parts))}
    for number, part in enumerate(parts):
        table = pl.DataFrame(pl.from_arrow(read_table(part.signals, _COLUMNS)))
        mask = kept(part.earlier, table.height)
        alive.append(mask)
        frames.append(
            table.with_row_index("row")
            .with_columns(
                pl.lit(number).alias("part"),
                pl.lit(order[part.source]).alias("source_order"),
                pl.lit(part.source).alias("source"),
            )
            .filter(pl.Series(mask))
        )
    return pl.concat(frames), alive


def write_drops(
    parts: Sequence[PartFiles],
    frame: pl.DataFrame,
    alive: Sequence[npt.NDArray[np.bool_]],
    drops: dict[int, tuple[str, float | None, str]],
) -> dict[str, dict[str, Any]]:
    """Write the decisions of every part; return counts by source."""
    by_part: dict[int, dict[int, tuple[str, float | None, str]]] = {}
    for row, drop in drops.items():
        by_part.setdefault(int(frame["part"][row]), {})[int(frame["row"][row])] = drop
    counts: dict[str, dict[str, Any]] = {}
    for number, part in enumerate(parts):
        ids = read_table(part.signals, ["id"])["id"].to_pylist()
        told = write_decisions(part.out, ids, by_part.get(number, {}), alive[number])
        entry = counts.setdefault(part.source, {"kept": 0, "dropped": {}})
        entry["kept"] += told["kept"]
        for reason, n in told["dropped"].items():
            entry["dropped"][reason] = entry["dropped"].get(reason, 0) + n
    return counts


def _rank(frame: pl.DataFrame, row: int) -> tuple[int, str]:
    return int(frame["source_order"][row]), str(frame["id"][row])


def _searches(frame: pl.DataFrame, settings: DedupSettings) -> Iterable[tuple[str, Any]]:
    if settings.exact:
        yield "exact_duplicate", _exact_pairs
    if settings.text == "minhash":
        yield "near_duplicate_text", lambda rest: _text_pairs(rest, settings)
    if settings.images == "phash":
        yield "near_duplicate_image", lambda rest: _image_pairs(rest, settings)


def _exact_pairs(frame: pl.DataFrame) -> list[tuple[int, int]]:
    keyed = frame.select(
        pl.col("image_hash").list.join(",").alias("images"), "text_hash"
    ).with_row_index("number")
    return _chained(keyed.group_by("images", "text_hash", maintain_order=True).agg("number"))


def _chained(groups: pl.DataFrame) -> list[tuple[int, int]]:
    """Return pairs of neighbours in each group of numbers."""
    pairs = []
    for numbers in groups.filter(pl.col("number").list.len() > 1)["number"].to_list():
        pairs += list(itertools.pairwise(numbers))
    return pairs


def _text_pairs(frame: pl.DataFrame, settings: DedupSettings) -> list[tuple[int, int]]:
    wanted = pl.col("minhash").is_not_null()
    if settings.text_of == "documents":
        wanted &= pl.col("roles") == "document"
    chosen = frame.with_row_index("number").filter(wanted)
    if chosen.height < 2:
        return []
    numbers = chosen["number"].to_numpy()
    sketches = np.frombuffer(b"".join(chosen["minhash"]), dtype="<u4").reshape(-1, MINHASH_SIZE)
    width = MINHASH_SIZE // settings.bands
    candidates: set[tuple[int, int]] = set()
    for band in range(settings.bands):
        block = np.ascontiguousarray(sketches[:, band * width : (band + 1) * width])
        keys = block.view(np.dtype((np.void, block.shape[1] * 4))).ravel()
        _, inverse = np.unique(keys, return_inverse=True)
        candidates.update(_neighbours(inverse))
    return [
        (int(numbers[a]), int(numbers[b]))
        for a, b in sorted(candidates)
        if np.mean(sketches[a] == sketches[b]) >= settings.text_similarity
    ]


def _neighbours(groups: npt.NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Return pairs of members of each group: neighbours, and each with the first."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) > 0])
    for members in np.split(order, starts[1:]):
        for position in range(1, len(members)):
            yield int(members[position - 1]), int(members[position])
            yield int(members[0]), int(members[position])


def _image_pairs(frame: pl.DataFrame, settings: DedupSettings) -> list[tuple[int, int]]:
    """Return pairs whose pictures are near in order and whose questions are the same."""
    texts = (
        pl.when(pl.col("question_hashes").list.len() > 0)
        .then(pl.col("question_hashes").list.join(","))
        .otherwise(pl.col("text_hash"))
    )
    chosen = (
        frame.with_row_index("number")
        .filter(
            (pl.col("image_phash").list.len() > 0)
            & ~pl.col("source").is_in(list(settings.images_exact_only))
        )
        .with_columns(texts.alias("said"), pl.col("image_phash").list.len().alias("pictures"))
    )
    pairs = []
    for group in chosen.partition_by("said", "pictures", maintain_order=True):
        if group.height > 1:
            pairs += _near_in_group(group, settings)
    return pairs


def _near_in_group(group: pl.DataFrame, settings: DedupSettings) -> list[tuple[int, int]]:
    numbers = group["number"].to_numpy()
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


def components(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components of pairs, members sorted."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for node in sorted(parent):
        groups.setdefault(root(node), []).append(node)
    return list(groups.values())

"""Samples that stand in a benchmark: by picture, by question, and by both.

A sample whose picture and question both stand in a benchmark is a leak and is dropped; so is one
with exactly a benchmark's picture. A near picture alone or a question alone is only counted:
templates and common pictures make them frequent and often harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from cauldron.curate.parts import PartFiles, load_parts, no_drops, write_drops
from cauldron.storage.shards import read_table


class DecontaminateSettings(BaseModel):
    """What counts as contaminated.

    Args:
        drop_image_only: drop a sample that has exactly a benchmark's picture and another question.
        max_distance_256: bits of the 256-bit picture hash that may differ.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    drop_image_only: bool = True
    max_distance_256: int = Field(20, ge=0, le=64)


def decontaminate(
    parts: Sequence[PartFiles],
    benchmarks: Mapping[str, Sequence[str]],
    settings: DecontaminateSettings,
) -> dict[str, Any]:
    """Compare all kept samples with benchmarks and write decisions.

    Args:
        benchmarks: name to URLs of signals.

    Returns:
        Per source kept and dropped; per benchmark the counts by kind of overlap.
    """
    loaded = load_parts(parts, ["question_hashes", "image_hash", "image_phash256"])
    frame = loaded.frame
    drops: dict[int, tuple[str, float | None, str]] = {}
    overlap: dict[str, dict[str, int]] = {}
    for name, urls in sorted(benchmarks.items()):
        index = _Index(urls)
        counts = dict.fromkeys(("both", "image_only", "near_image_only", "text_only"), 0)
        for row in range(frame.height):
            exact = index.exact(frame["image_hash"][row])
            near = exact or index.near(frame["image_phash256"][row], settings.max_distance_256)
            asked = index.asked(frame["question_hashes"][row])
            kind = (
                "both"
                if near and asked
                else "image_only"
                if exact
                else "near_image_only"
                if near
                else "text_only"
                if asked
                else ""
            )
            if not kind:
                continue
            counts[kind] += 1
            found = exact or near or asked
            if kind == "both":
                drops.setdefault(row, ("benchmark_leak", None, f"{name}:{found}"))
            elif kind == "image_only" and settings.drop_image_only:
                drops.setdefault(row, ("benchmark_image", None, f"{name}:{found}"))
        overlap[name] = counts
    dropped = pl.DataFrame(
        [(row, *drop) for row, drop in sorted(drops.items())],
        schema=no_drops().schema,
        orient="row",
    )
    return {"sources": write_drops(loaded, dropped), "benchmarks": overlap}


class _Index:
    """Hashes of a benchmark's pictures and questions, each with a sample's id."""

    def __init__(self, urls: Sequence[str]) -> None:
        columns = ["id", "question_hashes", "image_hash", "image_phash256"]
        frames = [pl.DataFrame(pl.from_arrow(read_table(url, columns))) for url in urls]
        table = pl.concat(frames)
        self._images = _first(table, "image_hash")
        self._questions = _first(table, "question_hashes")
        fine = table.select("id", "image_phash256").explode("image_phash256").drop_nulls()
        fine = fine.filter(pl.col("image_phash256").bin.size() == 32)
        self._ids = fine["id"].to_list()
        self._fine = np.frombuffer(b"".join(fine["image_phash256"]), np.uint64).reshape(-1, 4)

    def exact(self, hashes: pl.Series) -> str:
        return next((self._images[h] for h in hashes if h in self._images), "")

    def asked(self, hashes: pl.Series) -> str:
        return next((self._questions[h] for h in hashes if h in self._questions), "")

    def near(self, hashes: pl.Series, max_distance: int) -> str:
        for value in hashes:
            if len(value) == 32 and len(self._fine):
                distance = np.bitwise_count(self._fine ^ np.frombuffer(value, np.uint64)).sum(
                    axis=1
                )
                best = int(distance.argmin())
                if distance[best] <= max_distance:
                    return str(self._ids[best])
        return ""


def _first(table: pl.DataFrame, column: str) -> dict[str, str]:
    flat = table.select("id", column).explode(column).drop_nulls()
    flat = flat.filter(pl.col(column) != "")
    return dict(zip(reversed(flat[column].to_list()), reversed(flat["id"].to_list()), strict=True))

"""What changed between two runs: samples by source, verdicts sample by sample."""

from __future__ import annotations

from typing import Any

import polars as pl

from cauldron import stats
from cauldron.storage import work as places

_EXAMPLES = 5
KEPT, ABSENT = "kept", "absent"


def run_differences(a: str, b: str) -> dict[str, Any]:
    """Compare two work folders.

    Returns:
        `same`, and `sources`: for each source that differs `samples` and `kept` as [before, after],
        and `changes`: what became of samples (`kept -> filter: answer_empty`), how many, examples.

    Raises:
        StorageError: if one of them is not a work folder.
    """
    places.require(a)
    places.require(b)
    names = sorted({*places.sources(a), *places.sources(b)})
    sources = {name: found for name in names if (found := _of_source(a, b, name))}
    return {"same": not sources, "sources": sources}


def _of_source(a: str, b: str, source: str) -> dict[str, Any]:
    before, after = _verdicts(a, source), _verdicts(b, source)
    both = before.join(after, on="id", how="full", coalesce=True, suffix="_after")
    both = both.with_columns(pl.col("verdict", "verdict_after").fill_null(ABSENT))
    changed = both.filter(pl.col("verdict") != pl.col("verdict_after"))
    if changed.is_empty():
        return {}
    grouped = changed.group_by("verdict", "verdict_after").agg(
        pl.len().alias("samples"), pl.col("id").sort().head(_EXAMPLES).alias("examples")
    )
    grouped = grouped.sort("samples", "verdict", "verdict_after", descending=[True, False, False])
    return {
        "samples": [before.height, after.height],
        "kept": [int((side["verdict"] == KEPT).sum()) for side in (before, after)],
        "changes": [
            {
                "change": f"{row['verdict']} -> {row['verdict_after']}",
                "samples": row["samples"],
                "examples": row["examples"],
            }
            for row in grouped.iter_rows(named=True)
        ],
    }


def _verdicts(work: str, source: str) -> pl.DataFrame:
    """Return id and verdict of every sample of a source: kept, or step and reason."""
    frames = [pl.DataFrame(schema={"id": pl.String, "verdict": pl.String})]
    for part in places.parts(work, source):
        ids = stats.sample_ids(work, source, part)
        told = stats.verdicts(work, source, part, ids)
        steps, reasons = pl.Series(told.step.tolist()), pl.Series(told.reason.tolist())
        frame = pl.DataFrame({"id": ids.to_pylist(), "step": steps, "reason": reasons})
        dropped = pl.format("{}: {}", pl.col("step"), pl.col("reason"))
        kept = pl.when(pl.col("step") == "").then(pl.lit(KEPT)).otherwise(dropped)
        frames.append(frame.select("id", kept.alias("verdict")))
    return pl.concat(frames)

"""Two results on the same questions: the difference, its interval, and how surprising it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from cauldron.errors import CheckError, UsageError
from cauldron.evaluate.runs.results import SUMMARY, TABLE
from cauldron.storage import files
from cauldron.storage.shards import read_table

DRAWS = 10_000
_BLOCK = 1 << 22  # signs drawn at once


def compare(first: str, second: str, seed: int = 0) -> dict[str, Any]:
    """Compare two folders of results: of one benchmark, or of several.

    Questions are paired by id; those of one side only are counted and left out.

    Returns:
        For each benchmark and protocol that both hold: n, both means, difference, its 95 %
        bootstrap interval, p of a two-sided paired permutation test, questions won and lost.

    Raises:
        UsageError: if they hold no common result.
        CheckError: if the same questions were scored by different metrics.
    """
    one, two = _tables(first), _tables(second)
    shared = sorted(one.keys() & two.keys())
    if not shared and len(one) == len(two) == 1:
        shared, two = list(one), {next(iter(one)): next(iter(two.values()))}
    if not shared:
        raise UsageError("no common result", place=f"{first} and {second}", hint="cauldron eval")
    return {name: _paired(name, one[name], two[name], seed) for name in shared}


def _tables(folder: str) -> dict[str, str]:
    """Return the folder of each result below a folder, by benchmark/protocol."""
    found = {}
    for name in files.find_files(folder, f"*{SUMMARY}"):
        place = files.join(folder, name).rpartition("/")[0]
        told = files.read_json(files.join(folder, name))
        if isinstance(told, dict) and files.exists(files.join(place, TABLE)):
            found[f"{told['benchmark']}/{told['protocol']}"] = place
    return found


def _paired(name: str, first: str, second: str, seed: int) -> dict[str, Any]:
    one, two = _scores(first), _scores(second)
    both = one.join(two, on="id", suffix="_b").sort("id")
    if (both["metric"] != both["metric_b"]).any():
        raise CheckError(f"{name}: different metrics cannot be compared", place=second)
    if (both["references"] != both["references_b"]).any():
        raise CheckError(f"{name}: the references differ", place=second)
    a, b = both["score"].to_numpy(), both["score_b"].to_numpy()
    return {
        "n": both.height,
        "only_a": one.height - both.height,
        "only_b": two.height - both.height,
        "mean_a": float(a.mean()) if len(a) else None,
        "mean_b": float(b.mean()) if len(b) else None,
        **(paired_test(b - a, seed) if len(a) else {}),
    }


def _scores(folder: str) -> pl.DataFrame:
    table: pa.Table = read_table(files.join(folder, TABLE), ["id", "metric", "references", "score"])
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.with_columns(
        pl.col("score").fill_null(0.0), pl.col("references").list.join("\x1f")
    )


def paired_test(difference: np.ndarray, seed: int = 0) -> Mapping[str, Any]:
    """Return what paired differences say.

    p is the share of random changes of sign whose mean is at least as far from 0; the observed one
    counts as a draw, so that p is never 0.
    """
    rng = np.random.default_rng(seed)
    moved = difference[difference != 0]
    sums = []
    step = max(1, _BLOCK // max(len(moved), 1))
    for start in range(0, DRAWS, step):
        signs = rng.integers(0, 2, (min(step, DRAWS - start), len(moved)), dtype=np.int8) * 2 - 1
        sums.append(signs @ moved)
    drawn = np.abs(np.concatenate(sums))
    far = int((drawn >= abs(moved.sum()) - 1e-12).sum())
    values, counts = np.unique(difference, return_counts=True)
    n = len(difference)
    means = rng.multinomial(n, counts / n, size=DRAWS) @ values / n
    low, high = np.percentile(means, [2.5, 97.5])
    return {
        "difference": float(difference.mean()),
        "ci95": [float(low), float(high)],
        "p": (far + 1) / (DRAWS + 1),
        "better_b": int((difference > 0).sum()),
        "better_a": int((difference < 0).sum()),
    }

"""Two results question by question."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron.errors import CheckError, UsageError
from cauldron.evaluate.runs.compare import compare, paired_test
from cauldron.evaluate.runs.results import SCHEMA
from cauldron.evaluate.runs.tasks import load_suite
from cauldron.packaged import packaged


def result(folder: Path, scores: dict[str, float | None], metric: str = "exact_match") -> str:
    """Write the files of one result."""
    place = folder / "docvqa" / "paper"
    place.mkdir(parents=True)
    rows = [
        {"id": name, "metric": metric, "references": ["x"], "score": score}
        for name, score in scores.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), place / "results.parquet")
    (place / "summary.json").write_text(json.dumps({"benchmark": "docvqa", "protocol": "paper"}))
    return str(folder)


def test_questions_are_paired_by_id(tmp_path: Path) -> None:
    a = result(tmp_path / "a", {"1": 1.0, "2": 0.0, "3": None, "4": 1.0})
    b = result(tmp_path / "b", {"5": 1.0, "3": 1.0, "2": 1.0, "1": 1.0})
    told = compare(a, b)["docvqa/paper"]
    assert (told["n"], told["only_a"], told["only_b"]) == (3, 1, 1)
    assert told["difference"] == pytest.approx(2 / 3)
    assert (told["better_b"], told["better_a"]) == (2, 0)


def test_a_result_against_itself_differs_by_nothing(tmp_path: Path) -> None:
    a = result(tmp_path / "a", {"1": 1.0, "2": 0.0})
    told = compare(a, a)["docvqa/paper"]
    assert (told["difference"], told["p"], told["ci95"]) == (0, 1, [0, 0])


def test_p_is_that_of_the_sign_test_where_all_steps_are_one() -> None:
    told = paired_test(np.repeat([1.0, -1.0, 0.0], [12, 3, 85]))
    exact = 2 * sum(math.comb(15, k) for k in range(4)) / 2**15
    assert told["p"] == pytest.approx(exact, abs=0.006)
    assert paired_test(np.repeat([1.0, 0.0], [40, 60]))["p"] < 0.001


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    a = result(tmp_path / "a", {"1": 1.0})
    b = result(tmp_path / "b", {"1": 1.0}, metric="anls_lmms_eval")
    with pytest.raises(CheckError, match="different metrics"):
        compare(a, b)
    with pytest.raises(UsageError, match="no common result"):
        compare(a, str(tmp_path / "b" / "docvqa" / "none"))


@pytest.mark.parametrize("path", sorted((packaged("recipes") / "eval").glob("*.yaml")))
def test_shipped_suites_name_benchmarks_and_sources(path: Path) -> None:
    from cauldron.evaluate.benchmarks import benchmark

    suite = load_suite(path.stem)
    for task in suite.tasks:
        benchmark(task).protocol(suite.protocol)
    assert all("arXiv:2405.02246" in told.source and told.scores for told in suite.references)

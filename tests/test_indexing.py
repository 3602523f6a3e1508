"""The benchmarks that can be asked are those that are found in other data, in their own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cauldron.demo.benchmarks import draw_benchmark
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError
from cauldron.evaluate.benchmarks import Place, benchmark, names
from cauldron.indexing import index_benchmarks, known_benchmark

FORMS = ["official", "hub"]


def indexed(given: dict[str, str], folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Build an index and return its counts and rows."""
    with LocalEngine(1) as engine:
        made = index_benchmarks(engine, given, str(folder / "i.parquet"), str(folder / "pieces"))
    return made["benchmarks"], pq.read_table(folder / "i.parquet").to_pylist()


@pytest.mark.parametrize("form", FORMS)
def test_every_known_benchmark_is_read_from_its_own_files(form: str, tmp_path: Path) -> None:
    given = {}
    for name in names():
        draw_benchmark(name, tmp_path / name, form, many=3)
        given[name] = str(tmp_path / name)
    counts, rows = indexed(given, tmp_path)
    assert set(counts) == set(names())
    for name, place in given.items():
        known, found = benchmark(name), Place(place)
        items = [i for s in known.scored_splits(found) for i in known.items(found, s)]
        shown = {picture.read() for item in items for picture in item.images}
        assert counts[name]["pictures"] == len(shown)
        own = [row for row in rows if row["benchmark"] == name]
        asked = {item.question for item in items if item.question}
        assert asked <= {row["question"] for row in own}
        ids = {item.id for item in items}
        assert {row["item"] for row in own} <= ids, "items of a split that is not scored"


@pytest.mark.parametrize(
    ("label", "name"),
    [("VQAv2", "vqav2"), ("OK-VQA", "okvqa"), ("COCO", "coco_captions"), ("seed-bench", "seed"),
     ("InfographicVQA", "infovqa"), ("mine", None), ("", None)],
)  # fmt: skip
def test_labels_are_known_in_any_spelling(label: str, name: str | None) -> None:
    assert known_benchmark(label) == name


def test_a_benchmark_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"version": 1, "rows": [{"a": 1}]}')
    with pytest.raises(SourceError, match=r"mine: no question and no picture found.*vqav2"):
        indexed({"mine": str(tmp_path / "b.json")}, tmp_path)
    assert not (tmp_path / "i.parquet").exists()


def test_lines_of_json_are_read_under_the_name_of_json(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"question": "Who?"}\n{"question": "Why?"}\n')
    counts, _ = indexed({"mine": str(tmp_path / "b.json")}, tmp_path)
    assert counts == {"mine": {"questions": 2, "pictures": 0}}
    (tmp_path / "c.json").write_text('{"question": "Who?"\n"a"')
    with pytest.raises(SourceError, match="not JSON"):
        indexed({"mine": str(tmp_path / "c.json")}, tmp_path)

"""Files of predictions: scores in file order, null where there is none, bad records by place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cauldron.errors import StorageError, UsageError
from cauldron.evaluate.scoring import score_file, score_records
from cauldron.evaluate.summary import interval

GOLDEN = "anls chartqa mathvista mmmu mmmu_more multichoice vqa vqa_more caption_tokens".split()
RECORD = {"metric": "exact_match", "prediction": "red", "references": ["Red."]}


def write(path: Path, *lines: Any) -> str:
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines) + "\n")
    return str(path)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_records_are_reproduced(slices: Path, name: str) -> None:
    path = slices / "metrics" / f"{name}.json"
    records = json.loads(path.read_text())
    items = score_file(str(path))["items"]
    assert [item["score"] for item in items] == [
        pytest.approx(r["score"], abs=1e-9) if isinstance(r["score"], int | float) else r["score"]
        for r in records
    ]
    for record, item in zip(records, items, strict=True):
        for extra in {"normalized", "tokenized"} & record.keys():
            assert item[extra] == record[extra]
        if "parsed" in record:
            assert sorted(map(str, item["parsed"] or [])) == sorted(
                map(str, record["parsed"] or [])
            )


def test_corpora_of_captions_are_scored_each_by_itself(slices: Path) -> None:
    path = slices / "metrics" / "caption_corpora.json"
    corpora = json.loads(path.read_text())["corpora"]
    found = score_file(str(path))
    told = [item for corpus in corpora for item in corpus["items"]]
    assert [i["score"] for i in found["items"]] == pytest.approx([t["cider"] for t in told])
    wholes = found["summary"]["metrics"]["captions"]["corpora"]
    assert wholes["twenty"]["bleu"] == pytest.approx(corpora[2]["bleu"])


def test_captions_of_a_file_are_one_corpus(tmp_path: Path) -> None:
    shown = [("a cat sits", ["A cat sits."]), ("a dog", ["Two dogs run!", "a dog"])]
    lines = [{"metric": "CIDEr", "prediction": p, "references": r} for p, r in shown]
    found = score_file(write(tmp_path / "c.jsonl", *lines))
    assert [item["score"] > 1 for item in found["items"]] == [True, True]
    found = score_file(write(tmp_path / "b.jsonl", *lines), "bleu_1")
    assert found["summary"]["metrics"]["bleu_1"]["mean"] == pytest.approx(1)


def test_json_lines_json_lists_and_wrapped_lists_score_the_same(tmp_path: Path) -> None:
    records = [RECORD, {**RECORD, "prediction": "blue"}]
    for text in (
        "\n".join(map(json.dumps, records)),
        json.dumps(records),
        json.dumps({"records": records}, indent=1),
    ):
        (tmp_path / "f").write_text(text)
        assert [i["score"] for i in score_file(str(tmp_path / "f"))["items"]] == [1, 0]


def test_a_named_metric_goes_before_that_of_the_records(tmp_path: Path) -> None:
    path = write(tmp_path / "f.jsonl", {**RECORD, "metric": "nonsense"})
    assert score_file(path, "scienceqa_exact_lmms_eval")["items"] == [{"score": 0.0}]


def test_bad_records_are_named_by_line_and_the_others_scored(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.jsonl",
        RECORD,
        "{not json",
        {"metric": "exact_match", "references": ["a"]},
        {**RECORD, "metric": "exact_mach"},
        [1],
        "",
        {**RECORD, "references": []},
        RECORD,
    )
    found = score_file(path)
    assert [item["score"] for item in found["items"]] == [1, None, None, None, None, None, 1]
    errors = [item.get("error", "") for item in found["items"]]
    assert errors[1].startswith(f"{path}:2: not JSON")
    assert errors[2] == f"{path}:3: field 'prediction' is missing"
    assert "did you mean 'exact_match'?" in errors[3]
    assert errors[4] == f"{path}:5: a record is an object, not list"
    assert errors[5] == f"{path}:7: field 'references' is empty"
    assert found["summary"]["rejected"] == 5


def test_deep_nesting_and_half_pairs_are_no_crash(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.jsonl",
        RECORD,
        "[" * 100_000,
        '{"metric": "exact_match", "x": NaN, "prediction": "\\ud800", "references": ["\\ud800"]}',
    )
    assert [item["score"] for item in score_file(path)["items"]] == [1, None, 1]


def test_unparsed_replies_have_no_score_and_count_as_wrong() -> None:
    record = {
        "metric": "mmmu_parse_multi_choice",
        "references": ["A"],
        "index2ans": {"A": "x", "B": "y"},
        "subject": "Art",
    }
    found = score_records([{**record, "prediction": p} for p in ("(A)", "what?")])
    assert [item["score"] for item in found["items"]] == [1, None]
    told = found["summary"]["metrics"]["mmmu_parse_multi_choice"]
    assert (told["mean"], told["unparsed"], told["n"]) == (0.5, 1, 2)
    assert told["categories"]["subject"] == {"Art": {"n": 2, "mean": 0.5}}


def test_mathvista_says_what_its_rules_cannot_read() -> None:
    record = {"metric": "mathvista", "question_type": "free_form", "answer_type": "integer"}
    replies = {"42": 1.0, 'The answer is "42".': 1.0, "41.9": None, "7": 0.0}
    for reply, score in replies.items():
        items = score_records([{**record, "prediction": reply, "references": ["42"]}])["items"]
        assert items[0]["score"] == score


def test_a_circular_item_counts_only_if_every_rotation_is_right() -> None:
    options = [["cat", "dog"], ["dog", "cat"]]
    record = {"metric": "mmbench_circular_lmms_eval", "references": ["A", "B"], "options": options}
    items = score_records(
        [{**record, "prediction": p} for p in (["A", "B."], ["A", "A"], ["cat", "cat"])]
    )["items"]
    assert [item["score"] for item in items] == [1, 0, 1]


def test_the_interval_of_a_mean_covers_what_theory_says() -> None:
    scores = np.repeat([0.0, 1.0], [600, 400])
    low, high = interval(scores)
    half = 1.96 * scores.std() / len(scores) ** 0.5
    assert (low, high) == (
        pytest.approx(0.4 - half, abs=0.004),
        pytest.approx(0.4 + half, abs=0.004),
    )
    assert interval(scores) == (low, high)


def test_what_holds_no_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no records"):
        score_file(write(tmp_path / "empty.jsonl", ""))
    with pytest.raises(UsageError, match="unknown metric 'anlss'; did you mean 'anls'"):
        score_file(write(tmp_path / "f.jsonl", RECORD), "anlss")
    with pytest.raises(UsageError, match="not a list of records"):
        score_file(write(tmp_path / "cut.json", '[{"metric": 1}, '))
    with pytest.raises(StorageError):
        score_file(str(tmp_path / "absent.json"))

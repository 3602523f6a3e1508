"""`cauldron score` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def cauldron(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cauldron", *arguments], capture_output=True, text=True
    )


def test_scores_come_as_json_alone_and_bad_records_end_with_3(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    good = {
        "metric": "vqa_accuracy_official",
        "prediction": "2",
        "references": ["two", "2", "2", "2"],
    }
    path.write_text(json.dumps(good) + "\n{\n")
    done = cauldron("score", str(path), "--json")
    assert done.returncode == 3
    assert [item["score"] for item in json.loads(done.stdout)["items"]] == [1.0, None]
    assert f"error: {path}:2: not JSON" in done.stderr


def test_a_table_names_the_program_and_an_unknown_metric_ends_with_2(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    record = {"prediction": "A", "references": ["A"], "category": "x"}
    path.write_text(json.dumps([record]))
    done = cauldron("score", str(path), "--metric", "ai2d_exact_lmms_eval")
    assert done.returncode == 0
    assert "lmms_eval" in done.stdout and "by category" in done.stdout
    assert cauldron("score", str(path), "--metric", "x").returncode == 2
    assert cauldron("score", str(tmp_path / "none"), "--metric", "anls").returncode == 4
    assert cauldron("score", str(path)).returncode == 3
    assert "Traceback" not in cauldron("score", str(path)).stderr


def test_scoring_imports_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"prediction": "a", "references": ["a"], "metric": "captions"}]))
    code = (
        "import sys\nfrom cauldron.evaluate.scoring import score_file\n"
        f"score_file({str(path)!r})\nprint('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr

"""The first hour: a recipe for a folder of one's own, and a look at the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.mixtures import discs


def cauldron(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cauldron", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def shop(folder: Path) -> Path:
    """Write pictures and JSON lines as a newcomer would have them."""
    (folder / "shop" / "photos").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "shop" / "items.jsonl").open("w") as lines:
        for number in range(12):
            name = f"photos/{number}.png"
            (folder / "shop" / name).write_bytes(discs(rng, number + 1))
            record = {"image": name, "question": f"What is {number}?", "answer": f"Item {number}"}
            lines.write(json.dumps(record) + "\n")
    return folder


def test_two_commands_make_a_mixture_of_an_own_folder(tmp_path: Path) -> None:
    shop(tmp_path)
    begun = cauldron(tmp_path, "init", "shop", "--json")
    assert begun.returncode == 0, begun.stderr
    told = json.loads(begun.stdout)
    assert told["next"] == "cauldron run recipe.yaml -o work"
    done = cauldron(tmp_path, "run", "recipe.yaml", "-o", "work", "--json", "--workers", "1")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "work" / "mixture" / "mine" / "manifest.json").read_text())
    source = manifest["sources"][0]
    assert (source["name"], source["samples"] + source["validation"]["samples"]) == ("mine", 12)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    assert cauldron(tmp_path, "init").returncode == 0
    again = cauldron(tmp_path, "init")
    assert again.returncode == 2 and "is there already" in again.stderr
    assert cauldron(tmp_path, "init", "--yes").returncode == 0


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = cauldron(tmp_path, "init", "empty")
    assert done.returncode == 2 and "no records found" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_looks_at_every_part_and_prints_no_token(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cauldron", "doctor", str(tmp_path), "--json"]
    env = {"PATH": "/usr/bin:/bin", "HF_TOKEN": "hf_CanaryCanary", "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    checks = {row["check"]: row for row in json.loads(done.stdout)["checks"]}
    assert {"version", "disk", "fonts", "train", "hub", "hub token"} <= set(checks)
    assert checks["hub token"]["found"] == "in the environment (HF_TOKEN)"
    assert "Canary" not in done.stdout + done.stderr


def test_doctor_says_where_nothing_can_be_written(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a folder")
    done = cauldron(tmp_path, "doctor", str(place / "work"))
    assert done.returncode == 3 and "not in order: work folder" in done.stderr


def test_a_misspelt_command_is_told_the_nearest(tmp_path: Path) -> None:
    done = cauldron(tmp_path, "doctr")
    assert done.returncode == 2
    assert "no command 'doctr'; did you mean 'doctor'?" in done.stderr


def test_columns_of_options_and_lists_of_turns_are_guessed(tmp_path: Path) -> None:
    records = {
        "options": {"question": "Same?", "choices": ["yes", "no"], "answer": 1},
        "lists": {
            "qa": [{"question": "Who?", "answer": "Me"}, {"question": "Why?", "answer": "So"}]
        },
    }
    said = {"options": ["Answer: B"], "lists": ["Me", "So"]}
    for name, record in records.items():
        folder = tmp_path / name
        (folder / "raw").mkdir(parents=True)
        (folder / "raw" / "a.json").write_text(json.dumps([record]))
        assert cauldron(folder, "init", "raw").returncode == 0
        done = cauldron(folder, "run", "recipe.yaml", "-o", "work", "--workers", "1")
        assert done.returncode == 0, done.stderr
        shown = cauldron(folder, "show", "work", "-n", "1").stdout
        assert all(answer in shown for answer in said[name])

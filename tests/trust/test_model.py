"""The threat model names tests that exist, and the self-test passes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cauldron import self_test
from tests.trust.commands import cauldron, told

ROOT = Path(__file__).parents[2]


def test_every_threat_has_a_test_and_every_test_a_threat() -> None:
    model = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|.*\| (`test_threat_.*`) \|$", model, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 27))
    told = {name for _, names in rows for name in re.findall(r"`(\w+)`", names)}
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    numbered = set(re.findall(r"def (test_threat_\d+)_", code))
    assert told == numbered


QUICK = [name for name in self_test._CHECKS if name not in ("kill and resume", "equal bytes")]


@pytest.mark.parametrize("name", QUICK)
def test_a_check_of_the_self_test_passes(name: str, tmp_path: Path) -> None:
    assert self_test._CHECKS[name](tmp_path)


@pytest.mark.slow
def test_the_self_test_passes_and_says_so() -> None:
    done = cauldron("doctor", "--self-test")
    told(done, 0)
    assert "kill and resume" in done.stdout and "\nbad" not in done.stdout


def test_a_check_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> str:
        raise RuntimeError("no such promise")

    monkeypatch.setattr(self_test, "_CHECKS", {"a promise": broken})
    (row,) = self_test.self_test()
    assert (row["state"], row["check"]) == ("bad", "a promise") and "no such" in row["found"]

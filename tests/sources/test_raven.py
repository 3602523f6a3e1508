"""RAVEN: balance of its tasks, choices that do not depend on the place, hostile files."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.readers.raw import Row
from cauldron.sample import Draft
from cauldron.sources.raven import SOURCE

OFFICIAL = SOURCE.forms[0]
PANELS = np.repeat((np.arange(16) * 15).astype(np.uint8), 16 * 16).reshape(16, 16, 16)


def puzzle(number: int, folder: str = "center_single", **arrays: Any) -> Row:
    found = {"image": PANELS, "target": np.array(number % 8), **arrays}
    data = {"url": "", "folder": folder, "id": str(number), "arrays": found}
    file = f"{folder}/RAVEN_{number}_train.npz"
    return Row(file=file, record="", data=data, folder="", split="train", source="raven")


def draft(row: Row) -> Draft:
    result = OFFICIAL.convert(row)
    assert isinstance(result, Draft)
    return result


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return [draft(puzzle(number)) for number in range(1000)]


def test_half_of_the_puzzles_ask_for_a_letter(drafts: list[Draft]) -> None:
    assert 450 <= sum(len(d.images) == 1 for d in drafts) <= 550


def test_half_of_the_shown_choices_are_right(drafts: list[Draft]) -> None:
    answers = [d.turns[0].assistant for d in drafts if len(d.images) == 2]
    assert 0.44 <= answers.count("Yes.") / len(answers) <= 0.56
    assert set(answers) == {"Yes.", "No."}


def test_no_is_the_answer_exactly_for_wrong_choices(drafts: list[Draft]) -> None:
    for d in drafts:
        if len(d.images) == 2:
            right = d.extra["shown"] == d.extra["target"]
            assert d.turns[0].assistant == ("Yes." if right else "No.")


def test_every_wrong_choice_is_shown_sometimes(drafts: list[Draft]) -> None:
    steps_away = {(d.extra["shown"] - d.extra["target"]) % 8 for d in drafts if "shown" in d.extra}
    assert steps_away == set(range(8))


def test_letters_are_those_of_the_targets(drafts: list[Draft]) -> None:
    asked = [d for d in drafts if len(d.images) == 1]
    assert {(d.extra["target"], d.turns[0].assistant) for d in asked} == set(enumerate("ABCDEFGH"))


def test_the_place_of_the_file_changes_nothing() -> None:
    row = puzzle(5)
    assert draft(row) == draft(replace(row, file="elsewhere/RAVEN_5_train.npz", folder="/other"))


def test_plain_prompts_leave_out_the_request_and_the_stop() -> None:
    rows = (replace(puzzle(number), prompts="plain") for number in range(100))
    (turn,) = next(d for d in map(draft, rows) if len(d.images) == 2).turns
    assert turn.user.endswith("?") and turn.assistant in ("Yes", "No")


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def huge_header() -> bytes:
    """Return an archive whose array says that it has a thousand billion values and has none."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("image.npy", b"\x93NUMPY\x01\x00" + b"\x76\x00" + header)
    return out.getvalue()


HOSTILE = {
    "unpacks to 80 MB": npz(image=np.zeros(80 << 20, np.uint8), target=1),
    "a huge header": huge_header(),
    "pickled panels": npz(image=np.array([{}], object), target=1),
    "panels of numbers": npz(image=np.zeros((16, 160, 160), np.float64), target=1),
    "panels as one line": npz(image=np.zeros(16, np.uint8), target=1),
    "tiny panels": npz(image=np.zeros((16, 1, 1), np.uint8), target=1),
    "wide panels": npz(image=np.zeros((16, 2, 4000), np.uint8), target=1),
    "two targets": npz(image=PANELS, target=np.array([1, 2])),
    "a negative target": npz(image=PANELS, target=-1),
    "no zip": b"\x00" * 100,
    "nothing": b"",
    "over 8 MB": b"PK\x03\x04" + b"\x00" * (9 << 20),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_rejected_and_the_good_one_is_kept(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "center_single"
    folder.mkdir(parents=True)
    (folder / "RAVEN_0_train.npz").write_bytes(HOSTILE[kind])
    (folder / "RAVEN_1_train.npz").write_bytes(npz(image=PANELS, target=3))
    with LocalEngine(0) as engine:
        entry = steps.ingest(engine, str(tmp_path / "work"), "raven", [str(tmp_path / "raw")])
    assert (entry["counts"]["written"], entry["counts"]["quarantined"]) == (1, 1)

"""Threat 8: archives that lead outside, link, or unpack without end."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pytest

from cauldron.errors import CauldronError
from cauldron.media import limits
from cauldron.readers import archives as reader
from cauldron.readers.raw import Raw
from tests.trust.archives import bomb_42, hostile_archives, overlapping_zip, zip_of
from tests.trust.commands import peak_of, told

OWN = "name: packed\nfiles: '*.jsonl'\ntext: '{text}'\n"


def test_threat_08_no_archive_writes_outside_or_ends_the_run(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "own.yaml").write_text(OWN)
    for name, payload in hostile_archives(outside).items():
        raw, work = tmp_path / name / "raw", tmp_path / name / "work"
        raw.mkdir(parents=True)
        (raw / name).write_bytes(payload)
        start = time.monotonic()
        done, peak = peak_of(
            "ingest", tmp_path / "own.yaml", raw, "-o", work, "--json", "--workers", "1",
            "--max-rejects", "1",
        )  # fmt: skip
        assert peak < 1 << 30, name
        said = told(done, 0, 2, 3, 4)
        assert time.monotonic() - start < 20, name
        assert done.returncode == 0 or name.split(".")[0] in said, (name, said)
        if done.returncode == 0:
            counts = orjson.loads(done.stdout)
            assert counts["read"] == (
                counts["written"] + counts["quarantined"] + counts["skipped"]
            ), name
        assert not [p for p in tmp_path.rglob("*evil*")] and not list(outside.iterdir()), name
        kept = b"".join(p.read_bytes() for p in work.rglob("*.parquet"))
        assert b"root:" not in kept, name


def test_threat_08_links_and_devices_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "evil.jsonl").write_text("secret")
    made = hostile_archives(outside)
    for name in ("through_link.tar", "hard_link.tar", "symlink.tar", "device.tar", "pipe.tar"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(made[name])
        raw = Raw([str(folder)])
        for found in raw.find("evil.jsonl"):
            try:
                assert raw.read(found.url) == b'{"text": "evil"}\n'  # a member beside the link
            except CauldronError as error:
                assert "link" in str(error) or "packed in a way" in str(error)


def test_threat_08_a_bomb_costs_no_more_than_its_bytes(tmp_path: Path) -> None:
    for name, payload in (("42.zip", bomb_42()), ("overlapping.zip", overlapping_zip())):
        (tmp_path / name).write_bytes(payload)
    raw = Raw([str(tmp_path)])
    start = time.monotonic()
    assert not [found for found in raw.find("*.json") if "42.zip" in found.url]
    total = 0
    for found in raw.find("*.json")[:5]:
        total += len(raw.read(found.url))
    assert total <= 5 * (15 << 20) and time.monotonic() - start < 10


def test_threat_08_an_archive_of_too_many_members_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "many.zip").write_bytes(zip_of({f"{n}.txt": b"" for n in range(1_000)}))
    monkeypatch.setattr(reader, "LIMITS", limits.Limits(max_members=999))
    index = reader.index_of(str(tmp_path / "many.zip"))
    assert len(index.members) == 999 and "more than 999" in index.problems[0].detail

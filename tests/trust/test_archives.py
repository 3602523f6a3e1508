"""Threat 8: damaged and escaping archives end as counted rejects, and the run goes on."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import orjson
import pytest

from cauldron.readers.raw import Raw
from tests.trees import vsr_tree
from tests.trust.commands import cauldron, told

BAD = ("cut.tar", "cut.tar.gz", "cut.zip", "not.zip", "outside.tar", "outside.zip", "links.tar")


def packed(path: Path, members: dict[str, bytes]) -> bytes:
    """Write an archive of the kind that its name tells; return its bytes."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as made:
            for name, payload in members.items():
                made.writestr(name, payload)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as made:
            for name, payload in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(payload)
                made.addfile(info, io.BytesIO(payload))
    return path.read_bytes()


def hostile(folder: Path, name: str) -> dict[str, int]:
    """Write a hostile archive; return the rejects that it must give."""
    path, kind = folder / name, name.partition(".")[0]
    if kind == "not":
        path.write_bytes(b"<html>sign in to download</html>")
    elif kind == "cut":
        noise = Path(__file__).read_bytes() * 20
        whole = packed(path, {f"{n}.bin": noise for n in range(4)})
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "outside":
        packed(path, {"../../escaped": b"x", "/etc/escaped": b"x", "good.bin": b"x"})
        return {"archive_member_outside": 2}
    else:
        with tarfile.open(path, "w") as made:
            link = tarfile.TarInfo("train2017/link.jpg")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            made.addfile(link)
            fifo = tarfile.TarInfo("train2017/pipe.jpg")
            fifo.type = tarfile.FIFOTYPE
            made.addfile(fifo)
        return {}
    return {"archive_damaged": 1}


@pytest.mark.parametrize("name", ["cut.tar.gz", *(pytest.param("all", marks=pytest.mark.slow),)])
def test_threat_8_a_hostile_archive_is_a_counted_reject(tmp_path: Path, name: str) -> None:
    raw = vsr_tree(tmp_path / "raw", 12)
    expected = {"image_missing": 1}
    for bad in BAD if name == "all" else [name]:
        for reason, number in hostile(raw, bad).items():
            expected[reason] = expected.get(reason, 0) + number
    done = cauldron("ingest", "vsr", raw, "-o", tmp_path / "work", "--json")
    told(done, 0)
    counts = orjson.loads(done.stdout)
    assert counts["written"] == 11
    assert counts["reasons"]["quarantined"] == expected
    assert counts["read"] == 11 + sum(expected.values())
    (quarantine,) = (tmp_path / "work/quarantine/vsr").iterdir()
    lines = [orjson.loads(line) for line in quarantine.read_bytes().splitlines()]
    assert {line["origin"]["file"] for line in lines} > {b for b in BAD if (raw / b).exists()} - {
        "links.tar"
    }
    assert not list(tmp_path.rglob("*escaped*"))
    told(cauldron("verify", tmp_path / "work"), 0)


@pytest.mark.parametrize(
    "name", ["a\0b.png", "a" * 5_000, "\ud800.png", "circle.png", "folder", "pipe", "", ".", ".."]
)
def test_threat_08_a_name_that_no_picture_can_have_is_one_that_is_missing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "there.png").write_bytes(b"x")
    raw = Raw([str(tmp_path)])
    assert [found.path for found in raw.find("*")] == ["there.png"]
    assert raw.picture([name], 1_000) is None
    assert raw.picture([name, "there.png"], 1_000) == b"x"


def test_threat_08_folders_in_folders_are_listed_however_deep(tmp_path: Path) -> None:
    deep = str(tmp_path)
    for _ in range(1_200):
        deep += "/d"
        os.mkdir(deep)
    Path(deep, "a.json").write_bytes(b"[]")
    assert [found.url for found in Raw([str(tmp_path)]).find("*.json")] == [f"{deep}/a.json"]
    os.unlink(f"{deep}/a.json")
    os.removedirs(deep)

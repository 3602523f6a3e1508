"""Archives are seen as if they were unpacked; hostile ones are refused and never written."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError, StorageError
from cauldron.readers import json_lines
from cauldron.readers.archives import split_url, stem
from cauldron.readers.raw import Raw
from tests.conftest import picture

KINDS = ["zip", "stored.zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"]
TREE = {"set/questions/7.json": b'{"a": 1}' * 50, "set/images/7.png": picture()}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """Write files into an archive of the kind that its name tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        method = zipfile.ZIP_STORED if ".stored" in path.name else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, payload in files.items():
                archive.writestr(name, payload)
        return path
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:
        for name, payload in files.items():
            archive.addfile(member(name, len(payload)), io.BytesIO(payload))
    return path


def member(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_found_where_they_would_be_unpacked(tmp_path: Path, kind: str) -> None:
    pack(tmp_path / "deep" / f"all.{kind}", TREE)
    (found,) = Raw([str(tmp_path)]).find("questions/*.json")
    assert found.path == "deep/set/questions/7.json"


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_read_letter_for_letter(tmp_path: Path, kind: str) -> None:
    pack(tmp_path / f"all.{kind}", TREE)
    raw = Raw([str(tmp_path)])
    assert {f.path: raw.read(f.url) for f in raw.find("*.json", "*.png")} == TREE


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_streamed_letter_for_letter(tmp_path: Path, kind: str) -> None:
    long = bytes(range(256)) * 20_000
    pack(tmp_path / f"all.{kind}", {"a.bin": b"x" * 999, "b.bin": long, "c.bin": b"y"})
    raw = Raw([str(tmp_path)])
    with raw.open(raw.find("b.bin")[0].url) as stream:
        parts = [stream.read(700_001) for _ in range(9)]
    assert b"".join(parts) == long


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_beside_the_row_is_found(tmp_path: Path, kind: str) -> None:
    pack(tmp_path / f"all.{kind}", TREE)
    raw = Raw([str(tmp_path)])
    folder = raw.find("7.json")[0].folder
    assert raw.picture([f"{folder}/../images/7.png"], 10**6) == picture()


def test_a_picture_is_found_in_another_archive_of_the_folder(tmp_path: Path) -> None:
    pack(tmp_path / "questions.zip", {"set/q.json": b"{}"})
    pack(tmp_path / "pictures.tar.gz", {"set/images/1.png": picture()})
    raw = Raw([str(tmp_path)])
    folder = raw.find("q.json")[0].folder
    assert raw.picture([f"{folder}/images/1.png"], 10**6) == picture()


def test_a_picture_is_found_by_name_in_a_further_root(tmp_path: Path) -> None:
    pack(tmp_path / "coco" / "train2014.zip", {"train2014/1.png": picture()})
    (tmp_path / "questions").mkdir()
    raw = Raw([str(tmp_path / "questions"), str(tmp_path / "coco")])
    assert raw.picture(["train2014/1.png"], 10**6) == picture()


def test_an_archive_can_be_the_root_itself(tmp_path: Path) -> None:
    raw = Raw([str(pack(tmp_path / "all.zip", TREE))])
    assert raw.picture(["set/images/7.png"], 10**6) == picture()


def test_the_archives_name_may_stand_for_the_folder(tmp_path: Path) -> None:
    for split in ("train", "val"):
        pack(tmp_path / f"{split}.zip", {"17/data.json": split.encode()})
    raw = Raw([str(tmp_path)])
    (found,) = raw.find("val/*/data.json")
    assert (found.path, raw.read(found.url)) == ("val/17/data.json", b"val")


def test_the_one_top_folder_may_be_left_out_of_a_candidate(tmp_path: Path) -> None:
    pack(tmp_path / "all.zip", TREE)
    assert Raw([str(tmp_path)]).picture(["images/7.png"], 10**6) == picture()


def test_a_real_file_stands_before_a_member(tmp_path: Path) -> None:
    pack(tmp_path / "all.zip", {"a.json": b"packed"})
    (tmp_path / "a.json").write_bytes(b"real")
    raw = Raw([str(tmp_path)])
    assert [raw.read(f.url) for f in raw.find("a.json")] == [b"real"]


def test_the_same_member_in_two_archives_counts_once(tmp_path: Path) -> None:
    pack(tmp_path / "one.zip", {"a.json": b"same"})
    pack(tmp_path / "two.zip", {"a.json": b"same"})
    assert len(Raw([str(tmp_path)]).find("a.json")) == 1


def test_of_members_with_one_name_the_last_counts(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for payload in (b"old", b"new"):
            archive.addfile(member("a.txt", 3), io.BytesIO(payload))
    raw = Raw([str(tmp_path)])
    assert [raw.read(f.url) for f in raw.find("a.txt")] == [b"new"]


def packed(ending: str, payload: bytes) -> bytes:
    if ending == "zst":
        out = pa.BufferOutputStream()
        with pa.CompressedOutputStream(out, "zstd") as file:
            file.write(payload)
        return bytes(out.getvalue())
    return {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[ending](payload)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_a_packed_file_is_seen_without_its_ending(ending: str, tmp_path: Path) -> None:
    first, second = (packed(ending, b'{"n": %d}\n' % n) for n in (1, 2))
    (tmp_path / f"rows.jsonl.{ending}").write_bytes(first + second)  # both parts of it
    raw = Raw([str(tmp_path)])
    (found,) = raw.find("rows.jsonl")
    assert [row.data["n"] for row in json_lines(raw, found, "train", "x")] == [1, 2]
    assert raw.read(found.url) == b'{"n": 1}\n{"n": 2}\n'


def test_an_archive_itself_is_found_by_its_ending(tmp_path: Path) -> None:
    pack(tmp_path / "000.tar", TREE)
    assert [f.path for f in Raw([str(tmp_path)]).find("*.tar")] == ["000.tar"]


def test_hidden_files_are_not_seen(tmp_path: Path) -> None:
    pack(tmp_path / "all.zip", {"__MACOSX/._a.json": b"x", "._a.json": b"x", "a.json": b"{}"})
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "b.json").write_bytes(b"{}")
    assert [f.path for f in Raw([str(tmp_path)]).find("*.json")] == ["a.json"]


def test_an_index_that_was_kept_serves_another_process(tmp_path: Path) -> None:
    pack(tmp_path / "raw" / "all.tar.gz", {f"{n}.txt": b"%d" % n * 5_000 for n in range(300)})
    kept = str(tmp_path / "kept")
    first = Raw([str(tmp_path / "raw")], kept)
    found = first.find("*.txt")
    endings = {path.suffix for path in Path(kept).iterdir()}
    other = Raw(first.roots, kept, first.archives())
    assert endings == {".json", ".points"}
    assert all(other.read(f.url) == f.path[:-4].encode() * 5_000 for f in reversed(found))


def test_a_changed_archive_gets_a_new_index(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    for payload in (b"first", b"second"):
        pack(tmp_path / "raw" / "all.zip", {"a.txt": payload})
        raw = Raw([str(tmp_path / "raw")], kept)
        assert raw.read(raw.find("a.txt")[0].url) == payload


def test_names_without_the_utf8_mark_are_read_as_utf8(tmp_path: Path) -> None:
    path = pack(tmp_path / "all.zip", {"bild_ä.txt": b"x"})
    marked = path.read_bytes()
    unmarked = marked.replace(b"PK\x03\x04\x14\x00\x00\x08", b"PK\x03\x04\x14\x00\x00\x00")
    path.write_bytes(unmarked.replace(b"\x14\x03\x14\x00\x00\x08", b"\x14\x03\x14\x00\x00\x00"))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() != ["bild_ä.txt"]
    assert [f.path for f in Raw([str(tmp_path)]).find("*.txt")] == ["bild_ä.txt"]


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "C:/out.txt"])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_path_that_leads_outside_is_told_and_left_out(
    tmp_path: Path, kind: str, name: str
) -> None:
    pack(tmp_path / "raw" / f"bad.{kind}", {name: b"x", "good.txt": b"y"})
    raw = Raw([str(tmp_path / "raw")])
    assert [found.path for found in raw.find("*.txt")] == ["good.txt"]
    ((path, problem),) = raw.problems()
    assert (path, problem.member) == (f"bad.{kind}", name)
    assert problem.reason == "archive_member_outside" and "leads outside" in problem.detail
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_an_archive_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        archive.addfile(member("a.png", kind=kind, link="/etc/passwd"))
    raw = Raw([str(tmp_path)])
    with pytest.raises(StorageError, match="is a link"):
        raw.picture(["a.png"], 10**6)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "all.zip", {"a.png": picture()})
    payload = bytearray(path.read_bytes())
    payload[payload.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(payload)
    with pytest.raises(StorageError, match="encrypted"):
        Raw([str(tmp_path)]).picture(["a.png"], 10**6)


def test_a_member_larger_than_allowed_is_not_unpacked(tmp_path: Path) -> None:
    pack(tmp_path / "all.zip", {"a.png": b"\x00" * 5_000_000})
    with pytest.raises(StorageError, match="larger than 1000000 bytes"):
        Raw([str(tmp_path)]).picture(["a.png"], 1_000_000)


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    pack(tmp_path / "all.zip", {"a.json": b"\x00" * (64 << 20)})
    raw = Raw([str(tmp_path)])
    with pytest.raises(StorageError, match="would unpack to"):
        raw.read(raw.find("a.json")[0].url)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "all.zip", {"a.json": b"\x00" * 100_000})
    payload = path.read_bytes()
    path.write_bytes(payload.replace(struct.pack("<I", 100_000), struct.pack("<I", 10)))
    raw = Raw([str(tmp_path)])
    with pytest.raises(StorageError, match="size or checksum"):
        raw.read(raw.find("a.json")[0].url)


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "all.stored.zip", {"a.txt": b"truth" * 100})
    path.write_bytes(path.read_bytes().replace(b"truth", b"false", 1))
    raw = Raw([str(tmp_path)])
    with pytest.raises(StorageError, match="checksum"):
        raw.read(raw.find("a.txt")[0].url)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2"])
def test_an_archive_that_was_cut_off_is_told(tmp_path: Path, kind: str) -> None:
    noise = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(200)) * 20
    path = pack(tmp_path / f"all.{kind}", {"a.bin": noise, "b.bin": noise})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    raw = Raw([str(tmp_path)], str(tmp_path / "indexes"))
    raw.find("*.bin")
    again = Raw([str(tmp_path)], str(tmp_path / "indexes"))
    again.find("*.bin")
    assert [(p, problem.reason) for p, problem in raw.problems()] == [
        (f"all.{kind}", "archive_damaged")
    ]
    assert again.problems() == raw.problems()


def test_something_that_is_no_archive_is_an_error_where_nothing_else_is_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "all.zip").write_bytes(b"<html>not found</html>")
    with LocalEngine(0) as engine, pytest.raises(SourceError, match="download it again"):
        steps.ingest(engine, str(tmp_path / "w"), "vsr", [str(tmp_path)])


def test_files_beside_a_packed_file_are_not_taken_for_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"image": "a.png"}'))
    (tmp_path / "a.png").write_bytes(picture())
    raw = Raw([str(tmp_path)])
    (row,) = json_lines(raw, raw.find("rows.jsonl")[0], "train", "x")
    assert raw.picture([row.near("a.png")], 10**6) == picture()
    assert raw.picture([row.near("b.png")], 10**6) is None


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
@pytest.mark.parametrize("fault", ["cut", "noise"])
def test_a_damaged_packed_file_names_itself(ending: str, fault: str, tmp_path: Path) -> None:
    whole = packed(ending, os.urandom(200_000).hex().encode() + b"\n")
    damaged = whole[: len(whole) // 2] if fault == "cut" else b"no archive at all"
    (tmp_path / f"rows.jsonl.{ending}").write_bytes(damaged)
    raw = Raw([str(tmp_path)])
    with pytest.raises(StorageError, match=rf"rows.jsonl.{ending}.*cannot unpack"):
        list(json_lines(raw, raw.find("rows.jsonl")[0], "train", "x"))


def test_a_symlink_that_leaves_the_root_gives_no_picture(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "raw" / "b.png").symlink_to(tmp_path / "raw" / "c.png")
    (tmp_path / "raw" / "c.png").write_bytes(picture())
    raw = Raw([str(tmp_path / "raw")])
    assert raw.picture(["a.png"], 10**6) is None
    assert raw.picture(["b.png"], 10**6) == picture()


def test_a_snapshot_in_the_hubs_cache_is_read_through_its_links(tmp_path: Path) -> None:
    (tmp_path / "repo" / "blobs").mkdir(parents=True)
    (tmp_path / "repo" / "blobs" / "77").write_bytes(b'{"n": 1}')
    snapshot = tmp_path / "repo" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "rows.jsonl").symlink_to("../../blobs/77")
    raw = Raw([str(snapshot)])
    assert raw.read(raw.find("rows.jsonl")[0].url) == b'{"n": 1}'


def test_an_archive_of_a_kind_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "vsr.7z").write_bytes(b"7z")
    with LocalEngine(0) as engine, pytest.raises(SourceError, match=r"unpack vsr.7z first"):
        steps.ingest(engine, str(tmp_path / "work"), "vsr", [str(tmp_path)])


def test_a_pipe_among_the_pictures_does_not_hang(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.png")
    assert Raw([str(tmp_path)]).picture(["a.png"], 10**6) is None


def test_a_members_url_splits_at_the_archive() -> None:
    assert split_url("/r/a.tar.gz!/b/c.png") == ("/r/a.tar.gz", "b/c.png")
    assert split_url("/r/what!/c.png") is None
    assert stem("train.tar.gz") == "train"


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_packed_and_unpacked_downloads_give_the_same_samples(
    tmp_path: Path, slices: Path, kind: str
) -> None:
    shutil.make_archive(str(tmp_path / "packed" / "download"), kind, slices / "textvqa")
    hashes = []
    for raw in (slices / "textvqa", tmp_path / "packed"):
        work = tmp_path / f"work-{raw.name}"
        with LocalEngine(0) as engine:
            entry = steps.ingest(engine, str(work), "textvqa", [str(raw)], split="val")
        hashes.append([part["sha256"] for part in entry["parts"]])
    assert hashes[0] == hashes[1] != []


def test_inflating_stops_at_the_declared_size() -> None:
    from cauldron.readers.streams import inflated

    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = engine.compress(b"\x00" * 10_000_000) + engine.flush()
    with pytest.raises(zlib.error):
        inflated(packed, 1000, zlib.crc32(b"\x00" * 1000))

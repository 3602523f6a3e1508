"""Files anywhere: names of places, faults told, and writing that is never seen half done."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from cauldron.errors import CheckError, StorageError
from cauldron.storage import files, hashing

PLACES = ["local", "memory"]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A folder on this machine, and one in a store."""
    if request.param == "local":
        yield str(tmp_path)
    else:
        yield f"memory://{tmp_path.name}"
        files.remove(f"memory://{tmp_path.name}")


@pytest.mark.parametrize(
    ("url", "local", "shown"),
    [
        ("a/b", True, "a/b"),
        ("/a b", True, "/a b"),
        ("file:///a", True, "file:///a"),
        ("s3://me:word@bucket/key?token=1#x", False, "s3://bucket/key"),
        ("https://a.org/x", False, "https://a.org/x"),
        ("/odd?name@host", True, "/odd?name@host"),
    ],
)
def test_urls_are_told_without_secrets(url: str, local: bool, shown: str) -> None:
    assert (files.is_local(url), files.redacted(url)) == (local, shown)


def test_names_are_joined_by_single_slashes() -> None:
    assert files.join("s3://b/", "/a/", "b") == "s3://b/a/b"
    assert files.join("/", "a") == "//a", "a root stays one"
    assert files.join("a") == "a"
    assert files.local_path("file:///a/b") == Path("/a/b")


def test_a_protocol_that_is_not_known_is_told_without_secrets() -> None:
    with pytest.raises(StorageError, match="cannot open") as caught:
        files.filesystem("nowhere://me:word@host/x")
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said", "hint"),
    [
        (FileNotFoundError(2, "No such file"), "cannot read: no such file or folder", ""),
        (OSError(errno.ENOSPC, "No space left"), "cannot read: No space left", "free some space"),
        (OSError(errno.EACCES, "Denied"), "cannot read: Denied", "choose another folder"),
        (OSError("odd"), "cannot read: odd", ""),
        (OSError(), "cannot read: OSError", ""),
        (ValueError("library"), "cannot read: library", ""),
    ],
)
def test_a_fault_of_a_place_is_told_with_its_name_and_advice(
    error: Exception, said: str, hint: str
) -> None:
    with pytest.raises(StorageError) as caught, files.reported("s3://me:word@b/k", "read"):
        raise error
    told = caught.value
    assert (told.message, told.place) == (said, "s3://b/k")
    assert (told.hint or "").startswith(hint) and bool(told.hint) == bool(hint)


def test_faults_of_our_own_pass_and_local_bugs_too() -> None:
    with pytest.raises(CheckError), files.reported("s3://b/k", "read"):
        raise CheckError("mine")
    with pytest.raises(ValueError, match="bug"), files.reported("/a", "read"):
        raise ValueError("bug")


def test_a_written_file_is_there_whole(place: str) -> None:
    url = files.join(place, "new", "folder", "a.bin")
    assert not files.exists(url) and not files.is_file(url)
    with files.open_output(url) as file:
        assert (file.write(b"one"), file.write(memoryview(b"two"))) == (3, 3)
        assert not files.exists(url)
    assert (file.size_bytes, file.sha256) == (6, hashlib.sha256(b"onetwo").hexdigest())
    assert files.read_bytes(url) == b"onetwo" and files.size_bytes(url) == 6
    with files.open_input(url) as opened:
        assert opened.read(4) == b"onet"
    assert files.exists(url) and files.is_file(url)
    assert files.exists(files.join(place, "new")) and not files.is_file(files.join(place, "new"))


def test_what_fails_half_way_leaves_what_was_there(place: str) -> None:
    url = files.join(place, "a")
    files.write_bytes(url, b"before")
    with pytest.raises(RuntimeError, match="stop"), files.open_output(url) as file:
        file.write(b"after")
        raise RuntimeError("stop")
    assert files.read_bytes(url) == b"before"
    assert files.find_files(place) == ["a"]


@pytest.mark.parametrize("read", [files.read_bytes, files.size_bytes, files.open_input])
def test_what_is_missing_is_told(place: str, read: Callable[[str], Any]) -> None:
    with pytest.raises(StorageError, match="cannot read: no such file or folder"):
        read(files.join(place, "absent"))


def test_names_are_sorted_and_half_written_ones_left_out(place: str) -> None:
    for name in ("b.json", "a.json", "c.txt", "d.json.partial", "sub/x.json", "sub/deep/y.txt"):
        files.write_bytes(files.join(place, name), b"x")
    assert files.list_names(place) == ["a.json", "b.json", "c.txt", "sub"]
    assert files.list_names(place, ".json") == ["a.json", "b.json"]
    assert files.list_names(files.join(place, "absent")) == []
    assert files.find_files(place, "*.txt") == ["c.txt", "sub/deep/y.txt"]
    assert files.find_files(files.join(place, "sub")) == ["deep/y.txt", "x.json"]


def test_files_and_folders_are_removed(place: str) -> None:
    for name in ("a", "sub/b", "sub/c"):
        files.write_bytes(files.join(place, name), b"x")
    for name in ("a", "absent", "sub"):
        files.remove(files.join(place, name))
    assert files.find_files(place) == []


def test_json_is_the_same_for_equal_values(place: str) -> None:
    url = files.join(place, "a.json")
    files.write_json(url, {"b": 1, "a": {"d": [2], "c": None}})
    assert files.read_bytes(url) == files.json_bytes({"a": {"c": None, "d": [2]}, "b": 1})
    assert (
        files.read_bytes(url).startswith(b'{\n  "a": {\n') and files.read_bytes(url)[-1:] == b"\n"
    )
    assert files.read_json(url) == {"a": {"c": None, "d": [2]}, "b": 1}


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"schema_version": 2}', "a file of version 2 is newer than 1"),
        (b'{"schema_version": "x"}', "a file of unknown version 'x'"),
        (b'{"schema_version": null}', "a file of unknown version None"),
    ],
)
def test_json_that_cannot_be_known_is_refused(tmp_path: Path, payload: bytes, said: str) -> None:
    (tmp_path / "a.json").write_bytes(payload)
    with pytest.raises(StorageError, match=said):
        files.read_json(str(tmp_path / "a.json"))
    for value in ([1], {"version": 2}, {"schema_version": 1}, {"schema_version": "1"}):
        files.write_json(str(tmp_path / "a.json"), value)
        assert files.read_json(str(tmp_path / "a.json")) == value


@pytest.mark.parametrize("seed", range(4))
def test_what_a_native_writer_adds_is_hashed_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(hashing, "_SYNC_BYTES", 4000)
    rng, url = random.Random(seed), str(tmp_path / "a")
    pieces = [rng.randbytes(rng.choice((0, 1, 100, 5000, 40_000))) for _ in range(12)]
    with files.open_output(url) as file, file.path.open("ab") as native:
        for piece in pieces:
            native.write(piece)
            native.flush()
            if rng.random() < 0.7:
                file.follow()
                assert file.size_bytes == native.tell()
        file.follow()
    whole = b"".join(pieces)
    assert files.read_bytes(url) == whole
    assert (file.size_bytes, file.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


def test_a_store_that_takes_no_upload_is_told_apart_from_a_full_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no such bucket")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "put_file", refuse)
    with pytest.raises(StorageError, match="memory://b/a: cannot write: no such bucket"):
        files.write_bytes("memory://b/a", b"x")
    with (
        pytest.raises(
            StorageError, match=f"{tempfile.gettempdir()}: cannot write: No space"
        ) as told,
        files.open_output("memory://b/a"),
    ):
        raise OSError(errno.ENOSPC, "No space")
    assert told.value.place == tempfile.gettempdir()
    assert (told.value.hint or "").startswith("free some space")


def test_what_is_followed_comes_to_disk_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_SYNC_BYTES", 100)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    with files.open_output(str(tmp_path / "a")) as file, file.path.open("ab", 0) as native:
        for _ in range(6):
            native.write(b"x" * 50)
            file.follow()
            file.flush()
        assert synced == [100, 200, 300]
    assert synced[3] == 300 and len(synced) == 5, "the file at its end, and its folder"


def test_a_place_that_takes_no_more_is_told_with_the_bytes_that_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = r"cannot write: No space left on device \(after 1,234 bytes, [\d,]+ bytes are free\)"
    with pytest.raises(StorageError, match=said) as caught:
        files.write_bytes(str(tmp_path / "a"), b"x" * 1234)
    assert (caught.value.hint or "").startswith("free some space")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot write: .*\(after 0 bytes"):
        files.write_bytes(str(tmp_path / "file" / "a"), b"x")


def test_room_is_needed_in_the_folder_or_the_next_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or usage)
    for name in ("", "not", "not/yet"):
        assert files.free_bytes(str(tmp_path / name)) == usage.free
    assert asked == [tmp_path] * 3
    for free, refused in ((99, True), (100, False), (101, False)):
        monkeypatch.setattr(files, "RESERVE_BYTES", 100)
        monkeypatch.setattr(files, "free_bytes", lambda _, free=free: free)
        if refused:
            with pytest.raises(StorageError, match="99 bytes are free, 100 are kept"):
                files.require_free(str(tmp_path))
        else:
            files.require_free(str(tmp_path))
    monkeypatch.setattr(files, "free_bytes", lambda _: 0)
    files.require_free("memory://a")


def test_only_what_dead_processes_of_this_machine_left_is_swept_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, "a process of somebody else")

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = socket.gethostname()
    gone = [f"a.parquet.{host}-{dead.pid}.partial", f"sub/b.{host}-{dead.pid}.partial"]
    kept = [
        f"a.{host}-{os.getpid()}.partial",
        f"a.{host}-1.partial",
        f"a.elsewhere-{dead.pid}.partial",
        f"a.{host}-{dead.pid}",
        f"a.{host}-x{dead.pid}.partial",
        "a.partial",
        "a.parquet",
    ]
    for name in (*gone, *kept):
        files.write_bytes(str(tmp_path / name), b"x")
    files.sweep("memory://a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        files.sweep(str(tmp_path))
    assert files.find_files(str(tmp_path)) == sorted([*gone, *kept])
    files.sweep(str(tmp_path))
    assert files.find_files(str(tmp_path)) == sorted(kept)


def test_a_running_write_is_named_after_its_process(tmp_path: Path) -> None:
    with files.open_output(str(tmp_path / "a")) as file:
        assert file.path.name == f"a.{socket.gethostname()}-{os.getpid()}.partial"
        files.sweep(str(tmp_path))
        assert file.path.exists()


def test_files_on_their_way_lie_beside_their_place_and_are_brought_whole(place: str) -> None:
    url = files.join(place, "new", "model")
    for name in ("a.bin", "sub/b.bin"):
        with files.beside(url) as folder:
            assert folder.is_dir() and not list(folder.iterdir())
            if files.is_local(url):
                assert folder.parent == Path(url).parent and folder.name.endswith(files.TEMPORARY)
                files.sweep(place)
            (folder / "made").write_bytes(name.encode())
            (folder / "made").chmod(0o600)
            files.bring(folder / "made", files.join(url, name))
            (folder / "left").touch()
        assert not folder.exists()
    assert files.find_files(place) == ["new/model/a.bin", "new/model/sub/b.bin"]
    assert files.read_bytes(files.join(url, "sub/b.bin")) == b"sub/b.bin"
    if files.is_local(url):
        assert Path(url, "a.bin").stat().st_mode & 0o777 == Path(url).stat().st_mode & 0o666


def test_a_place_beside_which_nothing_can_lie_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"), files.beside(f"{tmp_path}/file/a"):
        raise AssertionError("there is no such place")
    made = tmp_path / "made"
    made.write_bytes(b"x" * 1234)
    with pytest.raises(StorageError, match=r"cannot write: .*\(after 1,234 bytes"):
        files.bring(made, f"{tmp_path}/file/a")
    with pytest.raises(StorageError, match=r"cannot write: No such file.*\(after 0 bytes"):
        files.bring(tmp_path / "absent", f"{tmp_path}/a")
    with pytest.raises(RuntimeError, match="stop"), files.beside(f"{tmp_path}/a") as folder:
        raise RuntimeError("stop")
    assert not folder.exists()


class Full:
    """A file on a disk that takes no more."""

    def write(self, _: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_library_that_hides_why_it_could_not_write_is_seen_through(
    tmp_path: Path, kind: type[BaseException]
) -> None:
    said = r"No space left on device \(after 7 bytes" if kind is RuntimeError else "mine"
    wanted = StorageError if kind is RuntimeError else KeyboardInterrupt
    with pytest.raises(wanted, match=said), files.open_output(str(tmp_path / "a")) as file:
        file.write(b"1234567")
        file._file = Full()  # type: ignore[assignment]
        try:
            file.write(b"")
        except OSError:
            raise kind("mine") from None
    with pytest.raises(kind, match="mine"), files.open_output(str(tmp_path / "a")) as file:
        file.write(b"1234567")
        raise kind("mine")
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_of_one_file_is_swept_away_alone(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mark = f"{socket.gethostname()}-{dead.pid}.partial"
    for name in (f"a.{mark}", f"ab.{mark}", f"a.{os.getpid()}.partial", "a", f"b.{mark}"):
        (tmp_path / name).touch()
    (tmp_path / f"a.x.{mark}").mkdir()
    (tmp_path / f"a.x.{mark}" / "inside").touch()
    files.sweep_beside(str(tmp_path / "a"))
    files.sweep_beside(str(tmp_path / "absent" / "a"))
    files.sweep_beside("memory://a/b")
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == sorted(["a", f"a.{os.getpid()}.partial", f"ab.{mark}", f"b.{mark}"])
    (tmp_path / "sub" / f"c.{mark}").mkdir(parents=True)
    (tmp_path / "sub" / f"c.{mark}" / "inside").touch()
    files.sweep(str(tmp_path))
    assert files.find_files(str(tmp_path)) == sorted(["a", f"a.{os.getpid()}.partial"])

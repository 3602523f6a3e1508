"""The work folder: where files lie, what is set aside, one writer at a time; keys and cores."""

from __future__ import annotations

import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from cauldron.errors import CheckError, StorageError
from cauldron.storage import cores, files, work
from cauldron.storage.contested import own_name
from cauldron.storage.keys import key_of


def test_every_kind_of_file_has_its_place() -> None:
    assert work.samples("w", "a") == "w/samples/a"
    assert work.samples("w/", "a", "p") == "w/samples/a/p.parquet"
    assert work.signals("w", "a", "p") == "w/signals/a/p.parquet"
    assert work.decisions("w", "dedup", "a", "p") == "w/decisions/dedup/a/p.parquet"
    assert work.leaks("w", "a", "p") == "w/leaks/a/p.parquet"
    assert work.quarantine("w", "a", "p") == "w/quarantine/a/p.jsonl"
    assert (work.shuffle("w"), work.ledger("w", "n")) == ("w/.shuffle", "w/ledger/n.json")


@pytest.fixture
def place(tmp_path: Path) -> str:
    for name in ("b", "a"):
        for number in (1, 0, 2):
            files.write_bytes(work.samples(str(tmp_path), name, f"part-{number}"), b"")
    files.write_bytes(f"{tmp_path}/samples/a/note.txt", b"")
    return str(tmp_path)


def test_sources_and_parts_are_told_in_order(place: str) -> None:
    assert work.sources(place) == ["a", "b"]
    assert work.parts(place, "a") == ["part-0", "part-1", "part-2"]
    assert work.parts(place, "absent") == []
    work.require(place)
    with pytest.raises(StorageError, match="holds no samples"):
        work.require(f"{place}/none")


def test_parts_set_aside_are_left_out_until_they_are_not(place: str) -> None:
    assert work.set_aside(place) == {}
    apart = {"a": {"part-1": "why"}}
    work.write_set_aside(place, apart)
    assert work.set_aside(place) == apart
    assert work.parts(place, "a") == ["part-0", "part-2"]
    assert work.parts(place, "a", every=True) == ["part-0", "part-1", "part-2"]
    assert len(work.parts(place, "b")) == 3
    for _ in range(2):
        work.write_set_aside(place, {})
        assert not files.exists(work.ledger(place, work.SET_ASIDE)), "and none is missed"


def test_a_ledger_entry_states_its_version(place: str) -> None:
    work.write_entry(work.ledger(place, "x"), {"a": 1})
    assert files.read_json(work.ledger(place, "x")) == {"schema_version": 1, "a": 1}


def test_decisions_count_in_the_order_of_the_steps(place: str) -> None:
    urls = {step: work.decisions(place, step, "a", "part-0") for step in work.STEPS}
    assert work.earlier(place, "mix", "a", "part-0") == ()
    for url in urls.values():
        files.write_bytes(url, b"")
    for number, step in enumerate((*work.STEPS, "mix")):
        wanted = tuple(urls[name] for name in work.STEPS[:number])
        assert work.earlier(place, step, "a", "part-0") == wanted
    files.remove(urls["filter"])
    assert work.earlier(place, "decontaminate", "a", "part-0") == (urls["dedup"],)


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", "/a", "a\\b"])
def test_names_that_lead_out_of_a_folder_are_refused(name: str) -> None:
    with pytest.raises(StorageError, match="cannot be a folder name"):
        work.check_name(name)
    assert work.check_name("a.b-c d") == "a.b-c d"


def test_one_run_holds_a_folder_and_the_other_is_told_which(tmp_path: Path) -> None:
    folder = str(tmp_path / "new" / "work")
    with work.locked(folder):
        assert Path(folder, ".lock-holder").read_text() == own_name()
        said = f"another run is writing here: {own_name()} "
        with pytest.raises(CheckError, match=said), work.locked(folder):
            raise AssertionError("two at once")
        assert Path(folder, ".lock-holder").exists()
    assert not Path(folder, ".lock-holder").exists()
    with work.locked(folder), work.locked("memory://w"), work.locked("memory://w"):
        pass
    assert own_name() == f"{socket.gethostname()}, process {os.getpid()}"


def test_a_run_that_fails_lets_go_of_the_folder(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stop"), work.locked(str(tmp_path)):
            raise RuntimeError("stop")


def test_runs_of_different_shares_hold_a_folder_together(tmp_path: Path) -> None:
    with work.locked(str(tmp_path), (0, 2)), work.locked(str(tmp_path), (1, 2)):
        held = {path.name for path in tmp_path.glob("*holder")}
        assert held == {".lock-1-of-2-holder", ".lock-2-of-2-holder"}
        with pytest.raises(CheckError, match="another run"), work.locked(str(tmp_path), (1, 2)):
            raise AssertionError("two at once")


def test_a_run_alone_sweeps_what_was_left_half_written_and_a_share_does_not(tmp_path: Path) -> None:
    left = tmp_path / "samples" / "a.parquet.elsewhere-1.partial"
    for share, there in (((0, 2), True), (None, False)):
        files.write_bytes(str(left), b"")
        files.write_bytes(f"{tmp_path}/model.elsewhere-1.partial/weights", b"")
        files.write_bytes(str(tmp_path / "samples" / "a.parquet"), b"")
        with work.locked(str(tmp_path), share):
            assert left.exists() == there == (tmp_path / "model.elsewhere-1.partial").exists()
    assert files.find_files(str(tmp_path / "samples")) == ["a.parquet"]


def test_a_folder_without_room_or_leave_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"), work.locked(str(tmp_path / "file")):
        pass
    monkeypatch.setattr(files, "free_bytes", lambda _: 0)
    with pytest.raises(StorageError, match="the disk is full"), work.locked(str(tmp_path)):
        pass


def test_a_holder_that_has_not_said_its_name_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, waits = tmp_path / "holder", list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            holder.write_text(" \n")
        if len(waits) == 3:
            holder.write_text("host, process 7\n")

    monkeypatch.setattr(work.time, "sleep", wait)
    assert work._told(holder) == "host, process 7" and len(waits) == 3
    holder.unlink()
    assert work._told(holder) == "unknown" and 0.5 < sum(waits) < 5


def test_keys_differ_where_anything_does_but_the_order_of_names() -> None:
    same = [key_of({"a": 1, "b": [2]}, "x"), key_of({"b": [2], "a": 1}, "x")]
    others = [
        key_of({"a": 1, "b": [2]}), key_of({"a": 1, "b": [3]}, "x"),
        key_of("x", {"a": 1, "b": [2]}),
        key_of([{"a": 1, "b": [2]}, "x"]), key_of({"a": 1, "b": ["2"]}, "x"),
        key_of({"a": True, "b": [2]}, "x"), key_of(None), key_of(),
    ]  # fmt: skip
    assert len({*same, *others}) == 1 + len(others)
    assert key_of({1: "a"}) == key_of({"1": "a"})
    assert key_of("a", 1).startswith("135f17a475a61afd")


@pytest.mark.parametrize(
    ("told", "inner", "most"),
    [("", False, 4), ("3", False, 3), ("9", False, 4), ("0", False, 4), ("x", False, 4),
     ("1", False, 1), ("3", True, 1)],
)  # fmt: skip
def test_threads_are_as_many_as_cores_or_as_the_scheduler_says(
    monkeypatch: pytest.MonkeyPatch, told: str, inner: bool, most: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0: set(range(4))}[process])
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    parent: Any = object() if inner else None
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    assert (cores.cores(), cores.spare_cores()) == (4, most)


@pytest.mark.parametrize(("count", "told"), [(6, 6), (None, 1)])
def test_where_no_affinity_is_known_all_cores_count(
    monkeypatch: pytest.MonkeyPatch, count: int | None, told: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert cores.cores() == told

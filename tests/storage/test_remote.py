"""Work folders and raw data on a real S3 server, a process on the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from cauldron.errors import CheckError, StorageError
from cauldron.storage import contested, files
from tests.mixtures import mixture
from tests.s3 import s3_server
from tests.trees import recipe

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs", reason="needs s3fs")
pytest.importorskip("moto", reason="needs moto, the S3 server")


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Start a server; give the environment that leads to it."""
    with s3_server() as access:
        yield {**os.environ, **access}


def cauldron(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cauldron", *arguments], capture_output=True, text=True, env=env
    )


def in_bucket(env: dict[str, str], code: str) -> None:
    start = "import sys, s3fs; fs = s3fs.S3FileSystem(); "
    subprocess.run([sys.executable, "-c", start + code], check=True, env=env)


def test_a_recipe_runs_into_a_bucket_with_the_bytes_of_a_local_run(
    s3: dict[str, str], tmp_path: Path
) -> None:
    path = recipe(tmp_path)
    in_bucket(s3, "fs.mkdir('bucket')")
    remote = cauldron(s3, "run", str(path), "-o", "s3://bucket/work", "--json")
    local = cauldron(s3, "run", str(path), "-o", str(tmp_path / "work"), "--json")
    assert remote.returncode == local.returncode == 0, remote.stderr
    assert orjson.loads(remote.stdout)["mix"] == orjson.loads(local.stdout)["mix"]
    assert cauldron(s3, "verify", "s3://bucket/work").returncode == 0


def test_a_bucket_takes_a_publication_with_the_bytes_of_a_folder(
    s3: dict[str, str], tmp_path: Path
) -> None:
    manifest = mixture(tmp_path / "made", 12, 9).parent
    in_bucket(s3, "fs.mkdir('public')")
    folder = str(tmp_path / "folder")
    for place in ("s3://public/mixture", folder):
        done = cauldron(s3, "publish", str(manifest), place, "--without-bytes", "docvqa")
        assert done.returncode == 0, done.stderr
    again = cauldron(
        s3, "publish", str(manifest), "s3://public/mixture", "--without-bytes", "docvqa", "--json"
    )
    assert not orjson.loads(again.stdout)["changed"]
    in_bucket(s3, f"fs.get('public/mixture/', {str(tmp_path / 'back')!r}, recursive=True)")
    back, wanted = contents(tmp_path / "back"), contents(tmp_path / "folder")
    assert back == wanted and "manifest.json" in back


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_raw_data_is_read_from_a_bucket(s3: dict[str, str], tmp_path: Path) -> None:
    recipe(tmp_path)
    in_bucket(
        s3,
        f"fs.mkdir('raws'); fs.put({str(tmp_path / 'raw' / 'vsr')!r}, 'raws/vsr', recursive=True)",
    )
    result = cauldron(s3, "ingest", "vsr", "s3://raws/vsr", "-o", str(tmp_path / "w"), "--json")
    assert result.returncode == 0, result.stderr
    assert orjson.loads(result.stdout)["written"] == 59


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of this process, with a bucket `own`."""
    import s3fs

    for name in ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_REGION"):
        monkeypatch.setenv(f"AWS_{name}", s3[f"AWS_{name}"])
    s3fs.S3FileSystem.clear_instance_cache()
    store, _ = files.filesystem("s3://own")
    store.mkdir("own")
    yield store
    store.rm("own", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_bucket_is_written_in_place_of_what_was_found_alone(bucket: Any) -> None:
    url = "s3://own/work/m.json"
    assert contested.version(url) is None
    contested.write_json(url, {"v": 1}, None)
    first = contested.version(url)
    assert first and first == contested.version(url.replace("s3:", "s3a:"))
    contested.write_json(url, {"v": 2}, first)
    for found in (first, None):
        said = f"another run wrote this meanwhile: {contested.own_name()}"
        with pytest.raises(CheckError, match=said):
            contested.write_json(url, {"v": 3}, found)
        contested.write_json(url, {"v": 2}, found)
    assert files.read_bytes(url) == files.json_bytes({"v": 2})
    bucket.pipe_file("own/work/m.json", b"{}")
    with pytest.raises(CheckError, match="wrote this meanwhile: unknown") as caught:
        contested.write_json(url, {"v": 3}, first)
    assert caught.value.place == url and files.read_json(url) == {}


def test_a_bucket_that_is_not_there_is_no_other_run(bucket: Any) -> None:
    with pytest.raises(StorageError, match=r"s3://none/a.json: cannot write"):
        contested.write_json("s3://none/a.json", {}, None)


def test_elsewhere_the_lock_is_what_keeps_others_out(tmp_path: Path) -> None:
    url = str(tmp_path / "a.json")
    for value in ({"v": 1}, {"v": 2}):
        contested.write_json(url, value, None)
        assert files.read_json(url) == value and contested.version(url) is None


def test_a_server_that_does_not_answer_is_a_storage_error(
    s3: dict[str, str], tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free.getsockname()[1]}"}
    result = cauldron({**gone, "AWS_MAX_ATTEMPTS": "1"}, "stats", "s3://bucket/work")
    assert result.returncode == 4
    assert "s3://bucket/work" in result.stderr and "Traceback" not in result.stderr

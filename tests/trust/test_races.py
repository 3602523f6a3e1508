"""Threat 20: of two runs on one place one wins, and the other says who did."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.s3 import s3_server
from tests.trees import vsr_tree
from tests.trust.commands import cauldron, told

RACE = """
import sys
from cauldron.cli.run import guarded
from cauldron.storage import contested
url, value = sys.argv[1], sys.argv[2]
with guarded():
    found = contested.version(url)
    print("ready", flush=True)
    sys.stdin.readline()
    contested.write_json(url, {"value": value}, found)
"""


def test_threat_20_of_two_runs_one_leaves_with_3_and_the_name_of_the_other(tmp_path: Path) -> None:
    raw, place = vsr_tree(tmp_path / "raw", 150), tmp_path / "work"
    command = [sys.executable, "-m", "cauldron", "ingest", "vsr", raw, "-o", place, "--json"]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = {run.communicate()[1]: run for run in runs}
    assert sorted(run.returncode for run in runs) == [0, 3], list(ended)
    message = next(m for m, run in ended.items() if run.returncode == 3)
    winner = next(run for run in runs if run.returncode == 0)
    assert f"another run is writing here: {socket.gethostname()}, process {winner.pid}" in message
    told(cauldron("verify", place), 0)
    assert not list(place.glob(".lock-holder"))


def race(env: dict[str, str], url: str, *values: str) -> list[tuple[int, int, str]]:
    """Let processes find the same version, then write; return pid, exit and message of each."""
    command = [sys.executable, "-c", RACE, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    runs = [subprocess.Popen([*command, v], text=True, env=env, **pipes) for v in values]
    for run in runs:
        assert run.stdout and run.stdout.readline() == "ready\n"
    told = [run.communicate("go\n") for run in runs]
    return [(r.pid, r.returncode, t[1]) for r, t in zip(runs, told, strict=True)]


@pytest.mark.slow
def test_threat_20_on_s3_the_store_takes_one_manifest_of_two() -> None:
    pytest.importorskip("s3fs", reason="needs s3fs")
    pytest.importorskip("moto", reason="needs moto, the S3 server")
    with s3_server() as access:
        env = {**os.environ, **access}
        make = "import s3fs; s3fs.S3FileSystem().mkdir('bucket')"
        subprocess.run([sys.executable, "-c", make], check=True, env=env)
        url = "s3://bucket/work/mixture/m/manifest.json"
        for values in (("one", "two"), ("three", "four")):
            ends = race(env, url, *values)
            assert sorted(code for _, code, _ in ends) == [0, 3], ends
            winner = next(pid for pid, code, _ in ends if code == 0)
            message = next(message for _, code, message in ends if code == 3)
            assert f"another run wrote this meanwhile: {socket.gethostname()}" in message
            assert f"process {winner}" in message
        read = f"import s3fs; print(s3fs.S3FileSystem().cat_file('{url}').decode())"
        done = subprocess.run(
            [sys.executable, "-c", read], check=True, env=env, capture_output=True, text=True
        )
        assert orjson.loads(done.stdout)["value"] in ("three", "four")
        assert [code for _, code, _ in race(env, url, "same", "same")] == [0, 0]

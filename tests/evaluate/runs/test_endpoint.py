"""Benchmarks asked of a real server on the loopback: every kind, retries, resume, processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cauldron.demo.benchmarks import LAYOUTS, draw_benchmark
from cauldron.errors import HubError, SourceError, UsageError
from cauldron.evaluate.benchmarks import benchmark
from cauldron.evaluate.runs.endpoint import Endpoint
from cauldron.evaluate.runs.run import Run, run_benchmark
from cauldron.evaluate.runs.tasks import run_tasks
from tests.evaluate.runs.server import serving


def run_of(name: str, data: Path, out: Path, **more: object) -> Run:
    told = {"protocol": "paper"} | more
    return Run(benchmark=benchmark(name), data=str(data), out=str(out), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_every_benchmark_goes_through_and_seeing_beats_blindness(tmp_path: Path, name: str) -> None:
    form = "hub" if len(name) % 2 else "official"
    draw_benchmark(name, tmp_path / "data", form, many=6)
    with serving() as server:
        summary = run_benchmark(
            run_of(name, tmp_path / "data", tmp_path / "out"), Endpoint(server.url, "m")
        )
    assert summary["mean"] > 0.85
    assert summary["blind"]["mean"] < 0.7 * summary["mean"]
    assert summary["unparsed"] == 0
    if name == "mmbench" and form == "hub":
        assert summary["extra"]["circular"] == summary["extra"]["vanilla"] == 1


def test_results_hold_all_that_was_asked_and_said(tmp_path: Path) -> None:
    draw_benchmark("docvqa", tmp_path / "data", many=3)
    with serving() as server:
        run_benchmark(run_of("docvqa", tmp_path / "data", tmp_path), Endpoint(server.url, "m"))
        body = server.bodies[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0, 32)
    rows = pq.read_table(tmp_path / "docvqa/paper/results.parquet").to_pylist()
    first = rows[0]
    assert first["prompt"] == "Question: What is the color of the discs?\nGive a very brief answer."
    assert first["answer"] == first["references"][0] and first["score"] == 1
    assert first["blind_answer"] == "nothing" and first["blind_score"] == 0
    assert all(len(digest) == 64 for row in rows for digest in row["images"])
    page = (tmp_path / "docvqa/paper/index.html").read_text()
    assert "default-src 'none'" in page and "http://" not in page.replace("http-equiv", "")
    assert page.count("<article") == 3


def test_what_data_and_models_write_is_only_text_on_the_page(tmp_path: Path) -> None:
    draw_benchmark("docvqa", tmp_path, many=1)
    path = tmp_path / "val_v1.0_withQT.json"
    path.write_text(path.read_text().replace("What is the color", "<script>alert(1)</script>"))
    with serving() as server:
        run_benchmark(run_of("docvqa", tmp_path, tmp_path / "out"), Endpoint(server.url, "m"))
    page = (tmp_path / "out/docvqa/paper/index.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_shots_come_before_the_question_with_their_pictures(tmp_path: Path) -> None:
    draw_benchmark("vqav2", tmp_path / "data", many=5)
    with serving() as server:
        run = run_of("vqav2", tmp_path / "data", tmp_path, protocol="ablation", blind=False)
        run_benchmark(run, Endpoint(server.url, "m"))
        messages = server.bodies[0]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] * 4 + ["user"]
    pictures = [p for m in messages for p in m["content"] if p["type"] == "image_url"]
    assert len({p["image_url"]["url"] for p in pictures}) > 1 and len(pictures) == 5


def test_busy_answers_are_tried_again_and_requests_run_together(tmp_path: Path) -> None:
    draw_benchmark("chartqa", tmp_path / "data", "hub", many=12)
    with serving(faults=(503, 429, 500)) as server:
        backend = Endpoint(server.url, "m", concurrency=6, pause_s=0.01)
        run = run_of("chartqa", tmp_path / "data", tmp_path, blind=False)
        assert run_benchmark(run, backend)["mean"] == 1
        assert server.requests == 12 + 3
        assert server.busiest > 1


def test_a_refusal_keeps_what_is_there_and_the_next_run_asks_only_the_rest(tmp_path: Path) -> None:
    draw_benchmark("ai2d", tmp_path / "data", "hub", many=10)
    run = run_of("ai2d", tmp_path / "data", tmp_path / "cut")
    with serving(die_after=7) as server:
        backend = Endpoint(server.url, "m", concurrency=1)
        with pytest.raises(HubError, match="400"):
            run_benchmark(run, backend)
        server.die_after = 0
        run_benchmark(run, backend)
        assert len(server.bodies) == 20
        run_benchmark(run_of("ai2d", tmp_path / "data", tmp_path / "whole"), backend)
    same(tmp_path / "whole", tmp_path / "cut")


def same(one: Path, two: Path) -> None:
    """Check that two results are the same bytes."""
    for name in ("results.parquet", "summary.json", "index.html"):
        found = [sorted(folder.rglob(name)) for folder in (one, two)]
        assert [p.read_bytes() for p in found[0]] == [p.read_bytes() for p in found[1]]
        assert found[0]


def command(server_url: str, data: Path, out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "cauldron", "eval", "m", "--endpoint", server_url),
        *("--tasks", "pope", "--data", str(data), "-o", str(out), "--json", *more),
    ]


def test_a_killed_run_goes_on_and_gives_the_same_files(tmp_path: Path) -> None:
    draw_benchmark("pope", tmp_path / "data", many=30)
    with serving() as server:
        subprocess.run(
            command(server.url, tmp_path / "data", tmp_path / "whole", "--batch", "5"),
            check=True, capture_output=True,
        )  # fmt: skip
        asked = server.requests
        killed = subprocess.Popen(
            command(server.url, tmp_path / "data", tmp_path / "cut", "--batch", "2"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while server.requests < asked + 40:
            assert killed.poll() is None
            time.sleep(0.005)
        killed.kill()
        killed.wait()
        before = server.requests
        done = subprocess.run(
            command(server.url, tmp_path / "data", tmp_path / "cut"),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert server.requests - before < asked - 20
    assert json.loads(done.stdout)["results"]["pope/paper"]["mean"] == 1
    same(tmp_path / "whole", tmp_path / "cut")


def test_two_processes_give_the_same_files_as_one(tmp_path: Path) -> None:
    draw_benchmark("pope", tmp_path / "data", many=4)
    with serving() as server:
        command_ = command(server.url, tmp_path / "data", tmp_path / "two")
        both = [
            subprocess.Popen(
                command_, stdout=subprocess.PIPE,
                env=os.environ | {"RANK": str(rank), "WORLD_SIZE": "2"},
            )
            for rank in (0, 1)
        ]  # fmt: skip
        told = [process.communicate(timeout=60)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert json.loads(told[0])["results"]["pope/paper"]["mean"] == 1
        assert told[1] == b""
        one = run_of("pope", tmp_path / "data", tmp_path / "one")
        run_benchmark(one, Endpoint(server.url, "m"))
        assert server.requests == 2 * 24
    same(tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize(
    "more",
    [
        ("--workers", "2"),
        pytest.param(("--workers", "2", "--engine", "ray"), marks=pytest.mark.slow),
    ],
)
def test_workers_of_an_engine_give_the_same_files_as_one(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    if "ray" in more:
        pytest.importorskip("ray", reason="needs ray")
    draw_benchmark("pope", tmp_path / "data", many=4)
    with serving() as server:
        run_benchmark(
            run_of("pope", tmp_path / "data", tmp_path / "one"), Endpoint(server.url, "m")
        )
        asked = server.requests
        told = subprocess.run(
            command(server.url, tmp_path / "data", tmp_path / "two", *more),
            capture_output=True, text=True,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        assert server.requests == 2 * asked
    same(tmp_path / "one", tmp_path / "two")


def test_a_limit_draws_the_same_questions_and_keeps_rotations_together(tmp_path: Path) -> None:
    draw_benchmark("mmbench", tmp_path / "data", many=6)
    with serving() as server:
        run = run_of("mmbench", tmp_path / "data", tmp_path, limit=2, blind=False)
        summary = run_benchmark(run, Endpoint(server.url, "m"))
    assert (summary["n"], summary["extra"]["questions"]) == (8, 2)


def test_mistakes_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    draw_benchmark("mmmu", tmp_path / "mmmu", many=2)
    backend = Endpoint("http://127.0.0.1:9/v1", "m", retries=0)
    data, out = str(tmp_path), str(tmp_path / "out")
    with pytest.raises(UsageError, match="mmmu has no protocol 'lmm'; did you mean 'lmms'"):
        run_tasks(["mmmu"], data, out, backend, protocol="lmm")
    with pytest.raises(SourceError, match="docvqa: no such folder"):
        run_tasks(["mmmu", "docvqa"], data, out, backend)
    with pytest.raises(SourceError, match="mmmu has no examples to show"):
        run_tasks(["mmmu"], data, out, backend, shots=2)
    with pytest.raises(HubError, match="no answer to"):
        run_tasks(["mmmu"], data, out, backend)

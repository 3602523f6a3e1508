"""The loader against mosaicml-streaming, webdataset, litdata, datasets, grain, energon, torchdata.

    python benchmarks/loader/run.py [--folder DIR] [--scale 0.25] [--rounds 3] [--peers NAME...]
                                    [--python PEER_PYTHON] [--draws 20000] [--jobs JOB...]

Jobs: bytes, background, decode, each beside the peers; start, packing, of ours alone.

One generated workload (workload.py; `--scale 1` is 20,000 samples, 1.6 GB), the same records out
of each loader, every measurement in a process of its own, ours and the peers' in turns. Medians
over rounds. A peer that is not installed for `--python` is left out with a line.

Promise, rates over the fastest peer: bytes and parsed chat in process 1.8x (10x
mosaicml-streaming, 20x energon), in the background 2x, decoded to longest side 384 on two cores
2.5x at 70 dB or better against Pillow; first batch and exact resume in 0.1 s, state under 1 kB,
over 10M rows in 1,000 shards too; at most 200 MB of anonymous memory in process. The last table
says which of them hold.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import packing
from formats import FORMATS
from peers import LOADERS
from promises import Promise, table_of
from workload import MANY_ROWS, NAMES, WEIGHTS, generate, many, rows

from cauldron.loader.pictures import Fit, How, decode
from cauldron.mixture.order_quality import quality

HERE = Path(__file__).parent
NEEDS = {
    "torchdata_nodes": "arrow",
    "litdata": "litdata",
    "datasets_map": "parquet",
    "grain": "arrayrecord",
    "webdataset": "wds",
    "mosaicml_streaming": "mds",
    "energon": "energon",
    "datasets_stream": "parquet",
}
OWN = ("start", "packing")
"""Measured of ours alone."""
JOBS = {"bytes": [], "background": ["--workers", "2"], "decode": ["--decode", "--workers", "2"]}
RATIOS = {
    "bytes": ("bytes and chat in process", 1.8),
    "background": ("bytes and chat in the background", 2.0),
    "decode": ("decoded to 384 on two cores", 2.5),
}
OVER = {"mosaicml_streaming": 10.0, "energon": 20.0}
FIGURES = (  # what, key, at least, at most
    ("first batch, s", "first_batch_s", -math.inf, 0.1),
    ("exact resume at half, s", "resume_resume_s", -math.inf, 0.1),
    ("resume is exact (1: yes)", "resume_exact", 1, 1),
    ("state, bytes", "resume_state_bytes", -math.inf, 1000),
    ("anonymous memory in process, MB", "anonymous_mb", -math.inf, 200),
    ("draws away from any share at any prefix", "share_error", -math.inf, 1),
    ("rank correlation over that of a uniform shuffle", "rank_over_uniform", -math.inf, 1),
    ("neighbour ratio (1: as a uniform shuffle)", "neighbour_ratio", 0.9, 1.1),
)
HOWS: tuple[How, How] = ("fast", "exact")
Measured = dict[tuple[str, str], list[dict[str, Any]]]


def child(python: str, script: str, *arguments: str) -> tuple[int, str]:
    """Run a script of this folder; return its exit code and the last line that it printed."""
    quiet = {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    paths = [str(Path(python).parent), os.environ["PATH"]]
    env = {**os.environ, **quiet, "PYTHONPATH": str(HERE.parents[1]), "PATH": ":".join(paths)}
    ended = subprocess.run(
        [python, str(HERE / script), *arguments], capture_output=True, text=True, env=env
    )
    lines = (ended.stdout if ended.returncode == 0 else ended.stderr).strip().splitlines()
    return ended.returncode, lines[-1] if lines else ""


def prepared(folder: Path, names: list[str], python: str) -> list[str]:
    """Write each peer's format; return the loaders that can be measured."""
    there = ["cauldron"]
    for name in names:
        code, said = child(python, "formats.py", str(folder), NEEDS[name])
        if code:
            print(f"{name}: left out ({said})", file=sys.stderr)
        else:
            there.append(name)
    return there


def rounds(
    folder: Path, names: list[str], python: str, count: int, draws: int, jobs: list[str]
) -> Measured:
    """Measure every loader at every job, in turns."""
    found: Measured = defaultdict(list)
    for number in range(count):
        for job in jobs:
            options = JOBS[job]
            for name in names:
                few = str(draws // 10 if job == "decode" else draws)
                told = measure(python, folder, name, [*options, "--draws", few])
                if told:
                    found[job, name].append(told)
        print(f"round {number + 1} of {count}", file=sys.stderr)
    return found


def measure(python: str, folder: Path, name: str, options: list[str]) -> dict[str, Any] | None:
    """Return a stream's and a resume's figures."""
    read_anew(folder / NEEDS.get(name, "mixture"))
    with tempfile.TemporaryDirectory() as temporary:
        order = ["--order", str(Path(temporary) / "order.json")]
        code, said = child(python, "peers.py", str(folder), name, *options, *order)
        if code:
            print(f"{name} {' '.join(options)}: failed ({said})", file=sys.stderr)
            return None
        told: dict[str, Any] = json.loads(said) | order_quality(folder, Path(order[1]))
        if "--decode" not in options and name != "webdataset":
            code, said = child(python, "peers.py", str(folder), name, *options, *order, "--resume")
            told |= {f"resume_{k}": v for k, v in json.loads(said).items()} if code == 0 else {}
        return told


def read_anew(folder: Path) -> None:
    """Read files from disk once, so that all loaders find the same kind of page cache.

    What a writer leaves there costs a memory map more or less, as it wrote in long or short calls.
    """
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb", buffering=0) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while file.read(8 << 20):
                pass


def order_quality(folder: Path, recorded: Path) -> dict[str, float]:
    """Return how near a recorded order is to its shares, and how like a uniform shuffle."""
    ids = [sample.split("/") for sample in json.loads(recorded.read_text())["ids"]]
    source = np.array([NAMES.index(name) for name, _, _ in ids], np.int64)
    row = np.array([int(number) for _, _, number in ids], np.int64)
    sizes = [len(np.load(folder / "raw" / f"{name}.npy")) - 1 for name in NAMES]
    found = quality(source, row, sizes, [WEIGHTS[name] for name in NAMES])
    uniform = found["rank_correlation_uniform"]
    return found | {"rank_over_uniform": found["rank_correlation"] / uniform}


def median(found: Measured, job: str, name: str, key: str) -> float | None:
    values = [told[key] for told in found[job, name] if key in told]
    return statistics.median(values) if values else None


def table(found: Measured, names: list[str]) -> None:
    head = "loader              job         per s    CPU ms  first s  resume s exact state  MB"
    print(head)
    for job in JOBS:
        for name in names:
            row = [median(found, job, name, k) for k in ("per_s", "cpu_ms", "first_batch_s")]
            if row[0] is None:
                continue
            more = [median(found, job, name, f"resume_{k}") for k in ("resume_s", "state_bytes")]
            exact = all(told.get("resume_exact", False) for told in found[job, name])
            memory = median(found, job, name, "anonymous_mb")
            print(
                f"{name:19s} {job:10s} {row[0]:7,.0f} {row[1]:9.3f} {row[2]:8.3f} "
                + (f"{more[0]:8.3f} {exact!s:5s} {more[1]:5.0f}" if more[0] else " " * 20)
                + f" {memory:5.0f}"
            )


def orders(found: Measured, names: list[str]) -> None:
    """Print how each loader's order compares with the shares and with a uniform shuffle."""
    keys = ("share_error", "rank_correlation", "neighbour_ratio")
    print("order               draws away  rank correlation  neighbour ratio")
    for name in names:
        values = [median(found, "bytes", name, key) for key in keys]
        if None not in values:
            print(f"{name:19s} {values[0]:10.1f} {values[1]:17.3f} {values[2]:16.2f}")


def promises(found: Measured, names: list[str]) -> list[Promise]:
    """Return our figures beside what was promised of them."""
    return [
        *(promise for job in RATIOS for promise in ratios(found, names, job)),
        *(
            Promise(what, _ours(found, "bytes", key), least=least, most=most)
            for what, key, least, most in FIGURES
        ),
    ]


def ratios(found: Measured, names: list[str], job: str) -> list[Promise]:
    """Return our rate at a job over the fastest peer's, and over those that are named."""
    ours = _ours(found, job, "per_s")
    peers = {n: median(found, job, n, "per_s") for n in names if n != "cauldron"}
    rates = {name: rate for name, rate in peers.items() if rate}
    if not rates:
        return []
    what, wanted = RATIOS[job]
    fastest = max(rates, key=rates.__getitem__)
    over = {fastest: wanted} | (OVER if job == "bytes" else {})
    return [
        Promise(f"{what}: times {name}", ours / rates[name], least=least)
        for name, least in over.items()
        if name in rates
    ]


def _ours(found: Measured, job: str, key: str) -> float:
    value = median(found, job, "cauldron", key)
    return math.nan if value is None else value


def fidelity(folder: Path, count: int = 200) -> Promise:
    """Return how near pictures of the fast way are to those of Pillow, all together."""
    fit, errors = Fit(longest=384), []
    for name in NAMES:
        for picture, _ in itertools.islice(rows(folder, name), count // len(NAMES)):
            fast, exact = (decode(picture, fit, how).astype(np.float64) for how in HOWS)
            errors.append(float(((fast - exact) ** 2).mean()))
    decibels = 10 * math.log10(255**2 / statistics.fmean(errors))
    return Promise("decoded: decibels against Pillow", decibels, least=70)


def start(folder: Path, python: str, count: int) -> list[Promise]:
    """Return times to a first batch over few rows and over 10M in 1,000 shards, in turns."""
    few, large = folder / "mixture", many(folder)
    begins = {"few": (few, 0), "large": (large, 0), "half": (large, MANY_ROWS // 2)}
    found: dict[str, list[float]] = {name: [] for name in begins}
    for _ in range(max(count, 3)):
        for name, (place, at) in begins.items():
            _, said = child(python, "start.py", str(place), "--at", str(at))
            found[name].append(float(said))
    first = {name: statistics.median(times) for name, times in found.items()}
    ratio = first["large"] / first["few"]
    return [
        Promise("first batch over 10M rows in 1,000 shards, s", first["large"], most=0.1),
        Promise("first batch over 10M rows: times that over 20,000", ratio, most=2),
        Promise("resume at half of 10M rows, s", first["half"], most=0.1),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "loader-bench")
    parser.add_argument("--scale", type=float, default=0.25)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=20_000, help="a tenth where decoded")
    parser.add_argument("--jobs", nargs="*", default=[*JOBS, *OWN], choices=[*JOBS, *OWN])
    parser.add_argument("--peers", nargs="*", default=list(NEEDS), choices=list(NEEDS))
    parser.add_argument("--python", default=sys.executable, help="where the peers are installed")
    parser.add_argument("--json", help="also write all figures to this file")
    told = parser.parse_args()
    assert set(NEEDS) < set(LOADERS) and set(NEEDS.values()) <= set(FORMATS)
    generate(told.folder, told.scale)
    names = prepared(told.folder, told.peers, told.python)
    jobs = [job for job in JOBS if job in told.jobs]
    found = rounds(told.folder, names, told.python, told.rounds, told.draws, jobs)
    table(found, names)
    orders(found, names)
    if told.json:
        flat = [{"job": job, "loader": name, "runs": runs} for (job, name), runs in found.items()]
        Path(told.json).write_text(json.dumps(flat, indent=1))
    told_of = promises(found, names)
    if "decode" in told.jobs:
        told_of.append(fidelity(told.folder))
    if "start" in told.jobs:
        told_of += start(told.folder, told.python, told.rounds)
    if "packing" in told.jobs:
        told_of += packing.promises()
    sys.exit(0 if table_of(told_of) else 1)


if __name__ == "__main__":
    main()

"""Near-duplicate pictures against the peers: same files, recall and precision, ratio in one run.

    python benchmarks/dedup_images.py [--pictures 5000] [--peers daft imagehash] [--python PYTHON]

JPEG files of about 640x480 are drawn: photographs, pages, charts, screens; a fifth are copies
(recompressed, resized, brightened, cropped by up to 2 % a side). Timed is all from
the folder to the names to remove: reading, decoding at reduced scale, hashing, comparing; imports
are left out, and for cauldron the loading of what numba has compiled. A removed picture is right
when it stays with one of the same origin. Then the same pictures as samples of a work folder: what
`cauldron measure` (which decodes them at full size as well, for the exact hash) and
`cauldron dedup` take from disk to disk, the start of both included. `--alike` prints the figures
for pictures of one layout instead, family by family, copies as PNG among them: pages, charts,
puzzles of a grid, lines of text, screens; a fifth of these have a sibling that differs in one line,
bar, shape, word or button and must stay. A peer that is not installed is left out;
`--python NAME=PYTHON` says which Python has it.

Promise: 3x daft, 8x imagededup, 10x Data-Juicer; recall 0.97, precision 0.99. Looks are made of
the blocks of a JPEG where `numba` is installed; else, and for details, decoding is by `simplejpeg`
where it is installed, else by Pillow.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # workers share the cores already

import numpy as np
from peer_process import pythons, run_peer
from planted_pictures import FAMILIES, JPEG_KINDS, saved
from verbs import removed_by_commands, sample, written

from cauldron.curate.details import detail
from cauldron.curate.groups import smallest_members
from cauldron.curate.hamming import near_hashes
from cauldron.curate.near_images import (
    BLANK,
    FINE_RADIUS,
    RADIUS,
    Looks,
    contrast,
    looks_of,
    same_details,
    verdicts,
)
from cauldron.curate.pictures import DECODED_SIDE
from cauldron.media.small import small_grey
from cauldron.sample import Turn, chat_messages
from cauldron.signals.thumbs import looks_of_files

PROMISED = {"daft": 3.0, "imagehash": 0.0, "imagededup": 8.0, "datajuicer": 10.0}
RECALL, PRECISION = 0.97, 0.99
SHARES = {"photo": 0.52, "mixed_page": 0.16, "mixed_chart": 0.16, "mixed_screen": 0.16}
COPIED = 0.2
_FILES, _PAIRS = 64, 256  # of one task

Truth = dict[str, list[str]]


def read(path: Path) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def measured(paths: list[Path]) -> Looks:
    """Return hashes and looks of pictures, as the signals hold them."""
    return looks_of(looks_of_files([read(path) for path in paths]))


def judged(task: tuple[list[Path], np.ndarray, np.ndarray]) -> np.ndarray:
    """Return those of some pairs of pictures that show the same: by looks, else by pixels."""
    paths, looks, candidates = task
    pairs, clear, drawn = verdicts(looks, candidates)
    unclear = pairs[~clear]
    details = {n: detail(small_grey(read(paths[n]), DECODED_SIDE)) for n in np.unique(unclear)}
    clear[~clear] = same_details(details, unclear, drawn[~clear])
    return pairs[clear]


def ready(folder: Path) -> None:
    """Load what numba has compiled, as peers have theirs when they are imported."""
    paths = sorted(folder.iterdir())[:2]
    looks = measured(paths)[2]
    assert looks is not None
    judged((paths, looks, np.array([[0, 1]])))
    details = {k: detail(small_grey(read(path), DECODED_SIDE)) for k, path in enumerate(paths)}
    same_details(details, np.array([[0, 1]]), np.array([True]))


def cauldron(folder: Path, names: list[str], workers: int) -> np.ndarray:
    """Return for each picture the first one that shows the same, as `cauldron dedup` does."""
    paths = [folder / name for name in names]
    with ThreadPoolExecutor(workers) as pool:  # what takes long is compiled and holds no lock
        blocks = [paths[k : k + _FILES] for k in range(0, len(paths), _FILES)]
        found = zip(*pool.map(measured, blocks), strict=True)
        coarse, fine, looks = (np.concatenate(columns) for columns in found)
        shown = np.flatnonzero(contrast(looks) > BLANK)
        candidates = shown[near_hashes(coarse[shown], fine[shown], RADIUS, FINE_RADIUS)]
        tasks, numbers = [], []
        for k in range(0, len(candidates), _PAIRS):
            own, local = np.unique(candidates[k : k + _PAIRS], return_inverse=True)
            tasks.append(([paths[number] for number in own], looks[own], local.reshape(-1, 2)))
            numbers.append(own)
        same = [own[pairs] for own, pairs in zip(numbers, pool.map(judged, tasks), strict=True)]
    return smallest_members(np.concatenate([np.zeros((0, 2), np.int64), *same]), len(names))


def by_commands(folder: Path, pictures: Path, truth: Truth, workers: int) -> None:
    """Tell what the commands take for the same pictures."""
    place, names = folder / "work", truth["name"]
    messages = chat_messages(1, (Turn(user="What is shown?", assistant="A picture."),))
    shutil.rmtree(place, ignore_errors=True)
    samples = (sample(n, messages, [read(pictures / name)]) for n, name in enumerate(names))
    written(place, samples)
    measured_s, sought_s, removed = removed_by_commands(place, workers)
    told("commands", len(names) / (measured_s + sought_s), removed, truth)
    print(f"{'':12} cauldron measure {measured_s:.2f} s, cauldron dedup {sought_s:.2f} s")


def score(removed: np.ndarray, truth: Truth) -> tuple[float, float]:
    """Return recall of planted pairs, one of which is removed, and precision of what is removed."""
    _, origin = np.unique(truth["origin"], return_inverse=True)
    gone = np.zeros(len(origin), bool)
    gone[removed] = True
    sizes, out = np.bincount(origin), np.bincount(origin, weights=gone)
    planted = sizes > 1
    right = np.minimum(out, sizes - 1).sum()
    return float((out[planted] > 0).mean()), float(right / max(gone.sum(), 1))


def told(name: str, rate: float, removed: np.ndarray, truth: Truth) -> None:
    recall, precision = score(removed, truth)
    print(f"{name:12} {rate:7,.0f} pictures/s  recall {recall:.4f}  precision {precision:.4f}")
    if name in ("cauldron", "commands") and (recall < RECALL or precision < PRECISION):
        sys.exit(f"recall and precision are promised as {RECALL} and {PRECISION}")


def removed_of(label: np.ndarray) -> np.ndarray:
    return np.flatnonzero(label != np.arange(len(label)))


def alike(folder: Path, pictures: int, workers: int) -> None:
    """Print recall of each kind of copy and precision, family by family."""
    shares = {family: 1 / len(FAMILIES) for family in FAMILIES}
    place, truth = saved(folder / "alike", int(pictures / (1 + COPIED)), int(pictures / 6), shares)
    label = cauldron(place, truth["name"], workers)
    origin, kind = np.array(truth["origin"]), np.array(truth["kind"])
    family = np.array([name.split("-")[0] for name in truth["name"]])
    kinds = [k for k in np.unique(kind) if k not in ("original", "sibling")]
    print(f"{'':8} pictures removed precision  recall  " + "".join(f"{k:>12}" for k in kinds))
    whole = np.isin(kind, ("original", "sibling"))
    first = dict(zip(origin[whole], label[whole], strict=True))
    found = np.array([label[k] == first[o] for k, o in enumerate(origin)])
    for name in FAMILIES:
        own = family == name
        gone = removed_of(label)[own[removed_of(label)]]
        right = np.mean(origin[gone] == origin[label[gone]]) if len(gone) else 1.0
        copies = own & np.isin(kind, kinds)
        each = "".join(f"{found[copies & (kind == k)].mean():12.3f}" for k in kinds)
        recall = found[copies].mean()
        print(f"{name:8} {own.sum():8} {len(gone):7} {right:9.3f} {recall:7.3f}  {each}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=int, default=5_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--peers", nargs="*", default=list(PROMISED))
    options.add_argument("--python", nargs="*", default=[])
    options.add_argument("--data", type=Path, help="Where drawn pictures are kept.")
    options.add_argument("--alike", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.data or Path(scratch)
        if chosen.alike:
            alike(folder, chosen.pictures, chosen.workers)
            return
        copies = int(chosen.pictures * COPIED)
        originals = chosen.pictures - copies
        place, truth = saved(folder / "speed", originals, copies, SHARES, JPEG_KINDS)
        n, rates = len(truth["name"]), []
        ready(place)
        for _ in range(chosen.rounds):
            began = time.perf_counter()
            label = cauldron(place, truth["name"], chosen.workers)
            rates.append(n / (time.perf_counter() - began))
        own = statistics.median(rates)
        print(f"{n:,} pictures, {chosen.workers} workers")
        told("cauldron", own, removed_of(label), truth)
        by_commands(folder, place, truth, chosen.workers)
        for name in chosen.peers:
            found = run_peer("image_peers.py", name, place, pythons(chosen.python))
            if found:
                told(name, n / found[0], found[1], truth)
                promise = f" (promised {PROMISED[name]}x)" if PROMISED[name] else ""
                print(f"{'':12} {own * found[0] / n:.2f}x {name}{promise}")


if __name__ == "__main__":
    main()

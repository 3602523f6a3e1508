"""Near-duplicate pictures by other libraries: `image_peers.py NAME FOLDER OUT`, each by itself.

Prints the seconds from the folder to the pictures to remove, imports left out, and writes their
places among the sorted names to OUT. A 64-bit perceptual hash with a distance of at most 6 where
one can be set; Data-Juicer removes equal hashes only.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

DISTANCE = 6


def components(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    first = np.full(label.max() + 1, n)
    np.minimum.at(first, label, np.arange(n))
    return np.flatnonzero(first[label] != np.arange(n))


def near(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of 64-bit hashes within the distance."""
    left, right = [], []
    for start in range(0, len(hashes), 512):
        apart = np.bitwise_count(hashes[start : start + 512, None] ^ hashes[None, start:])
        a, b = np.nonzero(apart <= DISTANCE)
        left.append(a[b > a] + start)
        right.append(b[b > a] + start)
    return np.concatenate(left), np.concatenate(right)


def daft(folder: Path) -> np.ndarray:
    import daft as engine
    from daft import col
    from daft.functions import decode_image, download, image_hash

    hashed = image_hash(decode_image(download(col("path")), mode="RGB"), method="phash")
    table = engine.from_glob_path(f"{folder}/*").select(col("path"), hashed.alias("h")).to_arrow()
    names = [path.rpartition("/")[2] for path in table["path"].to_pylist()]
    values = [
        int.from_bytes(v[:8], "big") if isinstance(v, bytes) else int(v)
        for v in table["h"].to_pylist()
    ]
    order = np.argsort(names)
    return components(len(names), *near(np.array(values, np.uint64)[order]))


def imagehash(folder: Path) -> np.ndarray:
    import imagehash as library
    from PIL import Image

    names = sorted(os.listdir(folder))
    bits = [library.phash(Image.open(folder / name)).hash.ravel() for name in names]
    hashes = np.packbits(np.array(bits), axis=1).view(">u8").ravel().astype(np.uint64)
    return components(len(names), *near(hashes))


def imagededup(folder: Path) -> np.ndarray:
    from imagededup.methods import PHash

    method = PHash(verbose=False)
    encoded = method.encode_images(str(folder), num_enc_workers=2)
    found = method.find_duplicates(
        encoding_map=encoded, max_distance_threshold=DISTANCE, num_dist_workers=2
    )
    place = {name: number for number, name in enumerate(sorted(os.listdir(folder)))}
    pairs = [(place[a], place[b]) for a, others in found.items() for b in others]
    left, right = np.array(pairs).T
    return components(len(place), left, right)


def datajuicer(folder: Path) -> np.ndarray:
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.deduplicator.image_deduplicator import ImageDeduplicator
    from datasets import Dataset, disable_caching, disable_progress_bars

    disable_caching()
    disable_progress_bars()
    names = sorted(os.listdir(folder))
    rows = {"i": list(range(len(names))), "images": [[str(folder / name)] for name in names]}
    step = ImageDeduplicator(method="phash", num_proc=2)
    kept = step.run(NestedDataset(Dataset.from_dict(rows)))["i"]
    return np.setdiff1d(np.arange(len(names)), np.array(kept))


PEERS: dict[str, tuple[str, Callable[[Path], np.ndarray]]] = {
    "daft": ("daft", daft),
    "imagehash": ("imagehash", imagehash),
    "imagededup": ("imagededup.methods", imagededup),
    "datajuicer": ("data_juicer", datajuicer),
}


def main() -> None:
    name, folder, out = sys.argv[1:]
    module, peer = PEERS[name]
    importlib.import_module(module)
    began = time.perf_counter()
    removed = peer(Path(folder))
    print(f"seconds {time.perf_counter() - began:.6f} ended {time.perf_counter():.6f}")
    np.save(out, removed)


if __name__ == "__main__":
    main()

"""Pictures that hashes do not tell: turned or mirrored ones, and crops, by an embedding.

Samples that share what is said, and how many pictures they have, meet with thumbnails or embeddings
of these. All pairs of them are compared, picture by picture. A great many are cut first into those
near the same few, as of: Abbas et al., SemDeDup, arXiv:2303.09540.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.exact import PAIRS
from cauldron.curate.layout import Group, Layout, Result, Stages, by_hash, column
from cauldron.curate.near_images import Looks, looks_of, near_across
from cauldron.curate.picture_search import said_key
from cauldron.signals.thumbs import GREY_BYTES, LOOK_BYTES, greys, tints
from cauldron.storage.shuffle import gathered, scatter

CROWD = 20_000  # more samples of one question are cut
_MOST_TURNED = 32  # near pictures that one is compared with, in each way of turning
_NEAREST = 2  # of the few that stand for a crowd, how many each sample is compared by
_HELD = pa.schema([("said", pa.string()), ("node", pa.int64()), ("held", pa.large_binary())])
_SAID = ("text_hash", "question_hashes", "image_hash")
_BLOCK = 2_048  # embeddings compared with all others at a time
_ROW_BYTES = 4_352

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Found = tuple[I64, F64]
"""Pairs (a < b), [m, 2], of places, and how alike or how far apart they are."""


def turned_pairs(
    groups: list[Group], exact_only: Sequence[str], radii: tuple[int, int], run: Stages
) -> list[str]:
    """Pair samples whose pictures are near when turned by quarters or mirrored.

    Returns:
        URLs of the pairs, and how many of 256 bits they differ in.
    """
    return _searched(groups, "turned", "image_thumb", exact_only, radii, run)


def embedding_pairs(
    groups: list[Group], name: str, least: float, exact_only: Sequence[str], run: Stages
) -> list[str]:
    """Pair samples whose pictures have embeddings of at least a cosine.

    Args:
        name: of the model, as its signals are named.

    Returns:
        URLs of the pairs, and their cosine.
    """
    stage, signal = f"embedding-{name}", f"{name}_embedding"
    return _searched(groups, stage, signal, exact_only, least, run)


def _searched(
    groups: list[Group],
    stage: str,
    signal: str,
    exact_only: Sequence[str],
    bounds: float | tuple[int, int],
    run: Stages,
) -> list[str]:
    layout = groups[0].layout
    run(f"{stage}-said", _told, [(group, stage, signal, tuple(exact_only)) for group in groups])
    n = layout.partitions(_ROW_BYTES)
    run(f"{stage}-pairs", _met, [(layout, stage, bounds, number) for number in range(n)])
    return layout.urls(f"{stage}-pairs", n)


def _told(group: Group, stage: str, signal: str, exact_only: Sequence[str]) -> Result:
    """Write for each sample what is said and what its pictures are compared by."""
    layout, n = group.layout, group.layout.partitions(_ROW_BYTES)

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        hashes = pl.col("image_hash")
        for frame in group.rows([*_SAID, signal]):
            own = frame.filter(
                (hashes.list.len() > 0)
                & ~hashes.list.contains("")
                & (pl.col(signal).list.eval(pl.element().is_not_null()).list.all())
                & ~pl.col("source").is_in(list(exact_only))
            )
            said = pl.concat_str(said_key(), pl.lit("|"), hashes.list.len())
            keyed = own.select(said.alias("said"), "node")
            table = keyed.to_arrow().append_column("held", _bytes(own[signal]))
            yield table, by_hash(keyed["said"], n)

    return {"rows": scatter(layout.url(f"{stage}-said", group.number), _HELD, chunks(), n)}


def _bytes(lists: pl.Series) -> pa.Array:
    """Return what the pictures of each sample are compared by, one behind the other."""
    made = []
    for values in lists.to_list():
        if values and isinstance(values[0], bytes):
            made.append(b"".join(values))
        else:
            made.append(np.array(values, np.float16).tobytes())
    return pa.array(made, pa.large_binary())


def _met(layout: Layout, stage: str, bounds: float | tuple[int, int], number: int) -> Result:
    """Compare the samples of one partition that share what is said."""
    n = layout.partitions(_ROW_BYTES)
    table = gathered(layout.urls(f"{stage}-said", layout.groups), number, n, _HELD)
    codes = np.asarray(pl.Series(table["said"]).rank("dense").to_numpy(), np.int64)
    order = np.lexsort((column(table, "node"), codes))
    table, codes = table.take(pa.array(order)), codes[order]
    nodes = np.asarray(column(table, "node"))
    cuts = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))

    def chunks() -> Iterator[tuple[pa.Table, None]]:
        for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            if high - low < 2:
                continue
            said = table["said"][low].as_py()
            held = table["held"].slice(low, high - low).to_pylist()
            pictures = int(said.rpartition("|")[2])
            if isinstance(bounds, tuple):
                pairs, value = _turned(held, pictures, *bounds)
            else:
                pairs, value = _cosines(held, pictures, bounds)
            a, b = nodes[low + pairs[:, 0]], nodes[low + pairs[:, 1]]
            yield pa.table({"a": a, "b": b, "value": value}, schema=PAIRS), None

    return {"pairs": scatter(layout.url(f"{stage}-pairs", number), PAIRS, chunks(), 1)}


def _cosines(held: list[bytes], pictures: int, least: float) -> Found:
    """Return pairs of samples all pictures of which have at least a cosine."""
    values = np.frombuffer(b"".join(held), np.float16).astype(np.float32)
    values = values.reshape(len(held), pictures, -1)
    values /= np.linalg.norm(values, axis=2, keepdims=True) + 1e-6
    pairs, found = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for own in _crowds(values[:, 0], held):
        for start in range(0, len(own), _BLOCK):
            block = own[start : start + _BLOCK]
            alike = np.ones((len(block), len(own)), np.float32)
            for k in range(pictures):
                np.minimum(alike, values[block, k] @ values[own, k].T, out=alike)
            a, b = np.nonzero(alike >= least)
            later = block[a] < own[b]
            pairs.append(np.stack([block[a[later]], own[b[later]]], axis=1))
            found.append(alike[a[later], b[later]].astype(np.float64))
    return np.concatenate(pairs), np.concatenate(found)


def _crowds(values: npt.NDArray[np.float32], held: list[bytes]) -> Iterator[I64]:
    """Yield the places of samples that are compared: all, or of many those near the same few."""
    if len(values) <= CROWD:
        yield np.arange(len(values))
        return
    few = values[np.argsort(np.array(held, object), kind="stable")[:: int(len(values) ** 0.5)]]
    near = [
        np.argpartition(-(values[k : k + _BLOCK] @ few.T), _NEAREST, axis=1)[:, :_NEAREST]
        for k in range(0, len(values), _BLOCK)
    ]
    nearest = np.concatenate(near)
    for number in range(len(few)):
        yield np.flatnonzero((nearest == number).any(axis=1))


def _turned(held: list[bytes], pictures: int, radius: int, fine_radius: int) -> Found:
    """Return pairs of samples each picture of which is near a turned or mirrored one."""
    looks = np.frombuffer(b"".join(held), np.uint8).reshape(len(held), pictures, LOOK_BYTES)
    apart: dict[tuple[int, int], int] = {}
    for own in _windows(looks[:, 0], held):
        within: dict[tuple[int, int], int] = {}
        for k in range(pictures):
            found = _turned_pictures(looks[own, k], radius, fine_radius)
            within = {p: max(d, within.get(p, 0)) for p, d in found.items() if not k or p in within}
        for (one, two), far in within.items():
            a, b = sorted((int(own[one]), int(own[two])))
            apart[a, b] = far
    pairs = np.array(sorted(apart), np.int64).reshape(-1, 2)
    return pairs, np.array([apart[one, two] for one, two in pairs.tolist()], np.float64)


def _windows(looks: npt.NDArray[np.uint8], held: list[bytes], crowd: int = CROWD) -> Iterator[I64]:
    """Yield the places of samples that are compared: all, or of many runs of those alike.

    They are put in order by a number that turning, mirroring, brightness and contrast leave as it
    is: the mean deviation of grey levels over the root of the mean square one.
    """
    n = len(looks)
    if n <= crowd:
        yield np.arange(n)
        return
    shape = np.zeros(n)
    for start in range(0, n, _BLOCK):
        values = greys(looks[start : start + _BLOCK]).reshape(-1, GREY_BYTES).astype(np.float32)
        values -= values.mean(axis=1, keepdims=True)
        shape[start : start + _BLOCK] = np.abs(values).mean(axis=1) / (values.std(axis=1) + 1e-3)
    order = np.lexsort((np.argsort(np.array(held, object), kind="stable").argsort(), shape))
    for start in range(0, n - crowd // 2, crowd // 2):
        yield order[start : start + crowd]


def _turned_pictures(
    looks: npt.NDArray[np.uint8], radius: int, fine_radius: int
) -> dict[tuple[int, int], int]:
    upright = looks_of(looks)
    apart: dict[tuple[int, int], int] = {}
    for turned in turns(looks):
        pairs, bits = near_across(upright, turned, radius, fine_radius, _MOST_TURNED)
        for (one, two), far in zip(pairs.tolist(), bits.tolist(), strict=True):
            if one != two:
                key = (min(one, two), max(one, two))
                apart[key] = min(far, apart.get(key, far))
    return apart


def turns(looks: npt.NDArray[np.uint8]) -> Iterator[Looks]:
    """Yield looks, [n, 4224], as they are when turned by quarters, mirrored, or both."""
    for quarters in range(4):
        made = [
            np.rot90(planes, quarters, axes=(-2, -1)) for planes in (greys(looks), tints(looks))
        ]
        if quarters:
            yield looks_of(_joined(made))
        yield looks_of(_joined([planes[..., ::-1] for planes in made]))


def _joined(planes: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    return np.concatenate([values.reshape(len(values), -1) for values in planes], axis=1)

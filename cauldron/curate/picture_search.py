"""Samples of the same question, or text, whose pictures are near one by one, over all parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.groups import smallest_members
from cauldron.curate.hamming import (
    CROWD,
    FEW,
    QUARTERS,
    all_pairs,
    are_near,
    by_quarter,
    quarter_keys,
    within,
)
from cauldron.curate.layout import (
    PICTURE_BITS,
    Group,
    Layout,
    Result,
    Stages,
    by_hash,
    column,
    row_of,
)
from cauldron.curate.near_images import BLANK, contrast, looks_of, same_details, verdicts
from cauldron.curate.pairing import (
    DETAILS,
    LOOKS,
    Cell,
    Meeting,
    detail_of,
    meet,
    put_pairs,
    values_of,
)
from cauldron.signals.thumbs import LOOK_BYTES
from cauldron.storage.cores import spare_cores
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gather, gathered, scatter, scattering

NEAR = pa.schema([("a", pa.int64()), ("b", pa.int64())])
_SAID = pa.schema([("said", pa.string()), ("node", pa.int64())])
_CHOSEN = pa.schema([("node", pa.int64())])
_LOOKS = pa.schema(
    [
        ("hash", pa.string()),
        ("picture", pa.int64()),
        ("coarse", pa.uint64()),
        ("fine", pa.binary(32)),
        ("shown", pa.bool_()),
    ]
)
_HASHES = pa.schema([("picture", pa.int64()), ("coarse", pa.uint64()), ("fine", pa.binary(32))])
PLACES = pa.schema([("first", pa.int64()), ("picture", pa.int64())])
_SAID_BYTES, _LOOKS_BYTES = 64, 128
_BLOCK_PICTURES = 4 << 20  # hashes of one block of a quarter
_MOST_BITS = 6
_CROWDED = 4  # times as many as a bucket has on average make a crowd
_LOOKED = 4_096  # looks at a time
_PAIRS, _OPENED = 1 << 12, 1 << 7  # pairs judged at a time

I64 = npt.NDArray[np.int64]


def said_key() -> pl.Expr:
    """Return what samples must share to be duplicates: their questions, or else their text."""
    questions = pl.col("question_hashes")
    return pl.when(questions.list.len() > 0).then(questions.list.join(",")).otherwise("text_hash")


def near_picture_pairs(
    groups: list[Group], exact_only: Sequence[str], radius: int, fine_radius: int, run: Stages
) -> tuple[list[str], int]:
    """Find pairs of near pictures of samples that share what is said.

    Args:
        exact_only: sources of drawn pictures, which are left out.

    Returns:
        URLs of the pairs of pictures; and how many jobs wrote the stage `picture-places`, which
        has every picture of these samples beside the first that is equal.
    """
    layout = groups[0].layout
    run("picture-said", _said, [(group, exact_only) for group in groups])
    n = layout.partitions(_SAID_BYTES)
    run("picture-chosen", _chosen, [(layout, number) for number in range(n)])
    seen = sum(told["pictures"] for told in run("picture-looks", _looks, [(g, n) for g in groups]))
    n = layout.partitions(_LOOKS_BYTES)
    bits = min(max(-(-seen // _BLOCK_PICTURES) - 1, 0).bit_length(), _MOST_BITS)
    told = run("picture-places", _places, [(layout, number, bits) for number in range(n)])
    shown = sum(result["shown"] for result in told)
    blocks = [(0, 0, 0)] if shown <= FEW else _block_pairs(radius, bits)
    radii = (radius, fine_radius)
    jobs = [(layout, n, shown, bits, radii, k, block) for k, block in enumerate(blocks)]
    found = run("picture-candidates", _candidates, jobs)
    looks = meet(groups, LOOKS, "picture-candidates", found, run)
    looking = [(looks, k, share) for k, share in enumerate(looks.shares)]
    unclear = run("picture-unclear", _looked, looking)
    details = meet(groups, DETAILS, "picture-unclear", unclear, run)
    opening = [(details, k, share) for k, share in enumerate(details.shares)]
    run("picture-opened", _opened, opening)
    clear = layout.urls("picture-clear", len(looking))
    return clear + layout.urls("picture-opened", len(opening)), n


def _said(group: Group, exact_only: Sequence[str]) -> Result:
    layout, n = group.layout, group.layout.partitions(_SAID_BYTES)

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        hashes = pl.col("image_hash")
        for frame in group.rows(["text_hash", "question_hashes", "image_hash"]):
            own = frame.filter(
                (hashes.list.len() > 0)
                & ~hashes.list.contains("")
                & ~pl.col("source").is_in(list(exact_only))
            ).select(
                pl.concat_str(said_key(), pl.lit("|"), hashes.list.len()).alias("said"), "node"
            )
            yield own.to_arrow(), by_hash(own["said"], n)

    return {"rows": scatter(layout.url("picture-said", group.number), _SAID, chunks(), n)}


def _chosen(layout: Layout, number: int) -> Result:
    """Choose samples that share what is said, and how many pictures they have, with another."""
    n = layout.partitions(_SAID_BYTES)
    table = gathered(layout.urls("picture-said", layout.groups), number, n, _SAID)
    frame = pl.DataFrame(pl.from_arrow(table)).filter(pl.len().over("said") > 1)
    nodes = frame["node"].to_numpy()
    chunk = pa.table({"node": nodes}), layout.group_of(nodes)
    url = layout.url("picture-chosen", number)
    return {"rows": scatter(url, _CHOSEN, [chunk], layout.groups)}


def _looks(group: Group, jobs: int) -> Result:
    """Write the hashes of the pictures of chosen samples."""
    layout, n = group.layout, group.layout.partitions(_LOOKS_BYTES)
    told = gathered(layout.urls("picture-chosen", jobs), group.number, layout.groups, _CHOSEN)
    nodes = np.sort(column(told, "node"))

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for part, low, high in group.named(nodes):
            table = read_table(part.signals, ["image_hash", "image_thumb"])
            table = table.take(pa.array(row_of(nodes[low:high]))).combine_chunks()
            for own in _pictures(table, nodes[low:high]):
                yield own, by_hash(pl.Series(own["hash"]), n)

    return {"pictures": scatter(layout.url("picture-looks", group.number), _LOOKS, chunks(), n)}


def _pictures(table: pa.Table, nodes: I64) -> Iterator[pa.Table]:
    """Yield the pictures of samples, some at a time."""
    hashes = table["image_hash"].chunk(0)
    counts = np.diff(hashes.offsets.to_numpy())
    index = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    pictures = (np.repeat(nodes, counts) << PICTURE_BITS) + index
    flat, looks = hashes.flatten(), table["image_thumb"].chunk(0).flatten()
    for start in range(0, len(pictures), _LOOKED):
        own = looks.slice(start, _LOOKED).to_pylist()
        there = np.array([value is not None and len(value) == LOOK_BYTES for value in own], bool)
        held = np.zeros((len(own), LOOK_BYTES), np.uint8)
        joined = b"".join(value for value, fits in zip(own, there, strict=True) if fits)
        held[there] = np.frombuffer(joined, np.uint8).reshape(-1, LOOK_BYTES)
        coarse, fine, _ = looks_of(held)
        yield pa.table(
            {
                "hash": flat.slice(start, _LOOKED),
                "picture": pictures[start : start + _LOOKED],
                "coarse": coarse,
                "fine": _fixed(fine),
                "shown": there & (contrast(held) > BLANK),
            }
        )


def _fixed(fine: npt.NDArray[np.uint64]) -> pa.FixedSizeBinaryArray:
    held = pa.py_buffer(np.ascontiguousarray(fine).tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(fine), [None, held])


def _places(layout: Layout, number: int, bits: int) -> Result:
    """Take each picture once, at its first place, and cut hashes by their quarters."""
    n = layout.partitions(_LOOKS_BYTES)
    table = gathered(layout.urls("picture-looks", layout.groups), number, n, _LOOKS)
    frame = pl.DataFrame(pl.from_arrow(table)).sort("picture")
    frame = frame.with_columns(pl.col("picture").first().over("hash").alias("first"))
    first = frame["first"].to_numpy()
    places = frame.select("first", "picture").to_arrow(), layout.group_of(first >> PICTURE_BITS)
    scatter(layout.url("picture-places", number), PLACES, [places], layout.groups)
    once = frame.filter((pl.col("first") == pl.col("picture")) & pl.col("shown"))
    table = once.select(_HASHES.names).to_arrow()
    coarse = once["coarse"].to_numpy()

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for quarter in range(QUARTERS):
            yield table, (quarter << bits) + (quarter_keys(coarse, quarter) >> (16 - bits))

    url = layout.url("picture-hashes", number)
    scatter(url, _HASHES, chunks(), QUARTERS << bits)
    return {"shown": once.height}


def _block_pairs(radius: int, bits: int) -> list[tuple[int, int, int]]:
    """Return quarter and two blocks of it whose keys may be near, for each job."""
    blocks = range(1 << bits)
    return [
        (quarter, one, two)
        for quarter in range(QUARTERS)
        for one, two in itertools.combinations_with_replacement(blocks, 2)
        if (one ^ two).bit_count() <= within(quarter, radius)
    ]


def _candidates(
    layout: Layout,
    jobs: int,
    shown: int,
    bits: int,
    radii: tuple[int, int],
    number: int,
    block: tuple[int, int, int],
) -> Result:
    """Compare the hashes of two blocks of a quarter; of few pictures, all with all."""
    quarter, one, two = block
    few, crowd = shown <= FEW, max(CROWD, _CROWDED * shown >> 16)
    urls = layout.urls("picture-hashes", jobs)
    wanted = range(1 << bits) if few else sorted({one, two})
    tables = [gathered(urls, (quarter << bits) + k, QUARTERS << bits, _HASHES) for k in wanted]
    frame = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables))).sort("picture")
    pictures, coarse = frame["picture"].to_numpy(), frame["coarse"].to_numpy()
    fine = np.frombuffer(b"".join(frame["fine"]), np.uint64).reshape(-1, 4)

    def chunks() -> Iterator[tuple[I64, I64, None]]:
        apart = (bits, one ^ two)
        pairs = (
            all_pairs(coarse, radii[0])
            if few
            else by_quarter(coarse, fine, quarter, radii[0], crowd, apart)
        )
        for a, b in pairs:
            a, b = are_near(coarse, fine, a, b, *radii)
            yield pictures[a], pictures[b], None

    return put_pairs(layout, "picture-candidates", number, chunks())


def _looked(meeting: Meeting, number: int, share: tuple[int, int, int]) -> Result:
    """Judge pairs by their looks; hand on those that these do not tell."""
    cell, layout = meeting.cell(share), meeting.layout
    looks = values_of(cell.held).reshape(-1, LOOK_BYTES)
    numbers = np.zeros(len(looks), np.int64)
    numbers[cell.left], numbers[cell.right] = cell.a, cell.b

    def unclear() -> Iterator[tuple[I64, I64, npt.NDArray[np.bool_]]]:
        for block in cell.blocks(_PAIRS):
            places = np.stack([block.left, block.right], axis=1)
            held, local = np.unique(places, return_inverse=True)
            pairs, clear, drawn = verdicts(looks[held], local.reshape(-1, 2))
            a, b = numbers[held[pairs]].T
            add(pa.table({"a": a[clear], "b": b[clear]}), None)
            yield a[~clear], b[~clear], drawn[~clear]

    with scattering(layout.url("picture-clear", number), NEAR, 1) as add:
        return put_pairs(layout, "picture-unclear", number, unclear())


def _opened(meeting: Meeting, number: int, share: tuple[int, int, int]) -> Result:
    """Judge pairs by their pixels."""
    cell = meeting.cell(share)

    def judged(block: Cell) -> pa.Table:
        places = np.stack([block.left, block.right], axis=1)
        details = {
            int(k): d for k in np.unique(places) if (d := detail_of(cell.held[k])) is not None
        }
        same = same_details(details, places, block.drawn)
        return pa.table({"a": block.a[same], "b": block.b[same]})

    with (
        scattering(meeting.layout.url("picture-opened", number), NEAR, 1) as add,
        ThreadPoolExecutor(spare_cores()) as pool,
    ):
        for near in pool.map(judged, cell.blocks(_OPENED)):
            add(near, None)
    return {}


def labels_of(urls: Sequence[str]) -> tuple[I64, I64]:
    """Return pictures that are near others, ascending, and the first of each cluster."""
    batches = list(gather(urls, 0, 1))
    empty = np.zeros(0, np.int64)
    a, b = (np.concatenate([empty, *(column(k, name) for k in batches)]) for name in ("a", "b"))
    pictures, local = np.unique(np.concatenate([a, b]), return_inverse=True)
    label = smallest_members(local.reshape(2, -1).T, len(pictures))
    return pictures, pictures[label]

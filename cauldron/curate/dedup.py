"""Duplicates among kept samples: exact, near by text, near by picture.

Of each cluster one member stays: that of the preferred source, the longest, or the first by (source
order, id). So the result depends on neither part order nor workers. Near-duplicate text is sought
among documents (and chats when asked); of samples with near pictures only those with the same
question, or text, are duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from cauldron.config import Off
from cauldron.curate.edits import Edit, Sizes, write_changes
from cauldron.curate.groups import smallest_members
from cauldron.curate.merging import merge_groups, merged
from cauldron.curate.near_images import FINE_RADIUS, RADIUS
from cauldron.curate.near_texts import Pairs, near_texts
from cauldron.curate.paragraphs import repeated_paragraphs
from cauldron.curate.parts import Loaded, PartFiles, binary_column, by_part, load_parts, write_drops
from cauldron.curate.pictures import Run, near_labels, pictures_of
from cauldron.signals.measure import spoken_text
from cauldron.signals.sketch import SKETCH_SIZE
from cauldron.storage.shards import read_table

_COLUMNS = (
    "roles",
    "chars",
    "text_hash",
    "question_hashes",
    "image_hash",
    "image_phash256",
)
_LARGEST = 20  # clusters whose sizes are told
_SYNTHETIC = (
    "clevr",
    "clevr_math",
    "dvqa",
    "figureqa",
    "finqa",
    "geomverse",
    "hitab",
    "iconqa",
    "intergps",
    "mapqa",
    "multihiertt",
    "plotqa",
    "raven",
    "robut_sqa",
    "robut_wikisql",
    "robut_wtq",
    "tabmwp",
    "tat_qa",
    "vistext",
)

Found = tuple[Pairs, npt.NDArray[np.float64]]


class DedupSettings(BaseModel):
    """What counts as a duplicate.

    Args:
        exact: seek exact duplicates.
        exact_by: what must be equal: pictures and text (`sample`), the text alone, or all pictures.
        across: seek duplicates across sources, or only within each.
        keep: which of a cluster stays: the first by source and id, or the longest text.
        prefer: sources whose samples stay before those of others, in this order.
        text: `minhash` seeks near-duplicate texts, `off` does not.
        text_similarity: Jaccard similarity of 5-word shingles from which texts are near-duplicates.
        text_of: documents only, or all samples.
        images: `phash` seeks near-duplicate pictures, `off` does not.
        max_distance: bits of the 64-bit hash that candidates may differ in; pixels decide.
        max_distance_256: bits of the 256-bit hash that they may differ in.
        images_exact_only: sources of drawn pictures, where small details matter.
        merge: make one sample of those that ask other questions about the same pictures.
        paragraphs: take out of documents what stands at least so many times in their domain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exact: bool = True
    exact_by: tuple[Literal["sample", "text", "pictures"], ...] = ("sample",)
    across: bool = True
    keep: Literal["first", "longest"] = "first"
    prefer: tuple[str, ...] = ()
    text: Literal["minhash"] | Off = "minhash"
    text_similarity: float = Field(0.8, ge=0.3, le=1)
    text_of: Literal["documents", "all"] = "documents"
    images: Literal["phash"] | Off = "phash"
    max_distance: int = Field(RADIUS, ge=0, le=16)
    max_distance_256: int = Field(FINE_RADIUS, ge=0, le=96)
    images_exact_only: tuple[str, ...] = _SYNTHETIC
    merge: bool = False
    paragraphs: Annotated[int, Field(ge=2)] | Off = "off"

    def rank(self) -> tuple[pl.Expr, ...]:
        """Return what samples are ordered by: of a cluster the first stays."""
        places = {source: place for place, source in enumerate(self.prefer)}
        preferred = pl.col("source").replace_strict(
            places, default=len(places), return_dtype=pl.Int32
        )
        ranks = [*([preferred] if places else []), pl.col("source_order"), pl.col("id")]
        if self.keep == "longest":
            ranks.insert(len(ranks) - 2, -pl.col("chars"))
        return tuple(ranks)


def dedup(parts: Sequence[PartFiles], settings: DedupSettings, run: Run = map) -> dict[str, Any]:
    """Find duplicates over all parts and write decisions for each.

    Args:
        run: applies a function to tasks and yields results in order, as an engine does.

    Returns:
        Per source kept and dropped by reason, the sizes of clusters, and `across`: how many
        samples of a source were dropped for one of another.
    """
    loaded = load_parts(parts, _COLUMNS, settings.rank())
    frame = loaded.frame
    keeper = np.arange(frame.height)
    told = np.full(frame.height, np.nan)
    reason = np.full(frame.height, "", dtype=object)
    clusters: dict[str, list[int]] = {}
    for name, search in _searches(loaded, settings, run):
        left = np.flatnonzero(reason == "")
        pairs, found = search(frame[left])
        pairs, found = _allowed(frame["source"].gather(left), pairs, found, settings.across)
        label = left[smallest_members(pairs, len(left))]
        again = left[label != left]
        np.fmax.at(told, left[pairs].ravel(), np.repeat(found, 2))
        keeper[left] = label
        reason[again] = name
        sizes = np.unique(label, return_counts=True)[1]
        sizes = np.sort(sizes[sizes > 1])[::-1][:_LARGEST].tolist()
        clusters[name] = sizes
    changes, how = _changed(loaded, settings, reason, keeper)
    gone = np.flatnonzero(reason != "")
    last = _last_keeper(keeper)
    drops = pl.DataFrame(
        {
            "number": gone.astype(np.uint32),
            "reason": pl.Series(reason[gone].tolist(), dtype=pl.String),
            "value": pl.Series(told[gone]).fill_nan(None),
            "detail": pl.Series(how[gone].tolist(), dtype=pl.String) + frame["id"][last[gone]],
        }
    )
    for number, part in enumerate(loaded.parts):
        write_changes(part.out, changes.get(number, {}))
    sources = frame["source"]
    return {
        "sources": write_drops(loaded, drops),
        "largest_clusters": clusters,
        "across": _between(sources.gather(gone), sources.gather(last[gone])),
        "rewritten": sum(map(len, changes.values())),
    }


def _changed(
    loaded: Loaded, settings: DedupSettings, reason: Any, keeper: npt.NDArray[np.int64]
) -> tuple[dict[int, dict[int, tuple[Edit, Sizes]]], Any]:
    """Merge turns and take out repeated paragraphs; note who went, why, and into whom.

    Returns:
        Edits by part and row, and what stands in front of the id in each detail.
    """
    how = np.full(len(reason), "of:", dtype=object)
    changes: dict[int, dict[int, tuple[Edit, Sizes]]] = {}
    if settings.merge:
        left = np.flatnonzero(reason == "")
        rest = loaded.frame[left]
        into, merges = merged(loaded, rest, merge_groups(rest, settings.across))
        again = left[into != np.arange(len(left))]
        keeper[left] = left[into]
        reason[again], how[again] = "merged", "into:"
        changes = merges
    if settings.paragraphs != "off":
        left = np.flatnonzero(reason == "")
        empty, shorter = repeated_paragraphs(loaded, loaded.frame[left], settings.paragraphs)
        reason[left[empty]] = "repeated_paragraphs"
        for part, rows in shorter.items():
            changes.setdefault(part, {}).update(rows)
    return changes, how


def _last_keeper(keeper: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Follow keepers that a later search dropped in turn, so that each names one that stays."""
    while (keeper[keeper] != keeper).any():
        keeper = keeper[keeper]
    return keeper


def _allowed(
    sources: pl.Series, pairs: Pairs, found: npt.NDArray[np.float64], across: bool
) -> Found:
    """Leave out pairs of two sources where duplicates are sought within each only."""
    if across or not len(pairs):
        return pairs, found
    codes = sources.cast(pl.Categorical).to_physical().to_numpy()
    same = codes[pairs[:, 0]] == codes[pairs[:, 1]]
    return pairs[same], found[same]


def _between(dropped: pl.Series, kept: pl.Series) -> dict[str, dict[str, int]]:
    """Count dropped samples by their source and the source of the one that stays."""
    table = pl.DataFrame({"dropped": dropped, "kept": kept}).group_by("dropped", "kept").len()
    out: dict[str, dict[str, int]] = {}
    for source, other, number in table.sort("dropped", "kept").iter_rows():
        out.setdefault(source, {})[other] = number
    return out


def _searches(loaded: Loaded, settings: DedupSettings, run: Run) -> Iterable[tuple[str, Any]]:
    if settings.exact:
        for by in settings.exact_by:
            name = "exact_duplicate" if by == "sample" else f"exact_duplicate_{by}"
            yield name, lambda rest, by=by: _exact_pairs(rest, by, settings.across)
    if settings.text == "minhash":
        yield "near_duplicate_text", lambda rest: _text_pairs(loaded, rest, settings)
    if settings.images == "phash":
        yield "near_duplicate_image", lambda rest: _image_pairs(loaded, rest, settings, run)


def _exact_pairs(frame: pl.DataFrame, by: str, across: bool) -> Found:
    """Pair each sample with the first of the same text, pictures or both.

    Samples with an unreadable picture have no duplicates, nor have those without any picture or
    text where that alone is compared.
    """
    keyed = frame.select(
        pl.col("image_hash").list.join(",").alias("pictures"),
        pl.col("image_hash").list.contains("").alias("unreadable"),
        "text_hash",
        pl.lit("") if across else pl.col("source"),
        "chars",
    ).with_row_index("place")
    if by == "text":
        keyed = keyed.filter(pl.col("chars") > 0)
    if by == "pictures":
        keyed = keyed.filter(pl.col("pictures") != "")
    keys = {"sample": ["pictures", "text_hash"], "text": ["text_hash"], "pictures": ["pictures"]}
    return _paired(keyed.filter(~pl.col("unreadable")), [*keys[by], keyed.columns[4]])


def _paired(keyed: pl.DataFrame, keys: list[str]) -> Found:
    """Pair each row with the first that has the same keys, by `place`."""
    found = keyed.with_columns(pl.col("place").min().over(keys).alias("first"))
    found = found.filter(pl.col("place") != pl.col("first"))
    pairs = found.select("first", "place").to_numpy().astype(np.int64)
    return pairs, np.full(len(pairs), np.nan)


def _text_pairs(loaded: Loaded, frame: pl.DataFrame, settings: DedupSettings) -> Found:
    chosen = frame.with_row_index("place")
    if settings.text_of == "documents":
        chosen = chosen.filter(pl.col("roles") == "document")
    held, there = binary_column(loaded.parts, chosen, "minhash", 4 * SKETCH_SIZE)
    chosen = chosen.filter(pl.Series(there))
    pairs, found = near_texts(
        held[there].view(np.uint32),
        settings.text_similarity,
        lambda numbers: _texts(loaded, chosen[numbers]),
    )
    return chosen["place"].to_numpy().astype(np.int64)[pairs], found


def _texts(loaded: Loaded, frame: pl.DataFrame) -> list[str]:
    """Return the texts of rows of a frame, from the samples."""
    out = [""] * frame.height
    for part, rows, places in by_part(frame):
        messages = read_table(loaded.parts[part].samples, ["messages"])["messages"]
        for place, told in zip(places, messages.take(pa.array(rows)).to_pylist(), strict=True):
            out[place] = spoken_text(told)
    return out


def _image_pairs(loaded: Loaded, frame: pl.DataFrame, settings: DedupSettings, run: Run) -> Found:
    """Pair samples of the same questions, or text, whose pictures are near one by one."""
    said = (
        pl.when(pl.col("question_hashes").list.len() > 0)
        .then(pl.col("question_hashes").list.join(","))
        .otherwise(pl.col("text_hash"))
    )
    chosen = (
        frame.with_row_index("place")
        .filter(
            (pl.col("image_hash").list.len() > 0)
            & ~pl.col("image_hash").list.contains("")
            & ~pl.col("source").is_in(list(settings.images_exact_only))
        )
        .with_columns(said.alias("said"), pl.col("image_hash").list.len().alias("pictures"))
        .filter(pl.len().over("said", "pictures") > 1)
    )
    radii = (settings.max_distance, settings.max_distance_256)
    labels = near_labels(loaded.parts, pictures_of(chosen), *radii, run)
    keyed = (
        chosen.select("place", "said", "image_hash")
        .explode("image_hash", empty_as_null=False, keep_nulls=False)
        .join(labels, on="image_hash", how="left", maintain_order="left")
        .with_columns(pl.coalesce("label", "image_hash"))
        .group_by("place", "said", maintain_order=True)
        .agg(pl.col("label").str.join(","))
    )
    pairs, _ = _paired(keyed, ["label", "said"])
    return pairs, _apart(frame["image_phash256"], pairs)


def _apart(hashes: pl.Series, pairs: Pairs) -> npt.NDArray[np.float64]:
    """Return the most bits of 256 in which pictures of pairs of samples differ."""
    out = np.zeros(len(pairs))
    for number, (one, two) in enumerate(
        zip(*(hashes.gather(side) for side in pairs.T), strict=True)
    ):
        left, right = (
            np.frombuffer(b"".join(side), np.uint64).reshape(-1, 4) for side in (one, two)
        )
        out[number] = np.bitwise_count(left ^ right).sum(axis=1).max()
    return out

"""Duplicates among kept samples: exact, near by text, near by picture.

Of each cluster one member stays: that of the preferred source, the longest, or the first by (source
order, id). So the result depends on neither part order nor workers. Near-duplicate text is sought
among documents (and chats when asked); of samples with near pictures only those with the same
question, or text, are duplicates.

Every search is a few stages of jobs that read some parts, or what others meant for them, and write
files; this process sees pairs of numbers. With few samples each stage is one job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from cauldron.config import Off
from cauldron.curate.crossing import embedding_pairs, turned_pairs
from cauldron.curate.dropping import Changes, Verdicts, write_drops
from cauldron.curate.exact import exact_pairs
from cauldron.curate.keepers import clusters
from cauldron.curate.layout import GONE, ROW_BITS, Group, Stages, here, laid_out, tell
from cauldron.curate.merging import merged_samples
from cauldron.curate.near_images import FINE_RADIUS, RADIUS
from cauldron.curate.paragraphs import repeated_paragraphs
from cauldron.curate.parts import PartFiles
from cauldron.curate.picture_labels import near_image_pairs
from cauldron.curate.text_search import near_text_pairs
from cauldron.storage.shuffle import gather

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
        orientations: pictures turned by quarters or mirrored are near as well.
        embeddings: cosine from which pictures are near, by the name of a vision model that was
            measured: that finds crops, borders and mirrored copies.
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
    text_similarity: float = Field(0.75, ge=0.3, le=1)
    text_of: Literal["documents", "all"] = "documents"
    images: Literal["phash"] | Off = "phash"
    max_distance: int = Field(RADIUS, ge=0, le=16)
    max_distance_256: int = Field(FINE_RADIUS, ge=0, le=96)
    orientations: bool = False
    embeddings: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)
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


Search = Callable[[list[Group]], list[str]]


def dedup(
    parts: Sequence[PartFiles],
    settings: DedupSettings,
    scratch: str,
    rows: int,
    run: Stages = here,
    parts_at_once: int = 0,
) -> dict[str, Any]:
    """Find duplicates over all parts and write decisions for each.

    Args:
        scratch: a folder for files between stages, seen by all workers.
        rows: samples in all, about; how work is cut follows from it, the result does not.
        run: runs a stage of jobs, as an engine does.
        parts_at_once: parts of one job; 0: as fits their number.

    Returns:
        Per source kept and dropped by reason, the sizes of clusters, and `across`: how many
        samples of a source were dropped for one of another.
    """
    groups = laid_out(parts, scratch, rows, parts_at_once)
    verdicts = Verdicts.none()
    reasons: list[str] = []
    sizes: dict[str, list[int]] = {}
    for name, search in _searches(settings, run):
        groups = _told_gone(groups, verdicts, len(reasons))
        found = clusters(groups, name, search(groups), settings.rank(), settings.across, run)
        verdicts = verdicts.with_more(found.gone, found.keeper, len(reasons), found.value)
        reasons.append(name)
        sizes[name] = np.sort(found.sizes)[::-1][:_LARGEST].tolist()
    verdicts, reasons, changes = _changed(groups, settings, verdicts, reasons, run)
    written = write_drops(groups, verdicts, reasons, changes, run)
    return {
        "sources": written["sources"],
        "largest_clusters": sizes,
        "across": _between(parts, verdicts),
        "rewritten": written["rewritten"],
    }


def _told_gone(groups: list[Group], verdicts: Verdicts, number: int) -> list[Group]:
    """Tell groups which samples have gone already."""
    if not len(verdicts.gone):
        return groups
    layout, stage = groups[0].layout, f"gone-{number}"
    tell(layout, stage, {"node": verdicts.gone}, GONE, layout.group_of(verdicts.gone))
    return [replace(group, gone=stage) for group in groups]


def _searches(settings: DedupSettings, run: Stages) -> Iterator[tuple[str, Search]]:
    across, drawn = settings.across, settings.images_exact_only
    radii = (settings.max_distance, settings.max_distance_256)
    for by in settings.exact_by if settings.exact else ():
        name = "exact_duplicate" if by == "sample" else f"exact_duplicate_{by}"
        yield name, partial(exact_pairs, by=by, across=across, run=run)
    if settings.text == "minhash":
        documents = settings.text_of == "documents"
        target = settings.text_similarity
        yield (
            "near_duplicate_text",
            partial(near_text_pairs, target=target, documents=documents, run=run),
        )
    if settings.images == "phash":
        search = partial(near_image_pairs, exact_only=drawn, across=across)
        yield "near_duplicate_image", partial(search, radii=radii, rank=settings.rank(), run=run)
    if settings.orientations:
        turned = partial(turned_pairs, exact_only=drawn, radii=radii, run=run)
        yield "near_duplicate_turned", turned
    for name, least in sorted(settings.embeddings.items()):
        near = partial(embedding_pairs, name=name, least=least, exact_only=drawn, run=run)
        yield f"near_duplicate_{name}", near


def _changed(
    groups: list[Group],
    settings: DedupSettings,
    verdicts: Verdicts,
    reasons: list[str],
    run: Stages,
) -> tuple[Verdicts, list[str], list[Changes]]:
    """Merge turns and take out repeated paragraphs.

    Returns:
        Verdicts and reasons with those of samples that go by that, and where changes are told.
    """
    changes: list[Changes] = []
    if settings.merge:
        groups = _told_gone(groups, verdicts, len(reasons))
        urls = merged_samples(groups, settings.rank(), settings.across, run)
        verdicts = verdicts.with_more(_numbers(urls, 0), _numbers(urls, 1), len(reasons))
        reasons, changes = [*reasons, "merged"], [("merge-changes", len(urls))]
    if settings.paragraphs != "off":
        groups = _told_gone(groups, verdicts, len(reasons))
        urls = repeated_paragraphs(groups, settings.paragraphs, run)
        empty = _numbers(urls, 0)
        verdicts = verdicts.with_more(empty, empty, len(reasons))
        reasons.append("repeated_paragraphs")
        changes.append(("paragraph-changes", len(urls)))
    return verdicts, reasons, changes


def _numbers(urls: Sequence[str], place: int) -> npt.NDArray[np.int64]:
    """Return one column of all rows of some files."""
    batches = gather(urls, 0, 1)
    return np.concatenate([np.zeros(0, np.int64), *(b[place].to_numpy() for b in batches)])


def _between(parts: Sequence[PartFiles], verdicts: Verdicts) -> dict[str, dict[str, int]]:
    """Count dropped samples by their source and the source of the one that stays."""
    names = [part.source for part in parts]
    pairs = np.stack([verdicts.gone, verdicts.last_keepers()]) >> ROW_BITS
    (dropped, stays), numbers = np.unique(pairs, axis=1, return_counts=True)
    counts: Counter[tuple[str, str]] = Counter()
    for one, two, number in zip(dropped, stays, numbers, strict=True):
        counts[names[one], names[two]] += int(number)
    out: dict[str, dict[str, int]] = {}
    for (source, other), number in sorted(counts.items()):
        out.setdefault(source, {})[other] = number
    return out

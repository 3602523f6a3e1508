"""What a card tells about a mixture, gathered once: files, sources, what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from cauldron.curate.edits import EDIT_COLUMNS
from cauldron.errors import StorageError
from cauldron.publish.licenses import card_or_none
from cauldron.sources.card import Card
from cauldron.stats import work_stats
from cauldron.storage import files, work
from cauldron.storage.shards import read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file of samples as it will stand in the repository.

    Args:
        path: its place in the repository.
        url: where it lies now.
    """

    path: str
    url: str
    source: str
    split: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One source of a mixture as the card tells it.

    Args:
        listed: its entry in the manifest.
        card: its data card; None where there is none.
        whole: whether its samples are published, not only ids and hashes.
        counts: its funnel from `stats.work_stats`; empty where the work folder is not at hand.
        edits: how often samples that stay were changed, by column of `EDIT_COLUMNS`.
    """

    name: str
    listed: Mapping[str, Any]
    card: Card | None
    whole: bool
    counts: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, int] = field(default_factory=dict)

    @property
    def license(self) -> str:
        """The licence that the manifest carries."""
        return str(self.listed["license"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A mixture on its way out.

    Args:
        repo: `owner/name` on the hub, or the name of the mixture.
        on_hub: whether it goes to the hub.
        form: the format of its files: samples, hub or trl.
        data: files of samples.
        ids: files of ids and hashes, for sources without bytes.
        overlap: samples that overlap with each benchmark, by kind.
        unfit: samples of each source that the form cannot hold, by reason.
        rules: the filters, as their step wrote them down.
    """

    repo: str
    on_hub: bool
    form: str
    manifest: Mapping[str, Any]
    sources: Sequence[Told]
    data: Sequence[DataFile]
    ids: Sequence[DataFile] = ()
    overlap: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unfit: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rules: Sequence[Mapping[str, Any]] = ()

    @property
    def rows(self) -> int:
        """All samples, with bytes or without."""
        return sum(file.rows for file in (*self.data, *self.ids))

    def of(self, source: str) -> list[DataFile]:
        """Return the files of a source, in order."""
        return [file for file in self.data if file.source == source]

    def left_out(self, step: str) -> dict[str, int]:
        """Return what a step dropped over all sources, by reason."""
        total: dict[str, int] = {}
        for told in self.sources:
            for reason, number in told.counts.get("dropped_by", {}).get(step, {}).items():
                total[reason] = total.get(reason, 0) + number
        return total


def told_sources(
    manifest: Mapping[str, Any], folder: str, whole: Sequence[str]
) -> tuple[Told, ...]:
    """Return the sources of a manifest with cards, and with counts where its work is at hand.

    Args:
        folder: the manifest's folder; WORK/mixture/NAME when it still lies in its work folder.
    """
    counts = _counts(folder)
    return tuple(
        Told(
            name=source["name"],
            listed=source,
            card=card_or_none(source["name"]),
            whole=source["name"] in whole,
            counts=counts.get(source["name"], {}),
            edits=_edits(source, folder),
        )
        for source in manifest["sources"]
    )


def _edits(source: Mapping[str, Any], folder: str) -> dict[str, int]:
    """Count pictures, paragraphs and samples that edits of a source name."""
    counts = dict.fromkeys(EDIT_COLUMNS, 0)
    for listed in source.get("edits", ()):
        table = read_table(files.join(folder, listed["url"]), list(EDIT_COLUMNS))
        for name in EDIT_COLUMNS:
            counts[name] += pc.sum(pc.list_value_length(table[name])).as_py() or 0
    return {name: number for name, number in counts.items() if number}


def overlap(folder: str) -> dict[str, dict[str, int]]:
    """Return what decontamination found, by benchmark and kind, where its work is at hand."""
    found: dict[str, dict[str, int]] = _told(folder, "decontaminate").get("benchmarks") or {}
    return found


def rules(folder: str) -> list[dict[str, Any]]:
    """Return the filters as their step wrote them down, where its work is at hand."""
    found: list[dict[str, Any]] = (_told(folder, "filter").get("settings") or {}).get("rules") or []
    return found


def _told(folder: str, step: str) -> dict[str, Any]:
    """Return the ledger entry of a step of the work folder that a mixture lies in."""
    if not files.is_local(folder):
        return {}
    url = work.ledger(str(files.local_path(folder).resolve().parents[1]), step)
    return dict(files.read_json(url)) if files.exists(url) else {}


def _counts(folder: str) -> dict[str, Any]:
    if not files.is_local(folder):
        return {}
    place = files.local_path(folder).resolve()
    if place.parent.name != "mixture":
        return {}
    try:
        work.require(str(place.parents[1]))
    except StorageError:
        return {}
    found: dict[str, Any] = work_stats(str(place.parents[1]))["sources"]
    return found

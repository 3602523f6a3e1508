"""Samples by position: the order of the manifest, equal from shards and from a selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cauldron.errors import StorageError
from cauldron.loader.samples import Samples
from cauldron.mixture.manifest import order_of, read_manifest
from cauldron.storage.shards import read_table

POSITIONS = 700


def stored_ids(manifest: str, key: str = "shards") -> dict[str, list[str]]:
    """Return the ids of each source as pyarrow reads them from the shards."""
    folder = Path(manifest).parent
    return {
        source["name"]: [
            i
            for shard in source[key]
            for i in read_table(str(folder / shard["url"]), ["id"])["id"].to_pylist()
        ]
        for source in read_manifest(manifest)["sources"]
    }


def test_the_stream_is_the_order_of_the_manifest(manifest: str) -> None:
    stored = stored_ids(manifest)
    order = order_of(read_manifest(manifest))
    source, row, epoch = order.samples_at(np.arange(POSITIONS))
    expected = [
        (n, stored[order.names[s]][r], e)
        for n, (s, r, e) in enumerate(zip(source, row, epoch, strict=True))
    ]
    with Samples(manifest) as samples:
        found = [(d.position, d.sample["id"], d.epoch) for d in samples.stream(0, POSITIONS)]
    assert found == expected
    assert epoch.max() > 0


def test_a_stream_may_start_anywhere(manifest: str) -> None:
    with Samples(manifest) as samples:
        whole = [d.sample["id"] for d in samples.stream(0, 300)]
        late = [d.sample["id"] for d in samples.stream(290, 300)]
    assert late == whole[290:]


def test_a_selection_gives_the_samples_of_the_shards(manifest: str, selection: str) -> None:
    with Samples(manifest) as written, Samples(selection) as selected:
        pairs = zip(written.stream(0, 300), selected.stream(0, 300), strict=True)
        assert all(a == b for a, b in pairs)


def test_a_selection_gives_the_same_held_out_samples(manifest: str, selection: str) -> None:
    with Samples(manifest) as written, Samples(selection) as selected:
        held_out = [list(s.validation("docvqa")) for s in (written, selected)]
    assert held_out[0] == held_out[1] and len(held_out[0]) > 10


def test_held_out_samples_are_never_in_the_stream(manifest: str) -> None:
    held_out = {i for ids in stored_ids(manifest, "validation_shards").values() for i in ids}
    with Samples(manifest) as samples:
        drawn = {d.sample["id"] for d in samples.stream(0, POSITIONS)}
        sizes = sum(samples.size(name) for name in samples.names)
    assert len(drawn) == sizes and not drawn & held_out


def test_a_cache_of_one_row_group_changes_nothing(selection: str) -> None:
    with Samples(selection) as large, Samples(selection, cache_bytes=1) as small:
        pairs = zip(large.stream(0, 40), small.stream(0, 40), strict=True)
        assert all(a == b for a, b in pairs)


def test_the_cache_stays_within_its_bytes(selection: str) -> None:
    with Samples(selection, cache_bytes=60_000) as samples:
        held = []
        for _ in samples.stream(0, 40):
            tables = samples._shards._groups._tables
            held.append(sum(t.nbytes for t in tables.values()) if len(tables) > 1 else 0)
    assert max(held) <= 60_000


def test_text_is_read_without_pictures(manifest: str) -> None:
    with Samples(manifest) as samples:
        assert samples.text("docvqa", 3) == {**samples["docvqa", 3], "images": []}


def test_a_row_past_the_end_is_an_index_error(manifest: str) -> None:
    with Samples(manifest) as samples, pytest.raises(IndexError, match="row 9999 of"):
        samples["docvqa", 9999]


def test_an_unknown_source_gets_a_near_name(manifest: str) -> None:
    with Samples(manifest) as samples, pytest.raises(StorageError, match="did you mean 'docvqa'"):
        samples["docvq", 0]


def test_a_missing_shard_names_its_place(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(Path(manifest).read_bytes())
    with Samples(str(tmp_path)) as samples, pytest.raises(StorageError, match="docvqa-00000"):
        samples["docvqa", 0]

"""Rows of shards: through the index and by row groups they are the same; odd indexes are passed."""

from __future__ import annotations

import mmap
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from cauldron.errors import StorageError
from cauldron.loader import ranges, shards
from cauldron.loader.samples import Samples
from cauldron.loader.shards import Row, Shards
from cauldron.mixture.manifest import read_manifest
from cauldron.storage import files
from cauldron.storage.index import index_url


@pytest.fixture
def copied(manifest: str, tmp_path: Path) -> str:
    """The mixture in a folder of its own, to be damaged."""
    return str(shutil.copytree(Path(manifest).parent, tmp_path / "mix") / "manifest.json")


@pytest.fixture
def remote(manifest: str) -> Iterator[str]:
    """The mixture in a store that is not local files."""
    fsspec.filesystem("memory").put(str(Path(manifest).parent), "/mix", recursive=True)
    yield "memory://mix/manifest.json"
    fsspec.filesystem("memory").rm("/mix", recursive=True)


def first_shard(manifest: str, source: str = "docvqa") -> Path:
    sources = {source["name"]: source for source in read_manifest(manifest)["sources"]}
    return Path(manifest).parent / sources[source]["shards"][0]["url"]


def rows(shard: Path) -> list[Row]:
    return Shards(1 << 20).rows([(str(shard), row) for row in (0, 3, 1)])


def test_rows_are_the_same_with_and_without_an_index(copied: str) -> None:
    shard = first_shard(copied)
    indexed = rows(shard)
    Path(index_url(str(shard))).unlink()
    assert rows(shard) == indexed and len(indexed[0]["images"]) == 1


def test_the_index_of_another_shard_is_not_used(copied: str) -> None:
    shard = first_shard(copied)
    indexed = rows(shard)
    shutil.copy(index_url(str(first_shard(copied, "vqarad"))), index_url(str(shard)))
    assert rows(shard) == indexed


def test_a_damaged_index_is_not_used(copied: str) -> None:
    shard = first_shard(copied)
    indexed = rows(shard)
    index = Path(index_url(str(shard)))
    index.write_bytes(index.read_bytes()[:-5])
    assert rows(shard) == indexed


def test_an_index_whose_offsets_are_wrong_is_an_error(copied: str) -> None:
    shard = first_shard(copied)
    content = bytearray(shard.read_bytes())
    content[:] = content[1:] + content[:1]
    shard.write_bytes(content)
    with pytest.raises(StorageError, match="its index belongs to another shard"):
        rows(shard)


def test_a_store_gives_the_samples_of_local_files(manifest: str, remote: str) -> None:
    with Samples(manifest) as near, Samples(remote) as far:
        assert list(far.stream(0, 200)) == list(near.stream(0, 200))
        assert list(far.validation("docvqa")) == list(near.validation("docvqa"))


def test_a_store_without_indexes_gives_the_same_samples(manifest: str, remote: str) -> None:
    for path in files.find_files("memory://mix", "*.index"):
        files.remove(files.join("memory://mix", path))
    with Samples(manifest) as near, Samples(remote) as far:
        assert list(far.stream(0, 60)) == list(near.stream(0, 60))


def test_fewer_shards_than_are_used_may_stand_open(
    manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Samples(manifest) as samples:
        whole = list(samples.stream(0, 60))
    monkeypatch.setattr("cauldron.loader.shards.MAX_OPEN_SHARDS", 1)
    with Samples(manifest) as samples:
        assert list(samples.stream(0, 60)) == whole
        assert len(samples._shards._near._made) <= 4


def test_ranges_close_together_are_one_request() -> None:
    gap = ranges.MAX_GAP_BYTES
    wanted = [("s3://a", gap + 10, gap + 20), ("s3://a", 0, 10), ("s3://b", 5, 6)]
    found = [(r.url, r.start, r.end, r.numbers) for r in ranges._requests(wanted)]
    assert found == [("s3://a", 0, gap + 20, [1, 0]), ("s3://b", 5, 6, [2])]


def test_a_request_stays_bounded() -> None:
    wanted = [("s3://a", k << 20, (k + 1) << 20) for k in range(30)]
    requests = ranges._requests(wanted)
    assert max(r.end - r.start for r in requests) <= ranges.MAX_REQUEST_BYTES
    assert [n for r in requests for n in r.numbers] == list(range(30))


def test_a_missing_remote_shard_names_its_place(remote: str) -> None:
    fsspec.filesystem("memory").rm("/mix/shards", recursive=True)
    with (
        Samples(remote) as samples,
        pytest.raises(StorageError, match="memory://mix/shards/docvqa"),
    ):
        samples["docvqa", 0]


def test_rows_are_the_same_whether_read_exactly_or_far_around(
    manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Samples(manifest) as samples:
        around = list(samples.stream(0, 160))
    monkeypatch.setattr(shards, "_SHARE_OF_MEMORY", 0.0)
    with Samples(manifest) as samples:
        assert list(samples.stream(0, 160)) == around


def test_pages_that_are_in_memory_are_mapped_before_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "pages").write_bytes(bytes(8 << 20))
    with (tmp_path / "pages").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    shards._touch(mapped)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    assert not any(mapped[place] for place in range(0, len(mapped), mmap.PAGESIZE))
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before < 16

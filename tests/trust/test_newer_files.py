"""Threat 24: a file of a newer version is refused with advice, never half understood."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from cauldron.errors import StorageError
from cauldron.loader.dataset import PlainBatches
from cauldron.storage.index import MAGIC, parse
from tests.mixtures import mixture
from tests.trust.commands import cauldron, told


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return mixture(tmp_path, 6, 6)


def raised(path: Path, key: str = "schema_version") -> None:
    """Let a JSON file state the version after the one it has."""
    value = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({**value, key: value[key] + 1}))


def refused(*arguments: str | Path) -> None:
    message = told(cauldron(*arguments), 4)
    assert "version 2 is newer than 1" in message and "upgrade cauldron" in message, message


@pytest.mark.parametrize("key", ["schema_version", "sample_schema_version"])
def test_threat_24_a_newer_manifest_is_refused(manifest: Path, key: str) -> None:
    raised(manifest, key)
    refused("export", manifest, manifest.parent / "out", "--to", "jsonl")


def test_threat_24_a_newer_ledger_is_refused(manifest: Path) -> None:
    work = manifest.parents[2]
    raised(work / "ledger" / "ingest-vqarad-train.json")
    refused("stats", work)


def test_threat_24_a_newer_shard_is_refused(manifest: Path) -> None:
    work = manifest.parents[2]
    shard = work / "samples" / "vqarad" / "part-00000.parquet"
    table = pq.read_table(shard)
    metadata = {**table.schema.metadata, b"cauldron.schema_version": b"2"}
    pq.write_table(table.replace_schema_metadata(metadata), shard)
    refused("show", work)


def drawn(manifest: Path, state: dict[str, object] | None = None) -> str:
    data = PlainBatches(str(manifest), samples=2, stop=1)
    if state is not None:
        data.load_state_dict(state)
    return str(next(iter(data)).drawn[0].sample["id"])


def test_threat_24_a_newer_index_is_refused_and_the_shard_read_without_it(manifest: Path) -> None:
    before = drawn(manifest)
    for path in manifest.parent.glob("shards/.*.index"):
        payload = path.read_bytes()
        path.write_bytes(MAGIC[:-1] + b"%d" % (int(MAGIC[-1:]) + 1) + payload[8:])
        with pytest.raises(StorageError, match=r"index of version 3 is newer than 2.*upgrade"):
            parse(path.read_bytes(), str(path))
    assert drawn(manifest) == before


def test_threat_24_a_newer_state_is_refused(manifest: Path) -> None:
    data = PlainBatches(str(manifest), samples=2, stop=1)
    next(iter(data))
    state = data.state_dict()
    assert drawn(manifest, {**state, "step": 0})
    with pytest.raises(StorageError, match=r"state of version 2 is newer than 1.*upgrade"):
        drawn(manifest, {**state, "step": 0, "version": 2})

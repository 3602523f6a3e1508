"""Batches out of a store are those of local files: a real S3 server, and any fsspec path."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs", reason="needs s3fs")
pytest.importorskip("moto", reason="needs moto, the S3 server")
from torch.utils.data import DataLoader  # noqa: E402

from cauldron.loader.dataset import PackedBatch, PackedBatches, Packing  # noqa: E402
from cauldron.loader.pictures import Fit  # noqa: E402
from cauldron.loader.samples import Samples  # noqa: E402
from cauldron.loader.tokens import Encoder, train_tokenizer, training_texts  # noqa: E402
from tests.s3 import s3_server  # noqa: E402


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Start a server with an empty bucket; give its URL."""
    with s3_server() as access, pytest.MonkeyPatch.context() as patch:
        for name, value in access.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("bucket")
        fsspec.filesystem("s3").clear_instance_cache()
        yield "s3://bucket"


@pytest.fixture(scope="module")
def encoder(manifest: str) -> Encoder:
    with Samples(manifest) as samples:
        return Encoder(train_tokenizer(training_texts(samples, 0), 400), image_tokens=8)


def batches(manifest: str, encoder: Encoder, count: int, workers: int = 0) -> list[PackedBatch]:
    data = PackedBatches(manifest, encoder, Packing(length=256, rows=2, fit=Fit(longest=32)))
    return list(islice(DataLoader(data, batch_size=None, num_workers=workers), count))


def same(a: PackedBatch, b: PackedBatch) -> bool:
    pictures = zip(a.pictures, b.pictures, strict=True)
    return (
        a.state == b.state
        and a.counts == b.counts
        and all(torch.equal(getattr(a, n), getattr(b, n)) for n in ("ids", "positions", "targets"))
        and all(torch.equal(p.pixels, q.pixels) for p, q in pictures)
    )


def test_s3_gives_the_batches_of_local_files(s3: str, manifest: str, encoder: Encoder) -> None:
    fsspec.filesystem("s3").put(str(Path(manifest).parent), "bucket/mix", recursive=True)
    near = batches(manifest, encoder, 6)
    assert all(map(same, near, batches(f"{s3}/mix/manifest.json", encoder, 6)))
    assert all(map(same, near, batches(f"{s3}/mix", encoder, 6, workers=1)))


def test_a_hub_path_is_like_any_other(manifest: str, encoder: Encoder) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(Path(manifest).parent), "/hub/mix", recursive=True)
    near, far = (batches(url, encoder, 4) for url in (manifest, "memory://hub/mix"))
    assert all(same(a, b) for a, b in zip(near, far, strict=True))
    memory.rm("/hub", recursive=True)

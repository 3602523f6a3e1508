"""Batches: a function of the step alone; what cannot be used is left out and counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cauldron.loader.samples import Samples
from cauldron.loader.tokens import IMAGE_ID, Encoder, train_tokenizer, training_texts
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage.shards import read_table, write_shard
from cauldron.train.batches import Batches
from cauldron.train.settings import TrainSettings


def batches(manifest: str, settings: TrainSettings) -> Batches:
    """Return the batches of a mixture."""
    samples = Samples(manifest)
    tokenizer = train_tokenizer(training_texts(samples, 0), settings.vocab_size)
    return Batches(samples, Encoder(tokenizer, settings.model.latents), settings)


def test_batches_made_ahead_are_those_of_their_steps(
    manifest: str, settings: TrainSettings
) -> None:
    ahead = list(batches(manifest, settings).ahead(3, 9))
    alone = [batches(manifest, settings).at(step) for step in range(3, 9)]
    for a, b in zip(ahead, alone, strict=True):
        assert a is not None and b is not None
        assert a.ids == b.ids and np.array_equal(a.packed.ids, b.packed.ids)
        assert all(np.array_equal(p, q) for p, q in zip(a.pictures, b.pictures, strict=True))


def test_steps_follow_the_stream(manifest: str, settings: TrainSettings) -> None:
    own = batches(manifest, settings)
    found = [i for step in range(3) for i in (own.at(step) or pytest.fail("no batch")).ids]
    with Samples(manifest) as samples:
        assert found == [d.sample["id"] for d in samples.stream(0, 24)]


def test_pictures_are_as_many_as_the_tokens_say(manifest: str, settings: TrainSettings) -> None:
    batch = batches(manifest, settings).at(0)
    assert batch is not None
    assert (batch.packed.ids == IMAGE_ID).sum() == settings.model.latents * len(batch.pictures)


def test_a_long_sample_is_cut_and_counted(manifest: str, settings: TrainSettings) -> None:
    batch = batches(manifest, settings.model_copy(update={"row_tokens": 40})).at(0)
    assert batch is not None
    assert batch.notes["cut"] > 0 and batch.packed.ids.shape[1] <= 40


def test_a_sample_that_is_cut_before_its_answer_is_left_out(
    manifest: str, settings: TrainSettings
) -> None:
    own = batches(manifest, settings.model_copy(update={"row_tokens": 16}))
    assert own.at(0) is None


def test_a_picture_that_cannot_be_decoded_is_left_out_and_counted(
    tmp_path_factory: pytest.TempPathFactory, settings: TrainSettings
) -> None:
    from tests.mixtures import mixture

    path = mixture(tmp_path_factory.mktemp("broken"), counting=12, colours=0, share=0.0)
    shard = str(path.parent / "shards" / "vqarad-00000.parquet")
    rows = read_table(shard).to_pylist()
    rows[0]["images"][0]["bytes"] = rows[0]["images"][0]["bytes"][:300]
    write_shard(shard, [pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)], SAMPLE_SCHEMA)
    batch = batches(str(path), settings.model_copy(update={"batch": 12})).at(0)
    assert batch is not None
    assert len(batch.ids) == 11 and batch.notes["image_truncated"] == 1

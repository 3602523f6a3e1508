"""Steps over ranks and workers: the same global order for any split, resumed from any state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from cauldron.errors import UsageError
from cauldron.loader.dataset import PackedBatches, Packing, PlainBatches, reweighed
from cauldron.loader.pictures import Fit
from cauldron.loader.samples import Samples
from cauldron.loader.steps import Steps, in_background
from cauldron.loader.tokens import Encoder, train_tokenizer, training_texts

LENGTH, ROWS = 128, 4
pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated"),
]


@pytest.fixture(scope="module")
def encoder(manifest: str) -> Encoder:
    with Samples(manifest) as samples:
        return Encoder(train_tokenizer(training_texts(samples, 0), 400), image_tokens=8)


def packed(manifest: str, encoder: Encoder, **options: Any) -> PackedBatches:
    packing = Packing(length=LENGTH, rows=ROWS, fit=Fit(longest=32))
    return PackedBatches(manifest, encoder, packing, **options)


def plain(manifest: str, encoder: Encoder, **options: Any) -> PlainBatches:
    return PlainBatches(manifest, 12, **options)


def drawn(batch: Any) -> list[int]:
    """Return the positions of a batch's samples in the order of the mixture, as they stand."""
    return batch.drawn.tolist() if hasattr(batch, "ids") else [d.position for d in batch.drawn]


def over_ranks(data: list[Iterator[Any]], steps: int) -> list[list[int]]:
    """Return what all ranks together get at each step, in the order of ranks."""
    return [[p for rank in data for p in drawn(next(rank))] for _ in range(steps)]


@pytest.mark.parametrize("kind", [packed, plain])
@pytest.mark.parametrize("world_size", [1, 2, 4])
@pytest.mark.parametrize("workers", [0, 3])
def test_the_global_order_is_the_same_for_any_split(
    manifest: str, encoder: Encoder, kind: Any, world_size: int, workers: int
) -> None:
    whole = [drawn(batch) for batch in islice(kind(manifest, encoder, ahead=0), 8)]
    ranks = [kind(manifest, encoder, rank=r, world_size=world_size) for r in range(world_size)]
    loaders = [iter(DataLoader(data, batch_size=None, num_workers=workers)) for data in ranks]
    assert over_ranks(loaders, 8) == whole


@pytest.mark.parametrize("kind", [packed, plain])
def test_a_state_goes_on_with_other_ranks_and_workers(
    manifest: str, encoder: Encoder, kind: Any
) -> None:
    whole = [drawn(batch) for batch in islice(kind(manifest, encoder), 12)]
    first = kind(manifest, encoder, rank=1, world_size=2)
    state = [batch.state for batch in islice(DataLoader(first, None, num_workers=2), 5)][-1]
    ranks = [kind(manifest, encoder, rank=r, world_size=4) for r in range(4)]
    for data in ranks:
        data.load_state_dict(json.loads(json.dumps(state)))
    loaders = [iter(DataLoader(data, batch_size=None, num_workers=3)) for data in ranks]
    assert over_ranks(loaders, 7) == whole[5:]


@pytest.mark.parametrize("kind", [packed, plain])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_resumes(
    manifest: str, encoder: Encoder, kind: Any, workers: int
) -> None:
    whole = [drawn(batch) for batch in islice(kind(manifest, encoder), 9)]
    before = StatefulDataLoader(kind(manifest, encoder), None, num_workers=workers)
    seen = [drawn(batch) for batch in islice(before, 5)]
    after = StatefulDataLoader(kind(manifest, encoder), None, num_workers=workers)
    after.load_state_dict(before.state_dict())
    assert seen + [drawn(batch) for batch in islice(after, 4)] == whole


def test_the_dataset_itself_stands_behind_its_last_batch(manifest: str, encoder: Encoder) -> None:
    data = packed(manifest, encoder)
    batches = list(islice(data, 3))
    assert data.state_dict() == batches[-1].state
    assert drawn(next(iter(data))) == drawn(list(islice(packed(manifest, encoder), 4))[-1])


@pytest.mark.parametrize("kind", [packed, plain])
def test_a_state_is_under_a_kilobyte(manifest: str, encoder: Encoder, kind: Any) -> None:
    states = [batch.state for batch in islice(kind(manifest, encoder), 40)]
    assert max(len(json.dumps(state)) for state in states) < 1000


@pytest.mark.parametrize("kind", [packed, plain])
def test_weights_change_at_a_step_and_stand_in_the_states_that_follow(
    manifest: str, encoder: Encoder, kind: Any
) -> None:
    state = [batch.state for batch in islice(kind(manifest, encoder), 4)][-1]
    data = kind(manifest, encoder, ahead=0)
    data.load_state_dict(reweighed(state, {"docvqa": 1.0}))
    whole = list(islice(data, 60))
    late = kind(manifest, encoder)
    late.load_state_dict(json.loads(json.dumps(whole[49].state)))
    assert [drawn(b) for b in islice(late, 10)] == [drawn(b) for b in whole[50:]]
    with Samples(manifest) as samples:
        samples.load_order_state(whole[-1].state)
        after = [p for batch in whole for p in drawn(batch) if p >= state["next"]]
        assert {name for name, _, _ in samples.drawn(after)} == {"docvqa"}
        before = samples.drawn(range(state["next"]))
    with Samples(manifest) as samples:
        assert samples.drawn(range(state["next"])) == before


def test_a_state_of_another_mixture_is_refused(manifest: str, encoder: Encoder) -> None:
    data = packed(manifest, encoder, ahead=0)
    data.load_state_dict({**next(iter(data)).state, "order": "0123456789abcdef"})
    with pytest.raises(UsageError, match="another mixture"):
        next(iter(data))


def test_a_stream_ends_after_its_steps(manifest: str, encoder: Encoder) -> None:
    assert len(list(packed(manifest, encoder, stop=3))) == 3


def test_rows_that_ranks_cannot_share_evenly_are_refused(manifest: str, encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="4 cannot be shared evenly by 3 ranks"):
        packed(manifest, encoder, rank=0, world_size=3)


def test_an_error_in_the_background_reaches_who_asks() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise UsageError("broken")

    made = in_background(items(), 2)
    assert next(made) == 1
    with pytest.raises(UsageError, match="broken"):
        next(made)


def test_the_course_is_left_to_each_kind() -> None:
    with pytest.raises(NotImplementedError):
        next(iter(Steps(1)))

"""Packed batches: what is learned and seen, without the original loader's silent losses."""

from __future__ import annotations

import io
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cauldron.loader.dataset import PackedBatch, PackedBatches, Packing, PlainBatches
from cauldron.loader.pack import IGNORED
from cauldron.loader.pictures import Fit
from cauldron.loader.tokens import END_ID, IMAGE_ID, Encoder, train_tokenizer
from tests.mixtures import chat, written

TOKENIZER = train_tokenizer(["How many? Three. User: Assistant: yes no page"] * 3, 300)
ENCODER = Encoder(TOKENIZER, image_tokens=4)
LONG = [(f"{n}?", f"yes {n} no {n}") for n in range(30)]


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


RED = picture(40, 20)


def batches(manifest: str, count: int, **packing: Any) -> list[PackedBatch]:
    told = Packing(**{"length": 128, "rows": 2, "fit": Fit(longest=32)} | packing)
    return list(islice(PackedBatches(manifest, ENCODER, told), count))


def text(ids: torch.Tensor) -> str:
    return str(TOKENIZER.decode(ids.tolist(), skip_special_tokens=False))


def learned(batch: PackedBatch, sample: int) -> str:
    """Return the targets of one sample as text."""
    targets = batch.targets[batch.sample == sample]
    return text(targets[targets != IGNORED])


def short(number: int, images: int = 1) -> dict[str, Any]:
    return chat((f"How many {number}?", f"yes {number}"), images=[RED] * images)


def test_rows_without_a_picture_are_kept(tmp_path: Path) -> None:
    manifest = written(tmp_path, {"text": [short(n, images=0) for n in range(40)]})
    found = batches(manifest, 8)
    assert all(batch.pictures == () and len(batch.sample_ids) for batch in found)
    seen = {i for batch in found for i in batch.sample_ids}
    assert len(seen) == 40


def test_all_turns_of_a_sample_are_kept(tmp_path: Path) -> None:
    turns = [(f"{n}?", f"yes {n}") for n in range(20)]
    manifest = written(tmp_path, {"long": [chat(*turns, images=[RED])]})
    (batch,) = batches(manifest, 1, length=2048, rows=1)
    end = "<end_of_utterance>"
    assert learned(batch, 0) == "".join(f" yes {n}{end}" for n in range(20))


def test_a_long_sample_is_cut_and_counted(tmp_path: Path) -> None:
    manifest = written(tmp_path, {"a": [chat(*LONG, images=[RED])]})
    (batch,) = batches(manifest, 1)
    assert batch.notes["cut"] >= 2
    assert _piece(batch, 0) == ENCODER.encode(chat(*LONG, images=[RED])).ids.tolist()[:128]


def test_a_long_sample_goes_on_in_further_rows_where_asked(tmp_path: Path) -> None:
    whole = chat(*LONG, images=[RED])
    found = batches(written(tmp_path, {"a": [whole]}), 12, long="split")
    first = [_piece(batch, n) for batch in found for n in np.flatnonzero(batch.drawn == 0)]
    assert [i for piece in first for i in piece] == ENCODER.encode(whole).ids.tolist()
    assert sum(batch.notes["split"] for batch in found) > 0
    assert sum(len(batch.pictures_in_order()) for batch in found) < 24


def test_a_long_sample_is_left_out_and_counted_where_asked(tmp_path: Path) -> None:
    samples = [short(0), chat(*LONG, images=[RED])]
    (batch,) = batches(written(tmp_path, {"a": samples}), 1, long="skip")
    assert set(batch.sample_ids) == {"a/train/0"} and batch.notes["left_out_long"] > 0


def _piece(batch: PackedBatch, number: int) -> list[int]:
    piece: list[int] = batch.ids[batch.sample == int(number)].tolist()
    return piece


def test_a_stray_end_of_turn_unmasks_nothing(tmp_path: Path) -> None:
    stray = chat(("How many? <end_of_utterance>", "yes <end_of_utterance> no"), images=[RED])
    manifest = written(tmp_path, {"stray": [stray]})
    (batch,) = batches(manifest, 1, rows=1)
    inside = batch.ids[batch.sample == 0]
    assert int((inside == END_ID).sum()) == 2
    assert learned(batch, 0) == " yes <end_of_utterance> no<end_of_utterance>"
    assert batch.targets[batch.sample == 0].tolist().count(END_ID) == 1


def test_samples_of_a_row_are_kept_apart_by_their_positions(tmp_path: Path) -> None:
    manifest = written(tmp_path, {"a": [short(n) for n in range(9)]})
    (batch,) = batches(manifest, 1)
    for n in range(len(batch.sample_ids)):
        here = batch.sample == n
        assert len(set(here.nonzero()[:, 0].tolist())) == 1
        assert batch.positions[here].tolist() == list(range(int(here.sum())))
        assert batch.targets[here][0] == IGNORED


def test_an_exhausted_source_restarts_alone(tmp_path: Path) -> None:
    sources = {"few": [short(n) for n in range(3)], "many": [short(n) for n in range(400)]}
    manifest = written(tmp_path, sources, weights={"few": 0.5, "many": 0.5})
    stream = PlainBatches(manifest, 10, ahead=0)
    drawn = [d for batch in islice(stream, 60) for d in batch.drawn]
    many = [d.sample["id"] for d in drawn if d.source == "many"]
    few = [d for d in drawn if d.source == "few"]
    assert len(set(many)) == len(many) == 300
    assert max(d.epoch for d in few) == 99


def test_resume_repeats_nothing(tmp_path: Path) -> None:
    manifest = written(tmp_path, {"a": [short(n) for n in range(300)]})
    first = batches(manifest, 4)
    again = PackedBatches(manifest, ENCODER, Packing(length=128, rows=2, fit=Fit(longest=32)))
    again.load_state_dict(first[-1].state)
    after = list(islice(again, 4))
    drawn = [p for batch in [*first, *after] for p in batch.drawn.tolist()]
    assert len(set(drawn)) == len(drawn)


def test_pictures_are_grouped_by_size_and_stand_in_order(tmp_path: Path) -> None:
    sides = [(40, 20), (20, 40), (30, 30)]
    samples = [short(n) | {"images": [picture(*sides[n % 3])]} for n in range(30)]
    manifest = written(tmp_path, {"a": samples})
    (batch,) = batches(manifest, 1)
    assert len({g.pixels.shape for g in batch.pictures}) == len(batch.pictures) == 3
    places = torch.cat([group.places for group in batch.pictures])
    assert sorted(places.tolist()) == list(range(int((batch.ids == IMAGE_ID).sum()) // 4))
    shapes = [p.shape[1] < p.shape[2] for p in batch.pictures_in_order()]
    wide = [int(i.rpartition("/")[2]) % 3 == 0 for i in batch.sample_ids]
    assert shapes == wide


def test_a_split_picture_has_five_groups_of_tokens_and_five_pictures(tmp_path: Path) -> None:
    manifest = written(tmp_path, {"a": [short(n) for n in range(20)]})
    (batch,) = batches(manifest, 1, split_share=1.0)
    samples = len(batch.sample_ids)
    assert int((batch.ids == IMAGE_ID).sum()) == 5 * 4 * samples
    assert len(batch.pictures_in_order()) == 5 * samples == batch.counts["a"]["images"]


def test_half_of_the_samples_are_split_where_asked(tmp_path: Path) -> None:
    manifest = written(tmp_path, {"a": [short(n) for n in range(200)]})
    found = batches(manifest, 30, split_share=0.5)
    per = [count for b in found for count in [b.counts["a"]["images"] / b.counts["a"]["samples"]]]
    assert 2.5 < np.mean(per) < 3.5


def broken(tmp_path: Path, bad: set[int], count: int = 30) -> str:
    samples = [
        short(n) | {"images": [RED[: len(RED) // 2]] if n in bad else [RED]} for n in range(count)
    ]
    return written(tmp_path, {"a": samples})


def test_a_bad_sample_is_replaced_by_one_of_its_source_and_counted(tmp_path: Path) -> None:
    found = batches(broken(tmp_path, {3, 4, 5}), 4)
    notes = sum((batch.notes for batch in found), Counter[str]())
    assert notes["replaced"] == notes["image_truncated"] > 0
    seen = {i for batch in found for i in batch.sample_ids}
    assert not seen & {"a/train/3", "a/train/4", "a/train/5"}
    again = batches(str(tmp_path / "manifest.json"), 4)
    assert [b.sample_ids for b in again] == [b.sample_ids for b in found]


def test_each_bad_sample_has_its_own_replacement(tmp_path: Path) -> None:
    stream = PlainBatches(broken(tmp_path, set(range(0, 100, 2)), 100), 100, Fit(longest=32))
    batch = next(iter(stream))
    counted = [d.sample["id"] for d in batch.drawn]
    assert batch.notes["replaced"] == 50 and len(counted) == 100
    assert max(counted.count(i) for i in counted) < 8


def test_a_source_without_a_usable_sample_leaves_room_and_is_counted(tmp_path: Path) -> None:
    found = batches(broken(tmp_path, set(range(30))), 2)
    assert all(batch.notes["not_replaced"] > 0 and not batch.sample_ids for batch in found)
    assert all((batch.targets == IGNORED).all() for batch in found)


def test_counters_of_sources_add_up(tmp_path: Path) -> None:
    sources = {"a": [short(n) for n in range(30)], "b": [short(n, images=0) for n in range(30)]}
    (batch,) = batches(written(tmp_path, sources), 1)
    totals = {key: sum(c[key] for c in batch.counts.values()) for key in batch.counts["a"]}
    assert totals == {
        "samples": len(batch.sample_ids),
        "tokens": int((batch.sample >= 0).sum()),
        "supervised": int((batch.targets != IGNORED).sum()),
        "images": len(batch.pictures_in_order()),
    }
    assert batch.counts["b"]["images"] == 0


def test_remarks_of_all_ranks_add_up_to_those_of_one(tmp_path: Path) -> None:
    samples = [short(n) for n in range(10)] + [chat(*[(f"{n}?", "yes")] * 60) for n in range(10)]
    manifest = written(tmp_path, {"a": samples})
    told = Packing(length=128, rows=2, fit=Fit(longest=32))
    one = list(islice(PackedBatches(manifest, ENCODER, told), 5))
    ranks = [
        list(islice(PackedBatches(manifest, ENCODER, told, rank=r, world_size=2), 5))
        for r in range(2)
    ]
    whole, parts = (
        sum((b.notes for b in found), one[0].notes.__class__())
        for found in (one, ranks[0] + ranks[1])
    )
    assert whole == parts and whole["cut"] > 0

"""Duplicates and leaks over real samples: which are found, which are left alone, who stays."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from cauldron import curation
from cauldron.curate.dedup import DedupSettings
from cauldron.engine.local import LocalEngine
from cauldron.errors import StorageError
from cauldron.measuring import MeasureSettings
from cauldron.media.images import open_rgb
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages, document_messages
from cauldron.signals.groups import Batch, Group
from cauldron.storage import work as places
from cauldron.storage.shards import write_shard


def scene(number: int, quality: int = 0) -> bytes:
    """Return a drawn scene as PNG, or as JPEG of a quality."""
    image = Image.new("RGB", (160, 120), (20 * number % 255, 90, 200))
    draw = ImageDraw.Draw(image)
    for k in range(5):
        x, y = (37 * number * (k + 1)) % 120, (53 * number * (k + 2)) % 80
        draw.ellipse((x, y, x + 35, y + 35), fill=(200, 40 * k, 60 * number % 255))
    out = io.BytesIO()
    image.save(out, "JPEG" if quality else "PNG", **({"quality": quality} if quality else {}))
    return out.getvalue()


def work_of(folder: Path, source: str, samples: Sequence[tuple[str, str, bytes]]) -> str:
    """Write samples of (question, answer, picture), or (text, "", b"") for documents; measure."""
    rows: list[dict[str, Any]] = []
    for number, (asked, answer, image) in enumerate(samples):
        chat = chat_messages(1, (Turn(user=asked, assistant=answer),))
        rows.append(
            {
                "id": f"{source}/train/{number}",
                "source": source,
                "messages": chat if answer else document_messages((asked,)),
                "images": [{"bytes": image, "path": ""}] if answer else [],
                "license": "CC0-1.0",
                "origin": {"file": "f", "record": str(number)},
                "extra": "{}",
            }
        )
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    write_shard(places.samples(str(folder), source, "part-00000"), [table], SAMPLE_SCHEMA)
    with LocalEngine(0) as engine:
        curation.measure(engine, str(folder))
    return str(folder)


def drops(place: str, step: str, source: str) -> dict[str, tuple[str, str]]:
    """Return reason and detail of the dropped samples by the end of their id."""
    table = pq.read_table(places.decisions(place, step, source, "part-00000")).to_pylist()
    return {r["id"].rpartition("/")[2]: (r["reason"], r["detail"]) for r in table if not r["keep"]}


def deduped(place: str, **settings: Any) -> dict[str, tuple[str, str]]:
    curation.dedup_samples(place, DedupSettings(**settings))
    return drops(place, "dedup", places.sources(place)[0])


def test_the_first_of_equal_samples_stays(tmp_path: Path) -> None:
    same = ("What is it?", "A disc.", scene(1))
    place = work_of(tmp_path, "vqav2", [same, ("Why?", "So.", scene(2)), same, same])
    first = "of:vqav2/train/0"
    assert deduped(place) == {"2": ("exact_duplicate", first), "3": ("exact_duplicate", first)}


def test_one_picture_with_two_questions_is_no_duplicate(tmp_path: Path) -> None:
    place = work_of(tmp_path, "vqav2", [("a?", "b", scene(1)), ("c?", "b", scene(1))])
    assert deduped(place) == {}


def test_a_copy_of_lower_quality_is_a_near_duplicate_when_its_question_is_the_same(
    tmp_path: Path,
) -> None:
    copies = [("a?", "b", scene(1)), ("a?", "b", scene(1, 60)), ("z?", "b", scene(1, 50))]
    place = work_of(tmp_path, "vqav2", [*copies, ("a?", "b", scene(5))])
    assert {k: v[0] for k, v in deduped(place).items()} == {"1": "near_duplicate_image"}
    assert deduped(place, images="off") == {}


def test_a_document_with_a_small_edit_is_a_near_duplicate(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(300)]
    edited = [*words[:150], "changed", *words[151:]]
    other = [f"other{n}" for n in range(300)]
    texts = [(" ".join(w), "", b"") for w in (words, edited, other)]
    place = work_of(tmp_path, "html", texts)
    assert {k: v[0] for k, v in deduped(place).items()} == {"1": "near_duplicate_text"}
    assert deduped(place, text="off") == {}


def test_every_decision_has_its_sample_in_order(tmp_path: Path) -> None:
    place = work_of(tmp_path, "vqav2", [("a?", "b", scene(n)) for n in range(4)])
    deduped(place)
    ids = pq.read_table(places.samples(place, "vqav2", "part-00000"))["id"]
    decided = pq.read_table(places.decisions(place, "dedup", "vqav2", "part-00000"))["id"]
    assert ids.to_pylist() == decided.to_pylist()


def test_a_folder_whose_samples_all_went_to_quarantine_has_no_duplicates(tmp_path: Path) -> None:
    (tmp_path / "samples" / "vqav2").mkdir(parents=True)
    found = curation.dedup_samples(str(tmp_path), DedupSettings())
    assert found["sources"] == {}


def test_unreadable_pictures_are_no_exact_duplicates(tmp_path: Path) -> None:
    broken = [scene(n)[:80] for n in (1, 2)]
    place = work_of(tmp_path, "vqav2", [("a?", "b", image) for image in broken])
    assert deduped(place) == {}


def test_the_longest_of_near_texts_stays_when_asked(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(300)]
    place = work_of(tmp_path, "html", [(" ".join(words[k:]), "", b"") for k in (5, 0, 9)])
    assert set(deduped(place, keep="longest")) == {"0", "2"}
    assert set(deduped(place, keep="first")) == {"1", "2"}


def two_sources(folder: Path) -> str:
    same = ("What is it?", "A disc.", scene(1))
    work_of(folder, "okvqa", [same, ("Why?", "So.", scene(2))])
    return work_of(folder, "vqav2", [same, ("Where?", "There.", scene(2)), ("a?", "b", scene(3))])


def test_duplicates_across_sources_are_told_by_pair_of_sources(tmp_path: Path) -> None:
    place = two_sources(tmp_path)
    found = curation.dedup_samples(place, DedupSettings())
    assert found["across"] == {"vqav2": {"okvqa": 1}}
    assert set(drops(place, "dedup", "vqav2")) == {"0"}


def test_the_preferred_source_keeps_its_sample(tmp_path: Path) -> None:
    place = two_sources(tmp_path)
    curation.dedup_samples(place, DedupSettings(prefer=("vqav2",)))
    assert drops(place, "dedup", "vqav2") == {}
    assert drops(place, "dedup", "okvqa")["0"] == ("exact_duplicate", "of:vqav2/train/0")


def test_duplicates_can_be_sought_within_each_source_only(tmp_path: Path) -> None:
    place = two_sources(tmp_path)
    curation.dedup_samples(place, DedupSettings(across=False))
    assert drops(place, "dedup", "vqav2") == {} == drops(place, "dedup", "okvqa")


def test_equal_pictures_or_equal_texts_alone_count_when_asked(tmp_path: Path) -> None:
    place = two_sources(tmp_path)
    curation.dedup_samples(place, DedupSettings(exact_by=("pictures",)))
    assert drops(place, "dedup", "vqav2")["1"] == (
        "exact_duplicate_pictures",
        "of:okvqa/train/1",
    )
    samples = [("a?", "b", scene(1)), ("A?  ", "b", scene(2)), ("c?", "b", scene(3))]
    place = work_of(tmp_path / "texts", "vqav2", samples)
    assert set(deduped(place, exact_by=("text",))) == {"1"}


def test_a_png_of_a_jpeg_is_a_near_duplicate_in_either_order(tmp_path: Path) -> None:
    jpeg = scene(3, 80)
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).convert("RGB").save(out, "PNG")
    noisy = scene(3, 30)
    for number, images in enumerate(([jpeg, out.getvalue(), noisy], [noisy, out.getvalue(), jpeg])):
        place = work_of(tmp_path / str(number), "vqav2", [("a?", "b", i) for i in images])
        assert set(deduped(place)) == {"1", "2"}


def test_pictures_of_synthetic_sources_are_compared_exactly_only(tmp_path: Path) -> None:
    copies = [("a?", "b", scene(1)), ("a?", "b", scene(1, 60))]
    assert deduped(work_of(tmp_path, "clevr", copies)) == {}


def test_a_duplicate_of_a_dropped_sample_names_the_one_that_stays(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(300)]
    texts = [" ".join(words), " ".join(words), " ".join([*words[:299], "end"])]
    place = work_of(tmp_path, "html", [(text, "", b"") for text in texts])
    assert {v[1] for v in deduped(place, keep="first").values()} == {"of:html/train/0"}


def test_decisions_do_not_depend_on_how_samples_lie_in_parts(tmp_path: Path) -> None:
    samples = [("a?", "b", scene(n % 5, 50 + n)) for n in range(12)]
    found = []
    for number, cuts in enumerate(([0, 12], [0, 3, 4, 12])):
        place = str(tmp_path / str(number))
        rows = pq.read_table(
            places.samples(work_of(Path(f"{place}-all"), "vqav2", samples), "vqav2", "part-00000")
        )
        for part, (low, high) in enumerate(itertools.pairwise(cuts)):
            url = places.samples(place, "vqav2", f"part-{part:05d}")
            write_shard(url, [rows.slice(low, high - low)], SAMPLE_SCHEMA)
        with LocalEngine(0) as engine:
            curation.measure(engine, place)
        curation.dedup_samples(place, DedupSettings())
        urls = [places.decisions(place, "dedup", "vqav2", p) for p in places.parts(place, "vqav2")]
        found.append(pa.concat_tables([pq.read_table(url) for url in urls]).to_pylist())
    assert str(found[0]) == str(found[1])
    assert sum(not row["keep"] for row in found[0]) == 7


@pytest.mark.parametrize("workers", [2, 4])
def test_decisions_do_not_depend_on_workers(workers: int, tmp_path: Path) -> None:
    samples = [("a?", "b", scene(n % 7, 40 + n)) for n in range(30)]
    found = []
    for count in (1, workers):
        place = work_of(tmp_path / str(count), "vqav2", samples)
        with LocalEngine(count) as engine:
            curation.dedup_samples(place, DedupSettings(), engine=engine)
        found.append(Path(places.decisions(place, "dedup", "vqav2", "part-00000")).read_bytes())
    assert found[0] == found[1]


def test_turned_and_mirrored_pictures_are_found_when_asked_for(tmp_path: Path) -> None:
    def turned(how: Image.Transpose) -> bytes:
        out = io.BytesIO()
        Image.open(io.BytesIO(scene(3))).transpose(how).save(out, "JPEG", quality=85)
        return out.getvalue()

    pictures = [scene(3), *map(turned, Image.Transpose), scene(8)]
    place = work_of(
        tmp_path, "photos", [("What is it?", f"No. {n}", p) for n, p in enumerate(pictures)]
    )
    curation.dedup_samples(place, DedupSettings())
    plain = drops(place, "dedup", "photos")
    curation.dedup_samples(place, DedupSettings(orientations=True))
    found = drops(place, "dedup", "photos")
    assert not plain
    assert set(found) == {str(n) for n in range(1, len(pictures) - 1)}
    assert {reason for reason, _ in found.values()} == {"near_duplicate_turned"}


def test_pictures_are_compared_by_embeddings_that_were_measured(tmp_path: Path) -> None:
    rows = [("What is it?", f"No. {n}", scene(n)) for n in (3, 8, 11)]
    place = work_of(tmp_path, "photos", rows)
    with pytest.raises(StorageError, match="lacks the signals: own"):
        curation.dedup_samples(place, DedupSettings(embeddings={"own": 0.9}))
    settings = MeasureSettings(plugins={"own": "tests.curate.test_dedup:colours"})
    with LocalEngine(1) as engine:
        curation.measure(engine, place, settings=settings)
    curation.dedup_samples(place, DedupSettings(images="off", embeddings={"own": 0.999}))
    kept_apart = drops(place, "dedup", "photos")
    curation.dedup_samples(place, DedupSettings(images="off", embeddings={"own": 0.5}))
    found = drops(place, "dedup", "photos")
    assert not kept_apart
    assert set(found) == {"1", "2"}
    assert found["1"] == ("near_duplicate_own", "of:photos/train/0")


def colours() -> Group:
    """Return a group whose embedding is the mean colour of a picture."""

    def measured(batch: Batch) -> dict[str, Any]:
        means = [np.asarray(open_rgb(data)).mean((0, 1)) - 90 for data in batch.pictures]
        return {"own_embedding": [mean.astype(np.float16) for mean in means]}

    kind = pa.list_(pa.float16())
    fields = (("own_embedding", kind),)
    return Group(name="own", version=1, picture_fields=fields, measure=measured, reads="pictures")

"""Pages, screens and figures: forms, archives, numbers, damaged and tokenised text."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError
from cauldron.readers.raw import Row
from cauldron.sources._wording import DAMAGED, detokenised, mended, requested, tight
from cauldron.sources.plotqa import shortened
from tests.conftest import picture


def ingest(name: str, raw: Path, work: Path, **options: Any) -> dict[str, Any]:
    with LocalEngine(0) as engine:
        return steps.ingest(engine, str(work), name, [str(raw)], max_reject_share=1.0, **options)


def samples(work: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(work / "samples" / name).to_pylist()


def turns(sample: dict[str, Any]) -> list[str]:
    return [part["text"] for m in sample["messages"] for part in m["content"] if part["text"]]


def zipped(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, payload in members.items():
            archive.writestr(name, payload)


def tarred(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))


@pytest.mark.parametrize(
    ("answer", "short"),
    [
        ("15000", "1.50e+04"),
        ("10000", "10000"),
        ("20000000000", "2.00e+10"),
        ("-123456.5", "-1.23e+05"),
        ("1.23456", "1.23"),
        ("12.50", "12.5"),
        ("7.00", "7"),
        ("0.004", "4.00e-03"),
        ("0.0", "0"),
        ("4,351", "4,351"),
        ("3e10", "3e10"),
        ("CO2 emissions", "CO2 emissions"),
        ("1990-1991", "1990-1991"),
        ("Version 1.2.3", "Version 1.2.3"),
        ("Yes", "Yes"),
    ],
)
def test_plotqa_numbers_are_shortened_from_their_value(answer: str, short: str) -> None:
    assert shortened(answer) == short


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("the company 's sales grew .", "the company's sales grew."),
        ("users ( Facebook , 2010 ) rose by 3.14 %", "users (Facebook, 2010) rose by 3.14%"),
        ("Q3 '20 was 1.5 million", "Q3 '20 was 1.5 million"),
        ("they do n't say `` much ''", 'they don\'t say "much"'),
        ("about $ 3 or .5 each", "about $3 or .5 each"),
        ("two\n lines ; one text", "two lines; one text"),
    ],
)
def test_blanks_of_a_tokeniser_are_taken_out(tokens: str, text: str) -> None:
    assert detokenised(tokens) == text


@pytest.mark.parametrize("text", ["It’s 5% – “a lot”", "naïve – café", "œuvre — Ž", "日本’s"])
def test_utf8_read_as_windows_1252_is_mended(text: str) -> None:
    read = "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in text.encode())
    assert DAMAGED in read
    assert mended(read) == text


@pytest.mark.parametrize("text", ["It’s 5% – fine", "CAFÉ» Â©", "plain", "â€? lost"])
def test_text_that_cannot_be_read_better_stays(text: str) -> None:
    assert mended(text) == text


def test_a_blank_before_a_question_mark_goes() -> None:
    assert tight("How many ?  And why\n?") == "How many?  And why?"


def test_requests_are_drawn_by_record_and_plain_ones_are_the_first() -> None:
    requests = tuple(f"request {k}" for k in range(9))
    rows = [
        Row(file="f", record=str(k), data={}, folder="", split="train", source="s", prompts=prompts)
        for prompts in ("cauldron", "plain")
        for k in range(60)
    ]
    drawn = [requested(row, requests) for row in rows]
    assert set(drawn[:60]) == set(requests)
    assert set(drawn[60:]) == {"request 0"}
    assert drawn == [requested(row, requests) for row in rows]


def test_docvqa_is_read_from_its_archives_as_they_are(tmp_path: Path) -> None:
    record = {"questionId": 1, "question": "what?", "image": "documents/a_1.png", "answers": ["x"]}
    raw = tmp_path / "raw"
    raw.mkdir()
    listed = orjson.dumps({"data": [record]})
    zipped(raw / "spdocvqa_qas.zip", {"train_v1.0_withQT.json": listed})
    tarred(raw / "spdocvqa_images.tar.gz", {"a_1.png": picture()})
    ingest("docvqa", raw, tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "docvqa")
    assert sample["id"] == "docvqa/train/a_1"
    assert sample["images"][0]["bytes"] == picture()


def test_figureqa_is_read_from_its_archives_one_a_split(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for split, answer in (("train1", 1), ("validation1", 0)):
        pair = {"image_index": 0, "question_string": "Is Rust low?", "answer": answer}
        members = {
            f"{split}/qa_pairs.json": orjson.dumps({"qa_pairs": [pair]}),
            f"{split}/png/0.png": picture((answer, 2, 3)),
        }
        tarred(raw / f"figureqa-{split}-v1.tar.gz", members)
    ingest("figureqa", raw, tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "figureqa")
    assert turns(sample) == ["Is Rust low?\nAnswer yes or no.", "Yes."]
    assert sample["images"][0]["bytes"] == picture((1, 2, 3))


def test_a_figureqa_folder_may_be_the_root_itself(tmp_path: Path) -> None:
    folder = tmp_path / "train1"
    (folder / "png").mkdir(parents=True)
    (folder / "png/0.png").write_bytes(picture())
    pair = {"image_index": 0, "question_string": "Is Rust low?", "answer": 0}
    (folder / "qa_pairs.json").write_bytes(orjson.dumps({"qa_pairs": [pair]}))
    assert ingest("figureqa", folder, tmp_path / "work")["counts"]["written"] == 1


def test_ids_of_mapqa_do_not_hold_the_name_of_the_users_folder(tmp_path: Path) -> None:
    question = {"map_id": "map_0.png", "question": "Which ?", "answer": "Ohio"}
    ids = []
    for folder in (tmp_path / "mine", tmp_path / "yours"):
        (folder / "questions").mkdir(parents=True)
        (folder / "questions/train-QA.json").write_bytes(orjson.dumps([question]))
        (folder / "images").mkdir()
        (folder / "images/map_0.png").write_bytes(picture())
        ingest("mapqa", folder, folder / "work")
        ids += [sample["id"] for sample in samples(folder / "work", "mapqa")]
    assert ids == ["mapqa/train/map_0"] * 2


def test_a_picture_of_another_mapqa_subset_is_never_taken(tmp_path: Path) -> None:
    question = {"map_id": "map_0.png", "question": "Which ?", "answer": "Ohio"}
    for subset in ("MapQA_S", "MapQA_U"):
        (tmp_path / "raw" / subset / "questions").mkdir(parents=True)
        path = tmp_path / "raw" / subset / "questions/train-QA.json"
        path.write_bytes(orjson.dumps([question]))
    (tmp_path / "raw/MapQA_U/images").mkdir()
    (tmp_path / "raw/MapQA_U/images/map_0.png").write_bytes(picture())
    counts = ingest("mapqa", tmp_path / "raw", tmp_path / "work")["counts"]
    assert counts["reasons"]["quarantined"] == {"image_missing": 1}
    assert [s["id"] for s in samples(tmp_path / "work", "mapqa")] == ["mapqa/train/MapQA_U/map_0"]


def test_the_form_captions_of_vistext_gives_every_caption(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "images").mkdir(parents=True)
    (raw / "images/7.png").write_bytes(picture())
    captions = [
        {"caption_id": f"7_0{k}", "img_id": 7, "caption_L1": f"One {k}.", "caption_L2L3": "Two."}
        for k in range(3)
    ]
    (raw / "data_train.json").write_bytes(orjson.dumps(captions))
    ingest("vistext", raw, tmp_path / "work", form="captions")
    found = samples(tmp_path / "work", "vistext")
    assert [s["id"] for s in found] == [f"vistext/train/7_0{k}" for k in range(3)]
    assert [turns(s)[1] for s in found] == [f"One {k}. Two." for k in range(3)]


def test_the_caption_that_is_drawn_of_a_chart_depends_on_the_seed_only(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "images").mkdir(parents=True)
    captions = []
    for chart in range(24):
        (raw / f"images/{chart}.png").write_bytes(picture((chart, 2, 3)))
        captions += [
            {
                "caption_id": f"{chart}_{k}",
                "img_id": chart,
                "caption_L1": f"{k}",
                "caption_L2L3": "",
            }
            for k in range(3)
        ]
    (raw / "data_train.json").write_bytes(orjson.dumps(captions))
    drawn = []
    for seed, work in ((0, "a"), (0, "b"), (1, "c")):
        counts = ingest("vistext", raw, tmp_path / work, seed=seed)["counts"]
        assert (counts["written"], counts["reasons"]["skipped"]) == (24, {"other_caption": 48})
        drawn.append([turns(s)[1] for s in samples(tmp_path / work, "vistext")])
    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) == {"0", "1", "2"}


def test_the_form_captions_of_screen2words_gives_every_summary(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "combined").mkdir(parents=True)
    (raw / "combined/4.jpg").write_bytes(picture(format_="JPEG"))
    (raw / "screen_summaries.csv").write_text("screenId,summary\n4,a page\n5,other\n4,a map\n")
    (raw / "train_screens.txt").write_text("4\n6\n")
    entry = ingest("screen2words", raw, tmp_path / "work", form="captions")
    found = samples(tmp_path / "work", "screen2words")
    assert [(s["id"], turns(s)[1]) for s in found] == [
        ("screen2words/train/4-0", "A page."),
        ("screen2words/train/4-1", "A map."),
    ]
    assert entry["counts"]["reasons"]["quarantined"] == {"summary_missing": 1}


def test_later_versions_of_datikz_are_refused(tmp_path: Path) -> None:
    row = {"caption": "", "code": "x", "image": None, "uri": "", "origin": "", "pdf": b""}
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "raw/train-00000-of-00001.parquet")
    with pytest.raises(SourceError, match="datikz-v2"):
        ingest("datikz", tmp_path / "raw", tmp_path / "work")


def test_a_shard_of_websight_v01_alone_is_refused(tmp_path: Path) -> None:
    row = {"image": {"bytes": picture(), "path": None}, "text": "<html></html>"}
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "raw/train-00000-of-00001.parquet")
    with pytest.raises(SourceError, match=r"v0\.2"):
        ingest("websight", tmp_path / "raw", tmp_path / "work")


def test_docvqa_and_infographics_of_one_download_are_told_apart(tmp_path: Path) -> None:
    shared = {"image": {"bytes": picture(), "path": None}, "question": "what?", "answers": ["x"]}
    kinds = {
        "DocVQA": {**shared, "questionId": "1", "docId": "2"},
        "InfographicVQA": {**shared, "questionId": "3", "image_url": "https://a.example"},
    }
    for folder, row in kinds.items():
        path = tmp_path / "raw" / folder / "validation-00000-of-00001.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row]), path)
    for name, number in (("docvqa", "1"), ("infographic_vqa", "3")):
        ingest(name, tmp_path / "raw", tmp_path / "work", split="val")
        (sample,) = samples(tmp_path / "work", name)
        assert orjson.loads(sample["extra"])["turns"][0]["question_id"] == number


def test_an_unreadable_shard_is_one_reject(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    row = {"image": {"bytes": picture(), "path": None}, "text": "A leads to B."}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "raw/train-00000-of-00002.parquet")
    (tmp_path / "raw/train-00001-of-00002.parquet").write_bytes(b"PAR1 cut off")
    counts = ingest("diagram_image_to_text", tmp_path / "raw", tmp_path / "work")["counts"]
    assert counts["written"] == 1
    assert counts["reasons"]["quarantined"] == {"parquet_unreadable": 1}


def test_the_real_record_of_mapqa_lists_three_states(slices: Path, tmp_path: Path) -> None:
    ingest("mapqa", slices / "mapqa", tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "mapqa")
    assert turns(sample) == [
        "Name the states that have a value in the range 1,231,000-4,782,400?",
        "California, Florida, New York.",
    ]

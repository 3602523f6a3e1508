"""Signals of whole samples: questions and answers, hashes, tokens, and rows that break a group."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pytest
from PIL import Image

from cauldron.sample import SAMPLE_SCHEMA
from cauldron.signals.groups import BUILT_IN, Spec
from cauldron.signals.measure import SIGNALS_SCHEMA, measure_part
from cauldron.storage.shards import read_table, write_shard
from tests.conftest import picture

ALL = [Spec(name=name, factory=name) for name in BUILT_IN]
TEXTS = [spec for spec in ALL if spec.name not in ("header", "pixels")]


def sample(question: str | None, answer: str, extra: Any = None, n: int = 0) -> dict[str, Any]:
    return {
        "id": f"x/train/{n}",
        "source": "x",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image", "text": None}, {"type": "text", "text": question}],
            },
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ],
        "images": [{"bytes": picture(), "path": "p.png"}],
        "license": "",
        "origin": {"file": "f", "record": str(n)},
        "extra": orjson.dumps(extra).decode() if extra else "",
    }


def measured(
    folder: Path, *samples: dict[str, Any], specs: list[Spec] = TEXTS
) -> list[dict[str, Any]]:
    url, out = str(folder / "samples.parquet"), str(folder / "signals.parquet")
    write_shard(url, [pa.Table.from_pylist(list(samples), SAMPLE_SCHEMA)], SAMPLE_SCHEMA)
    measure_part(url, out, specs)
    rows: list[dict[str, Any]] = read_table(out).to_pylist()
    return rows


def test_a_hint_below_a_question_changes_no_hash(tmp_path: Path) -> None:
    one, two = measured(
        tmp_path,
        sample("How many?\nBe concise.", "Two."),
        sample("How many?\nAnswer briefly.", "Two."),
    )
    assert one["question_hashes"] == two["question_hashes"]
    assert one["text_hash"] == two["text_hash"]


def test_a_question_in_other_words_is_compared_in_the_words_of_its_source(tmp_path: Path) -> None:
    kept = {"turns": [{"question": "The cat sits."}]}
    one, two = measured(
        tmp_path,
        sample('Is "The cat sits." true?', "Yes.", kept),
        sample('Would you say "The cat sits."?', "Yes.", kept),
    )
    assert one["text_hash"] == two["text_hash"]


def test_another_answer_is_another_text(tmp_path: Path) -> None:
    one, two = measured(tmp_path, sample("q", "Yes."), sample("q", "No."))
    assert one["text_hash"] != two["text_hash"]


@pytest.mark.parametrize(
    ("question", "answer", "signal", "expected"),
    [
        ("What is it?", "what  is IT?", "answer_equals_question", True),
        ("What is it?", "A cat.", "answer_equals_question", False),
        ("It is a big red bus. What is it?", "A big red bus.", "answer_in_question", True),
        ("Is it red or blue?", "red", "answer_in_question", False),
        ("What does it say?", "I'm sorry, I can't see the image.", "unseen_picture", True),
        ("What does it say?", "The image was not provided.", "unseen_picture", True),
        ("What does it say?", "I can see the image of a dog.", "unseen_picture", False),
        ("q", "As a language model I am sorry.", "refusal", "language model"),
        ("q <image>", "a", "special_token", "<image>"),
        ("one two three four", "one two three four", "copied_question", 1.0),
        ("one two three four", "one two three five", "copied_question", 0.5),
        ("What is in the picture?", "There is a cat on the mat.", "language", "en"),
        ("Quelle est la couleur du chat ?", "Le chat est noir et blanc.", "language", "fr"),
        ("abcd", "abcdefgh", "answer_tokens", 2),
    ],
)
def test_what_answers_say_is_measured(
    tmp_path: Path, question: str, answer: str, signal: str, expected: Any
) -> None:
    assert measured(tmp_path, sample(question, answer))[0][signal] == expected


def test_lengths_are_those_of_all_turns(tmp_path: Path) -> None:
    told = sample("q1", "four")
    told["messages"] += sample("q22", " six66 ")["messages"]
    row = measured(tmp_path, told)[0]
    names = ("n_turns", "chars", "question_chars", "answer_chars", "min_answer_chars")
    assert [row[name] for name in names] == [2, 19, 5, 11, 4]
    assert (row["max_answer_chars"], row["roles"], row["images_agree"]) == (5, "chat", False)


def test_a_missing_text_is_told_and_the_rows_beside_it_are_whole(tmp_path: Path) -> None:
    rows = measured(tmp_path, sample("q", "a"), sample(None, "a", n=1), sample("q", "a", n=2))
    assert [row["text_error"] for row in rows] == ["", "text_null", ""]
    assert rows[0]["text_hash"] == rows[2]["text_hash"]


def test_a_row_that_breaks_a_group_is_null_and_told(tmp_path: Path) -> None:
    broken = sample("q", "a", n=1) | {"extra": '{"question": '}
    rows = measured(tmp_path, sample("q", "a"), broken, sample("q", "a", n=2))
    assert [row["measure_error"].partition(":")[0] for row in rows] == ["", "hashes", ""]
    assert rows[1]["text_hash"] is None and rows[1]["chars"] == 3
    assert rows[2]["text_hash"] == rows[0]["text_hash"]


def test_ratings_of_the_source_are_signals(tmp_path: Path) -> None:
    rows = measured(tmp_path, sample("q", "a", {"relevance_min": 3}), sample("q", "a", n=1))
    assert [row["relevance_min"] for row in rows] == [3, None]


def test_all_built_in_groups_make_the_whole_schema(tmp_path: Path) -> None:
    measured(tmp_path, sample("q", "a"), specs=ALL)
    assert read_table(str(tmp_path / "signals.parquet")).schema.equals(SIGNALS_SCHEMA)


def test_groups_measured_later_give_the_same_bytes(tmp_path: Path) -> None:
    samples = [sample(f"q {n}", "a", n=n) for n in range(5)]
    measured(tmp_path, *samples, specs=ALL)
    out = tmp_path / "signals.parquet"
    together = out.read_bytes()
    keep = measure_part(str(tmp_path / "samples.parquet"), str(out), ALL[5:])["columns"]
    measure_part(str(tmp_path / "samples.parquet"), str(out), ALL[:5], keep)
    assert out.read_bytes() == together


def test_tokens_are_counted_by_a_tokenizer(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    told = (("tokenizer", str(tmp_path / "tokenizer.json")), ("sha256", ""))
    specs = [Spec(name="tokens", factory="tokens", settings=told)]
    row = measured(tmp_path, sample("one two three", "a b"), specs=specs)[0]
    assert (row["text_tokens"], row["answer_tokens"]) == (5, 2)


def test_headers_are_read_from_views_of_the_file_as_from_bytes(tmp_path: Path) -> None:
    out = io.BytesIO()
    image = Image.new("RGB", (90, 60), "teal")
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(out, "JPEG", exif=turned)
    whole = out.getvalue()
    pictures = [picture(), whole, whole[:-9], b"", b"no picture", picture()[:40]]
    rows = [sample("q", "a", n=n) for n in range(len(pictures))]
    for row, data in zip(rows, pictures, strict=True):
        row["images"] = [{"bytes": data, "path": "p"}]
    header, pixels = (Spec(name=name, factory=name) for name in ("header", "pixels"))
    views = measured(tmp_path, *rows, specs=[header])
    bytes_ = measured(tmp_path, *rows, specs=[header, pixels])
    assert views[1]["image_orientation"] == [6]
    assert [{**row} for row in views] == [{k: row[k] for k in views[0]} for row in bytes_]


class Died:
    """A worker died on the first three rows, then on the second one alone, of the first group."""

    begun: ClassVar[list[tuple[int, int, int]]] = []

    def begin(self, group: int, start: int, rows: int) -> None:
        self.begun.append((group, start, rows))

    def end(self) -> None:
        return None

    def died(self, group: int, start: int, rows: int) -> bool:
        return (group, start, rows) in ((0, 0, 3), (0, 1, 1))

    def tried(self, group: int, start: int, rows: int) -> bool:
        return False


def test_threat_21_rows_that_ended_a_worker_are_measured_one_by_one_and_one_given_up(
    tmp_path: Path,
) -> None:
    url, out = str(tmp_path / "samples.parquet"), str(tmp_path / "signals.parquet")
    rows = [sample("How many?", "Two.", n=n) for n in range(3)]
    write_shard(url, [pa.Table.from_pylist(rows, SAMPLE_SCHEMA)], SAMPLE_SCHEMA)
    watch = Died()
    measure_part(url, out, TEXTS[:2], watch=watch)
    assert watch.begun == [(0, 0, 1), (0, 2, 1), (1, 0, 3)]
    table = read_table(out).to_pylist()
    assert [row["chars"] is None for row in table] == [False, True, False]
    assert [row["measure_error"].partition(":")[0] for row in table] == ["", "counts", ""]
    assert all(row["text_tokens"] for row in table)

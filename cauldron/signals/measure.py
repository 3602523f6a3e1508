"""One pass over a shard: every picture opened once, every text read once, one row a sample."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa

from cauldron.signals import text as texts
from cauldron.signals.pictures import picture_signals
from cauldron.signals.sketch import sketches
from cauldron.storage.shards import iter_batches, write_table

SIGNALS_VERSION = 6

SIGNALS_SCHEMA: pa.Schema = pa.schema(
    [
        ("id", pa.string()),
        ("roles", pa.string()),
        ("n_images", pa.int32()),
        ("n_turns", pa.int32()),
        ("chars", pa.int32()),
        ("words", pa.int32()),
        ("question_chars", pa.int32()),
        ("answer_chars", pa.int32()),
        ("min_answer_chars", pa.int32()),
        ("text_tokens", pa.int32()),
        ("answer_tokens", pa.int32()),
        ("answer_equals_question", pa.bool_()),
        ("refusal", pa.string()),
        ("special_token", pa.string()),
        ("char_repetition", pa.float32()),
        ("word_repetition", pa.float32()),
        ("special_ratio", pa.float32()),
        ("digit_ratio", pa.float32()),
        ("stopword_ratio", pa.float32()),
        ("punctuation_ratio", pa.float32()),
        ("text_hash", pa.string()),
        ("question_hashes", pa.list_(pa.string())),
        ("minhash", pa.binary()),
        ("image_width", pa.list_(pa.int32())),
        ("image_height", pa.list_(pa.int32())),
        ("image_aspect", pa.list_(pa.float32())),
        ("image_bytes", pa.list_(pa.int32())),
        ("image_format", pa.list_(pa.string())),
        ("image_entropy", pa.list_(pa.float32())),
        ("image_hash", pa.list_(pa.string())),
        ("image_phash", pa.list_(pa.uint64())),
        ("image_phash256", pa.list_(pa.binary())),
        ("image_thumb", pa.list_(pa.binary())),
        ("image_error", pa.list_(pa.string())),
    ]
)
"""One row a sample, in the order of the samples. Lists hold one value a picture (or a turn)."""


def measure_part(samples_url: str, out_url: str) -> dict[str, Any]:
    """Measure one samples part and write its signals."""
    columns = ["id", "messages", "images", "extra"]
    tables = []
    for batch in iter_batches(samples_url, columns):
        samples = batch.to_pylist()
        made, there = sketches([spoken_text(sample["messages"]) for sample in samples])
        rows = [
            measured(sample) | {"minhash": sketch.tobytes() if full else None}
            for sample, sketch, full in zip(samples, made.astype("<u4"), there, strict=True)
        ]
        tables.append(pa.Table.from_pylist(rows, schema=SIGNALS_SCHEMA))
    table = pa.concat_tables(tables) if tables else SIGNALS_SCHEMA.empty_table()
    shard = write_table(out_url, table)
    return {"rows": shard.rows, "sha256": shard.sha256}


def measured(sample: dict[str, Any]) -> dict[str, Any]:
    """Return the signals of one sample; `minhash` is made for many at a time."""
    questions, answers, all_texts = _spoken(sample["messages"])
    bare = _bare(questions, sample["extra"])
    joined = "\n".join(all_texts)
    words = texts.words_of(joined)
    pictures = [picture_signals(image["bytes"] or b"") for image in sample["images"]]
    normal = [
        (texts.normalised(q), texts.normalised(a)) for q, a in zip(questions, answers, strict=False)
    ]
    return {
        "id": sample["id"],
        "roles": "chat" if answers else "document",
        "n_images": len(pictures),
        "n_turns": len(answers) or 1,
        "chars": len(joined),
        "words": len(words),
        "question_chars": sum(map(len, questions)),
        "answer_chars": sum(map(len, answers)),
        "min_answer_chars": min((len(a.strip()) for a in answers), default=len(joined)),
        "text_tokens": sum(map(texts.estimated_tokens, all_texts)),
        "answer_tokens": sum(map(texts.estimated_tokens, answers or all_texts)),
        "answer_equals_question": any(q == a for q, a in normal),
        "refusal": texts.refusal(answers),
        "special_token": texts.special_token(joined),
        "char_repetition": texts.character_repetition(joined),
        "word_repetition": texts.word_repetition(words),
        "special_ratio": texts.special_ratio(joined),
        "digit_ratio": texts.digit_ratio(joined),
        "stopword_ratio": texts.stopword_ratio(words),
        "punctuation_ratio": texts.punctuation_ratio(joined),
        "text_hash": texts.text_hash("\n".join([*bare, *answers]) if answers else joined),
        "question_hashes": [texts.text_hash(q) for q in bare],
        "image_width": [p.width for p in pictures],
        "image_height": [p.height for p in pictures],
        "image_aspect": [p.aspect for p in pictures],
        "image_bytes": [p.size_bytes for p in pictures],
        "image_format": [p.format for p in pictures],
        "image_entropy": [p.entropy for p in pictures],
        "image_hash": [p.pixel_hash for p in pictures],
        "image_phash": [p.phash for p in pictures],
        "image_phash256": [p.phash256 for p in pictures],
        "image_thumb": [p.thumb for p in pictures],
        "image_error": [p.error for p in pictures],
    }


def spoken_text(messages: list[dict[str, Any]]) -> str:
    """Return all texts of a sample in order, a line feed between messages."""
    return "\n".join(_spoken(messages)[2])


def _spoken(messages: list[dict[str, Any]]) -> tuple[list[str], list[str], list[str]]:
    """Return questions, answers and all texts of a sample."""
    by_role: dict[str, list[str]] = {"user": [], "assistant": []}
    everything = []
    for message in messages:
        said = "\n".join(p["text"] or "" for p in message["content"] if p["type"] == "text")
        by_role.setdefault(message["role"], []).append(said)
        everything.append(said)
    return by_role["user"], by_role["assistant"], everything


def _bare(questions: list[str], extra: str | None) -> list[str]:
    """Return questions as the source asks them, so that drawn phrasing hides no duplicate.

    A source that puts its question in other words keeps its own in `extra.turns[k].question`.
    """
    turns = orjson.loads(extra).get("turns", []) if extra and '"question"' in extra else []
    own = [turn.get("question") if isinstance(turn, dict) else None for turn in turns]
    own += [None] * (len(questions) - len(own))
    return [
        kept if isinstance(kept, str) else _first_line(asked)
        for kept, asked in zip(own, questions, strict=False)
    ]


def _first_line(question: str) -> str:
    """Return the question without the hint that may follow on a line of its own."""
    lines = [line for line in question.splitlines() if line.strip()]
    return lines[0] if len(lines) == 2 else question

"""Samples that ask other questions about the same pictures become one sample of many turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from cauldron.curate.parts import Loaded, by_part
from cauldron.curate.rewritten import SIZES
from cauldron.signals.said import normalised
from cauldron.storage.shards import read_table

I64 = npt.NDArray[np.int64]


def merge_groups(frame: pl.DataFrame, across: bool) -> I64:
    """Return for each row of a frame the first row with the same pictures, itself for most.

    Chats alone are merged, and only those whose pictures can all be read.
    """
    keyed = frame.select(
        pl.col("image_hash").list.join(",").alias("pictures"),
        ((pl.col("roles") == "chat") & (pl.col("image_hash").list.len() > 0)).alias("asks"),
        pl.col("image_hash").list.contains("").alias("unreadable"),
        (pl.lit("") if across else pl.col("source")).alias("within"),
    ).with_row_index("place")
    chosen = keyed.filter(pl.col("asks") & ~pl.col("unreadable"))
    first = pl.col("place").min().over("pictures", "within").alias("first")
    out = np.arange(frame.height)
    out[chosen["place"].to_numpy()] = chosen.select(first)["first"].to_numpy()
    return out


def merged(
    loaded: Loaded, frame: pl.DataFrame, first: I64
) -> tuple[I64, dict[int, dict[int, dict[str, Any]]]]:
    """Merge the turns of groups.

    Args:
        first: as `merge_groups` returns it.

    Returns:
        [rows] the row that each row was merged into, itself where it was not; and the merged
        samples by part and row.
    """
    sizes = np.bincount(first, minlength=frame.height)
    rows = np.flatnonzero(sizes[first] > 1)
    told = dict(zip(rows.tolist(), _told(loaded, frame[rows]), strict=True))
    into = np.arange(frame.height)
    changes: dict[int, dict[int, dict[str, Any]]] = {}
    for head in np.unique(first[rows]).tolist():
        group = [k for k in rows[first[rows] == head].tolist() if _simple(told[k]["messages"])]
        if len(group) < 2 or group[0] != head:
            continue
        into[group] = head
        place = frame.row(head, named=True)
        samples = [told[k] for k in group]
        changes.setdefault(place["part"], {})[place["row"]] = _joined(samples)
    return into, changes


def _told(loaded: Loaded, frame: pl.DataFrame) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [{}] * frame.height
    for part, rows, places in by_part(frame):
        files = loaded.parts[part]
        words = read_table(files.samples, ["id", "messages", "extra"]).take(pa.array(rows))
        sizes = read_table(files.signals, list(SIZES)).take(pa.array(rows))
        pairs = zip(words.to_pylist(), sizes.to_pylist(), strict=True)
        for place, (sample, size) in zip(places, pairs, strict=True):
            out[place] = sample | size
    return out


def _simple(messages: list[dict[str, Any]]) -> bool:
    """Say whether all pictures stand in front of the first question, and no one else speaks."""
    kinds = [part["type"] for part in messages[0]["content"]] if messages else []
    pictures = kinds.count("image")
    later = [part["type"] for message in messages[1:] for part in message["content"]]
    roles = {message["role"] for message in messages}
    return (
        kinds[:pictures] == ["image"] * pictures
        and "image" not in later
        and roles
        <= {
            "user",
            "assistant",
        }
    )


def _joined(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one sample with the turns of all, each question with its answer once."""
    pictures = [p for p in samples[0]["messages"][0]["content"] if p["type"] == "image"]
    seen: set[tuple[str, ...]] = set()
    messages, turns = [], []
    for sample in samples:
        own = _turns(sample["extra"])
        for number, turn in enumerate(_exchanges(sample["messages"])):
            key = tuple(normalised(_words(message)) for message in turn)
            if key not in seen:
                seen.add(key)
                messages += turn
                turns.append(own[number] if number < len(own) else None)
    first = messages[0]
    messages[0] = {**first, "content": [*pictures, *first["content"]]}
    extra = _extra(samples[0]["extra"])
    extra |= {"merged": [sample["id"] for sample in samples[1:]]}
    if any(turns):
        extra["turns"] = turns
    sizes = {name: sum(sample[name] or 0 for sample in samples) for name in SIZES}
    sizes["n_turns"] = len(turns)
    return {"messages": messages, "extra": orjson.dumps(extra).decode(), **sizes}


def _exchanges(messages: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield each question with what follows it, without pictures."""
    turn: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "user" and turn:
            yield turn
            turn = []
        words = [part for part in message["content"] if part["type"] == "text"]
        turn.append({**message, "content": words})
    if turn:
        yield turn


def _words(message: dict[str, Any]) -> str:
    return "\n".join(part["text"] or "" for part in message["content"])


def _extra(text: str | None) -> dict[str, Any]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _turns(text: str | None) -> list[Any]:
    turns = _extra(text).get("turns")
    return turns if isinstance(turns, list) else []

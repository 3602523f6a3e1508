"""From an item to what a model is asked: a chat with pictures, and examples before it."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cauldron.evaluate.benchmarks.base import Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture

POOL = 512  # examples that shots are drawn from
_MARK = re.compile(r"<image (\d+)>")

Messages = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as it is put to a model.

    Args:
        messages: chat with parts of type `text` or `image`.
        images: pictures in the order of the image parts.
        prompt: the words of the question itself.
    """

    id: str
    messages: Messages
    images: tuple[Picture, ...]
    prompt: str

    @property
    def size(self) -> tuple[int, int]:
        """Number of pictures and of characters, by which questions are put together."""
        texts = (p["text"] for m in self.messages for p in m["content"] if p["type"] == "text")
        return len(self.images), sum(map(len, texts))


def ask(item: Item, protocol: Protocol, examples: Sequence[Item] = ()) -> Asked:
    """Return the question of an item, after examples with their answers."""
    messages: list[dict[str, Any]] = []
    images: list[Picture] = []
    for example in examples:
        messages.append({"role": "user", "content": _content(example, protocol, images)})
        told = [{"type": "text", "text": answer_of(example)}]
        messages.append({"role": "assistant", "content": told})
    messages.append({"role": "user", "content": _content(item, protocol, images)})
    return Asked(
        id=item.id, messages=tuple(messages), images=tuple(images), prompt=protocol.ask(item)
    )


def _content(item: Item, protocol: Protocol, images: list[Picture]) -> list[dict[str, str]]:
    """Return the parts of a question: pictures at their marks, the others before the text."""
    prompt, parts, used = protocol.ask(item), [], set()
    place = 0
    for mark in _MARK.finditer(prompt):
        number = int(mark.group(1)) - 1
        if number >= len(item.images) or number in used:
            continue
        if before := prompt[place : mark.start()]:
            parts.append({"type": "text", "text": before})
        parts.append({"type": "image"})
        images.append(item.images[number])
        used.add(number)
        place = mark.end()
    rest = [n for n in range(len(item.images)) if n not in used]
    first = len(images) - len(used)
    images[first:first] = [item.images[n] for n in rest]
    tail = prompt[place:]
    ending = [{"type": "text", "text": tail}] if tail or not parts else []
    return [{"type": "image"} for _ in rest] + parts + ending


def answer_of(item: Item) -> str:
    """Return the answer that an example shows: the most frequent one, of equal ones the first."""
    return Counter(item.references).most_common(1)[0][0]


def example_pool(items: Iterable[Item], seed: int) -> list[Item]:
    """Return the items that shots are drawn from: those of the lowest hashes."""
    return heapq.nsmallest(POOL, items, key=lambda item: _hash(seed, "pool", item.id))


def examples_for(item: Item, pool: Sequence[Item], shots: int, seed: int) -> list[Item]:
    """Return the examples of an item, always the same for it; never the item itself."""
    others = [other for other in pool if other.id != item.id]
    ranked = heapq.nsmallest(shots, others, key=lambda other: _hash(seed, item.id, other.id))
    return ranked[::-1]


def drawn(ids: Iterable[str], limit: int, seed: int) -> frozenset[str]:
    """Return the ids of a small set: those of the lowest hashes."""
    return frozenset(heapq.nsmallest(limit, ids, key=lambda name: _hash(seed, "limit", name)))


def _hash(*parts: Any) -> bytes:
    return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()


def windows(items: Iterable[Asked], size: int) -> Iterator[list[Asked]]:
    """Yield questions a few at a time."""
    held: list[Asked] = []
    for item in items:
        held.append(item)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def batches(asked: Sequence[Asked], size: int) -> Iterator[list[Asked]]:
    """Yield questions of about one length together, the longest first; as many pictures each."""
    held: list[Asked] = []
    for one in sorted(asked, key=lambda a: (*a.size, a.id), reverse=True):
        if held and (len(held) == size or one.size[0] != held[0].size[0]):
            yield held
            held = []
        held.append(one)
    if held:
        yield held


def cut(text: str, stops: Sequence[str]) -> str:
    """Return an answer up to the first stop, without blanks at its ends.

    Blanks at the start are taken off first: an answer may begin with a line break.
    """
    found = text.strip()
    for stop in stops:
        place = found.find(stop)
        if place >= 0:
            found = found[:place]
    return found.strip()

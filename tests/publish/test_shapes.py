"""What fits a shape keeps every word; what does not is left out with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from cauldron.publish.pictures import suffix
from cauldron.publish.shapes import cauldron_row, llava_row, messages_row, turns

IMAGE = {"type": "image", "text": None}


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def sample(*messages: tuple[str, list[Any]], images: int = 0, extra: str = "{}") -> dict[str, Any]:
    return {
        "id": "a/train/1",
        "source": "a",
        "messages": [{"role": role, "content": content} for role, content in messages],
        "images": [{"bytes": b"x", "path": ""}] * images,
        "extra": extra,
    }


CHAT = sample(("user", [IMAGE, IMAGE, text("q")]), ("assistant", [text("a")]), images=2)


def test_a_chat_becomes_turns() -> None:
    assert turns(CHAT) == [("q", "a")]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([("document", [text("a page")])], "document"),
        ([("system", [text("s")]), ("user", [text("q")])], "system_message"),
        ([("user", [text("q")])], "turns_not_alternating"),
        ([("user", [text("q"), IMAGE]), ("assistant", [text("a")])], "pictures_not_in_front"),
        ([("user", [text("q")]), ("assistant", [text("a"), text("b")])], "pictures_not_in_front"),
    ],
)
def test_what_does_not_fit_is_named(messages: list[Any], reason: str) -> None:
    held = sum(part == IMAGE for _, content in messages for part in content)
    assert cauldron_row(sample(*messages, images=held)) == reason


def test_only_documents_are_no_messages() -> None:
    assert messages_row(sample(("document", [text("x")]))) == "document"
    assert isinstance(messages_row(sample(("system", [text("s")]))), dict)


def test_a_broken_extra_does_not_stop_the_form() -> None:
    broken = {**CHAT, "extra": '{"turns": 3'}
    row = cauldron_row(broken)
    assert isinstance(row, dict) and row["texts"][0]["source"] == "a"


def test_llava_marks_each_picture_once() -> None:
    row = llava_row(CHAT, ["x.png", "y.png"])
    assert isinstance(row, dict)
    assert row["image"] == ["x.png", "y.png"]
    assert row["conversations"][0]["value"] == "<image>\n<image>\nq"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"RIFF\0\0\0\0WEBP", "webp"),
        (b"\0\0\0\x18ftypavif", "avif"),
        (b"<svg", "img"),
    ],
)
def test_a_picture_is_named_by_its_bytes(head: bytes, name: str) -> None:
    assert suffix(head) == name

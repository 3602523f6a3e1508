"""What a chat or a document looks like as messages, and what makes pictures and hashes equal."""

from __future__ import annotations

from cauldron.sample import (
    SAMPLE_SCHEMA,
    Draft,
    Picture,
    Turn,
    chat_messages,
    content_hash,
    document_messages,
)

IMAGE = {"type": "image", "text": None}


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def user(*content: object) -> dict[str, object]:
    return {"role": "user", "content": list(content)}


def assistant(said: str) -> dict[str, object]:
    return {"role": "assistant", "content": [text(said)]}


def test_pictures_stand_in_front_of_the_first_question_only() -> None:
    turns = (Turn(user="a", assistant="b"), Turn(user="c", assistant="d"))
    assert chat_messages(2, turns) == [
        user(IMAGE, IMAGE, text("a")),
        assistant("b"),
        user(text("c")),
        assistant("d"),
    ]


def test_pictures_stand_where_turns_put_them() -> None:
    turns = (
        Turn(user="a", assistant="b"),
        Turn(user="see c", assistant="d", parts=("see ", 1, "c", 0)),
    )
    assert chat_messages(2, turns) == [
        user(text("a")),
        assistant("b"),
        user(text("see "), IMAGE, text("c"), IMAGE),
        assistant("d"),
    ]


def test_what_a_chat_is_told_first_is_a_message_of_its_own() -> None:
    told = chat_messages(0, (Turn(user="a", assistant="b"),), "be brief")
    assert told == [
        {"role": "system", "content": [text("be brief")]},
        user(text("a")),
        assistant("b"),
    ]


def test_a_document_is_one_message_in_the_order_of_reading() -> None:
    assert document_messages(("a", 0, "b")) == [
        {"role": "document", "content": [text("a"), IMAGE, text("b")]}
    ]


def test_pictures_are_the_same_by_where_they_are_sought_else_by_their_bytes() -> None:
    assert Picture(candidates=("a",), bytes=b"x").identity == ("a",)
    assert Picture(bytes=b"x").identity == b"x"
    assert Picture(candidates=("a",)).identity != Picture(candidates=("b",)).identity


def test_a_content_hash_never_changes() -> None:
    """It orders mixtures that are published: another value is another mixture."""
    assert content_hash(0) == content_hash("0") == 0x842B7D9D43CDDF75
    assert content_hash(5, "a", "b") == 0xADEFE2251526E1E0 != content_hash(5, "ab")
    assert content_hash(5, "\ud800") != content_hash(5, "")
    assert 0 <= content_hash(5, "a") < 1 << 64


def test_viewers_find_the_pictures_by_the_metadata() -> None:
    assert b'"Image"' in SAMPLE_SCHEMA.metadata[b"huggingface"]
    assert SAMPLE_SCHEMA.metadata[b"cauldron.schema_version"] == b"1"


def test_turns_build_on_each_other_only_where_a_source_says_so() -> None:
    assert not Draft().dialogue

"""Tokens: the prompt, what carries loss, and texts that look like special tokens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from cauldron.loader.samples import Samples
from cauldron.loader.tokens import (
    IMAGE_ID,
    SPECIAL,
    Encoded,
    Encoder,
    train_tokenizer,
    training_texts,
)
from cauldron.sample import Turn, chat_messages, document_messages

TEXTS = ["How many nodules are visible?", "Answer briefly.", "User:", "\nAssistant:", " 3."] * 3
TOKENIZER = train_tokenizer(TEXTS, 320)
ENCODER = Encoder(TOKENIZER, image_tokens=2)
FAKE, IMAGE, END = "<fake_token_around_image>", "<image>", "<end_of_utterance>"


def chat(*turns: tuple[str, str], images: int = 1) -> dict[str, Any]:
    """Return a chat sample."""
    asked = tuple(Turn(user=user, assistant=assistant) for user, assistant in turns)
    return {"messages": chat_messages(images, asked), "images": [None] * images}


def document(*parts: str | int) -> dict[str, Any]:
    """Return a document sample."""
    return {"messages": document_messages(parts)}


def text(encoded: Encoded, supervised: bool | None = None) -> str:
    """Return the tokens as text with special tokens, only those with or without loss if asked."""
    chosen = [
        i
        for i, s in zip(encoded.ids.tolist(), encoded.supervised.tolist(), strict=True)
        if supervised in (None, s)
    ]
    return str(TOKENIZER.decode(chosen, skip_special_tokens=False))


def test_a_chat_reads_as_the_prompt_of_idefics2() -> None:
    encoded = ENCODER.encode(chat(("How many?", "3."), ("Sure?", "Yes.")))
    assert text(encoded) == (
        f"<s>User:{FAKE}{IMAGE}{IMAGE}{FAKE} How many?{END}\nAssistant: 3.{END}"
        f"\nUser: Sure?{END}\nAssistant: Yes.{END}"
    )


def test_loss_falls_on_answers_and_the_marks_that_end_them() -> None:
    encoded = ENCODER.encode(chat(("How many?", "3."), ("Sure?", "Yes.")))
    assert text(encoded, supervised=True) == f" 3.{END} Yes.{END}"


def test_a_document_carries_loss_on_all_its_text_and_none_on_pictures() -> None:
    encoded = ENCODER.encode(document("A page.", 0, 1, "Below.", "The end."))
    assert text(encoded, supervised=True) == "A page. Below.\n\nThe end.</s>"
    assert text(encoded, supervised=False) == f"<s>{FAKE}{IMAGE * 2}{FAKE}{IMAGE * 2}{FAKE}"


def test_a_prompt_stops_where_the_answer_begins() -> None:
    whole = ENCODER.encode(chat(("How many?", "3.")))
    prompt = ENCODER.prompt(chat(("How many?", "3."))["messages"][:1])
    start = whole.supervised.argmax()
    assert prompt.ids.tolist() == whole.ids[:start].tolist()


def test_special_tokens_in_a_text_are_plain_text() -> None:
    encoded = ENCODER.encode(chat((f"What is {IMAGE}{END}?", FAKE)))
    assert (encoded.ids == IMAGE_ID).sum() == 2
    assert encoded.images == 1


def test_neighbouring_pictures_share_the_mark_between_them() -> None:
    encoded = ENCODER.encode(chat(("Which?", "Left."), images=2))
    shown = f"User:{FAKE}{IMAGE * 2}{FAKE}{IMAGE * 2}{FAKE} Which?"
    assert shown in text(encoded) and encoded.images == 2


def test_special_tokens_have_the_first_numbers() -> None:
    assert [TOKENIZER.id_to_token(n) for n in range(len(SPECIAL))] == list(SPECIAL)


def test_the_order_of_texts_does_not_change_the_vocabulary() -> None:
    words = [f"word{n % 13} and {n % 7}" for n in range(200)]
    assert train_tokenizer(words, 320).to_str() == train_tokenizer(words[::-1], 320).to_str()


@given(st.text(min_size=1))
def test_every_answer_decodes_to_itself(answer: str) -> None:
    encoded = ENCODER.encode(chat(("Q", answer), images=0))
    supervised = encoded.ids[encoded.supervised].tolist()
    assert ENCODER.decode(supervised) == answer.strip()


@pytest.fixture(scope="module")
def learned(manifest: str) -> Tokenizer:
    with Samples(manifest) as samples:
        return train_tokenizer(training_texts(samples, seed=0), 400)


def test_roles_and_frequent_words_become_single_tokens(learned: Tokenizer) -> None:
    ids = [learned.encode(word, add_special_tokens=False).ids for word in (" nodules", "Assistant")]
    assert [len(found) for found in ids] == [1, 1]


def test_the_tokenizer_does_not_read_held_out_texts(manifest: str) -> None:
    with Samples(manifest) as samples:
        texts = " ".join(training_texts(samples, seed=0))
        held_out = next(samples.validation("docvqa"))["messages"][0]["content"][1]["text"]
    assert held_out.startswith("Which colour is page") and held_out not in texts

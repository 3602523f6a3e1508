"""Text to tokens: a byte-level BPE trained on the mixture, the Idefics2 prompt and the loss mask.

A chat reads "User:<image>Question<end_of_utterance>\\nAssistant: Answer<end_of_utterance>"; loss
falls on the text of the assistant and the mark that ends it. A document is its texts and pictures
in order between <s> and </s>; loss falls on all its text. Pictures never carry loss.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from cauldron.loader.samples import Sample, Samples
from cauldron.mixture.order import permuted
from cauldron.sample import content_hash

PAD, START, STOP = "<unk>", "<s>", "</s>"
FAKE, IMAGE, END = "<fake_token_around_image>", "<image>", "<end_of_utterance>"
SPECIAL = (PAD, START, STOP, FAKE, IMAGE, END)
"""Special tokens by number from 0; the last three are those of Idefics2."""
PAD_ID, START_ID, STOP_ID, FAKE_ID, IMAGE_ID, END_ID = range(len(SPECIAL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Numbers of the special tokens in a vocabulary.

    Args:
        pad, start, stop: padding, and what begins and ends a sample.
        fake, image, end: those of Idefics2.
    """

    pad: int = PAD_ID
    start: int = START_ID
    stop: int = STOP_ID
    fake: int = FAKE_ID
    image: int = IMAGE_ID
    end: int = END_ID


OURS = Marks()
"""Those of a tokenizer that is trained here."""
MAX_TEXTS_PER_SOURCE = 5_000
PARAGRAPH = "\n\n"
"""What stands between two texts of a document that follow each other."""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- message['role'] | capitalize -}}"
    "{{- ':' if message['content'][0]['type'] == 'image' else ': ' -}}"
    "{%- for part in message['content'] -%}"
    "{{- '<image>' if part['type'] == 'image' else part['text'] -}}"
    "{%- endfor -%}"
    "{{- '<end_of_utterance>\n' -}}"
    "{%- endfor -%}"
    "{{- 'Assistant:' if add_generation_prompt else '' -}}"
)
"""The prompt of Idefics2 as a template for `transformers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A sample as tokens.

    Args:
        ids: [n] int64.
        supervised: [n] bool; True where the token is to be predicted.
        images: how many of the sample's pictures have their tokens here, from the first on; the
            crops of a picture that is split count one each.
        first_image: number of the first of them.
    """

    ids: np.ndarray[Any, np.dtype[np.int64]]
    supervised: np.ndarray[Any, np.dtype[np.bool_]]
    images: int
    first_image: int = 0


def rendered_texts(sample: Sample) -> Iterator[str]:
    """Yield the texts of a sample as they stand between special tokens, with the names of roles."""
    for number, message in enumerate(sample["messages"]):
        if message["role"] == "document":
            yield from filter(None, _joined(message["content"], PARAGRAPH))
        else:
            yield ("\n" if number else "") + message["role"].capitalize() + ":"
            yield from (f" {text}" for text in _joined(message["content"], "") if text)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Train a byte-level BPE; the same texts in any order give the same vocabulary.

    Args:
        vocab_size: most entries, special tokens and the 256 bytes included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, START_ID)]
    )
    return tokenizer


def training_texts(samples: Samples, seed: int, most: int = MAX_TEXTS_PER_SOURCE) -> list[str]:
    """Return the texts that a tokenizer is trained on: up to `most` rows of each source."""
    texts: list[str] = []
    for name in samples.names:
        size = samples.size(name)
        places = np.arange(min(most, size))
        rows = permuted(places, size, content_hash(seed, "tokenizer", name))
        for row in sorted(rows.tolist()):
            texts += rendered_texts(samples.text(name, row))
    return texts


class Encoder:
    """Samples to tokens with one tokenizer and a fixed number of tokens a picture.

    What looks like a special token in a sample's text is encoded as the plain text it is.

    Args:
        image_tokens: <image> tokens of one picture.
        marks: numbers of the special tokens.
    """

    def __init__(self, tokenizer: Tokenizer, image_tokens: int, marks: Marks = OURS) -> None:
        self.image_tokens, self.marks = image_tokens, marks
        self.vocab_size = tokenizer.get_vocab_size()
        self._plain = Tokenizer.from_str(tokenizer.to_str())
        self._plain.encode_special_tokens = True

    def __reduce__(self) -> tuple[Any, ...]:
        return _encoder, (self._plain.to_str(), self.image_tokens, self.marks)

    def encode(self, sample: Sample, crops: int = 1) -> Encoded:
        """Return the tokens of a chat or a document with its loss mask.

        Args:
            crops: pictures that each picture of the sample becomes: 1, or 5 when it is split.
        """
        line = _Line(self, crops)
        line.add([self.marks.start], loss=False)
        for number, message in enumerate(sample["messages"]):
            if message["role"] == "document":
                self._document(line, message["content"])
            else:
                self._turn(line, message, first=number == 0)
        return line.done()

    def prompt(self, messages: Sequence[Mapping[str, Any]], crops: int = 1) -> Encoded:
        """Return the tokens of a chat that the assistant is to go on with.

        Args:
            crops: as for `encode`.
        """
        line = _Line(self, crops)
        line.add([self.marks.start], loss=False)
        for number, message in enumerate(messages):
            self._turn(line, message, first=number == 0)
        line.text("\nAssistant:", loss=False)
        return line.done()

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of an answer without special tokens, stripped."""
        return str(self._plain.decode(list(ids), skip_special_tokens=True)).strip()

    def text_ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return ids

    def _turn(self, line: _Line, message: Mapping[str, Any], first: bool) -> None:
        loss = message["role"] == "assistant"
        blank = "" if message["content"][0]["type"] == "image" else " "
        line.text(("" if first else "\n") + message["role"].capitalize() + ":", loss=False)
        for text in _joined(message["content"], ""):
            line.picture() if text is None else line.text(blank + text, loss)
            blank = ""
        line.add([self.marks.end], loss)

    def _document(self, line: _Line, content: Sequence[Mapping[str, Any]]) -> None:
        for text in _joined(content, PARAGRAPH):
            line.picture() if text is None else line.text(text, loss=True)
        line.add([self.marks.stop], loss=True)


def _joined(content: Sequence[Mapping[str, Any]], between: str) -> Iterator[str | None]:
    """Yield the texts of a message, neighbours joined to one, and None for each picture."""
    for kind, parts in itertools.groupby(content, key=lambda part: part["type"]):
        if kind == "image":
            yield from (None for _ in parts)
        else:
            yield between.join(part["text"] for part in parts)


class _Line:
    """Tokens and mask under construction."""

    def __init__(self, encoder: Encoder, crops: int = 1) -> None:
        self._of, self._crops = encoder, crops
        self._ids: list[int] = []
        self._loss: list[bool] = []
        self._images = 0
        self._after_picture = False

    def add(self, ids: Sequence[int], loss: bool) -> None:
        self._ids += ids
        self._loss += [loss] * len(ids)
        self._after_picture = False

    def text(self, text: str, loss: bool) -> None:
        """Add a text; after a picture it is set off by a blank, as the processor does."""
        if self._after_picture and text and not text[0].isspace() and text[0] != "<":
            text = " " + text
        if text:
            self.add(self._of.text_ids(text), loss)

    def picture(self) -> None:
        """Add the tokens of the next picture; neighbours share the mark between them."""
        marks = self._of.marks
        opening = [] if self._after_picture else [marks.fake]
        one = [*[marks.image] * self._of.image_tokens, marks.fake]
        self.add([*opening, *one * self._crops], loss=False)
        self._images += self._crops
        self._after_picture = True

    def done(self) -> Encoded:
        return Encoded(
            ids=np.array(self._ids, dtype=np.int64),
            supervised=np.array(self._loss, dtype=np.bool_),
            images=self._images,
        )


def _encoder(tokenizer: str, image_tokens: int, marks: Marks) -> Encoder:
    return Encoder(Tokenizer.from_str(tokenizer), image_tokens, marks)

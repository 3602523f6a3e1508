"""What samples say, as flat arrays: one message after the other, words and characters by number."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
USER, ASSISTANT = "user", "assistant"
_SEPARATORS = re.compile(r"[\x1c-\x1f]")  # white space to Python, not to Arrow
_EDGES = "".join(chr(c) for c in range(33, 127) if not chr(c).isalpha()) + "’“−™‘•…”–—´§£€«»°¿¡"


class Said:
    """The messages of a batch of samples.

    Args:
        messages: the column `messages`.
        extra: the column `extra`.

    Attributes:
        texts: the text of each message, its text parts joined by line feeds.
        owner: [messages] the sample of each message.
        role: the role of each message.
        image_parts: [samples] parts that stand for pictures.
        null_texts: [samples] whether a text is missing where one should stand.
    """

    def __init__(self, messages: pa.ListArray, extra: pa.StringArray) -> None:
        self.samples = len(messages)
        self.messages, self.extra = messages, extra
        self.owner = owners(messages)
        flat = messages.flatten()
        self.role = pc.fill_null(flat.field("role"), "")
        contents = flat.field("content")
        holder = owners(contents)
        parts = contents.flatten()
        kind = pc.fill_null(parts.field("type"), "")
        spoken, shown = (as_bools(pc.equal(kind, name)) for name in ("text", "image"))
        texts = parts.field("text")
        missing = spoken & as_bools(texts.is_null())
        self.image_parts = counted(self.owner[holder[shown]], self.samples)
        self.null_texts = counted(self.owner[holder[missing]], self.samples) > 0
        self.null_texts |= as_bools(messages.is_null())
        held = pc.fill_null(texts.filter(pa.array(spoken)), "")
        self.texts = pc.binary_join(_lists(counted(holder[spoken], len(flat)), held), "\n")

    def row(self, number: int) -> Said:
        """Return one of the samples."""
        return Said(self.messages.slice(number, 1), self.extra.slice(number, 1))

    @cached_property
    def joined(self) -> pa.StringArray:
        """All texts of each sample, a line feed between messages."""
        return pc.binary_join(_lists(counted(self.owner, self.samples), self.texts), "\n")

    @cached_property
    def chars(self) -> Ints:
        """[messages] characters of each message."""
        return as_ints(pc.utf8_length(self.texts))

    @cached_property
    def questions(self) -> Ints:
        """The numbers of the messages of the user."""
        return np.flatnonzero(as_bools(pc.equal(self.role, USER)))

    @cached_property
    def answers(self) -> Ints:
        """The numbers of the messages of the assistant."""
        return np.flatnonzero(as_bools(pc.equal(self.role, ASSISTANT)))

    @cached_property
    def pairs(self) -> tuple[Ints, Ints]:
        """The k-th question and the k-th answer of each sample, by number of message."""
        questions, answers = (
            (self.owner[chosen] << 32) + _ranks(self.owner[chosen])
            for chosen in (self.questions, self.answers)
        )
        _, asked, told = np.intersect1d(questions, answers, assume_unique=True, return_indices=True)
        return self.questions[asked], self.answers[told]

    @cached_property
    def normal(self) -> list[str]:
        """Each message as `normalised`."""
        return normalised_all(self.texts)

    @cached_property
    def words(self) -> Words:
        """The words of all messages."""
        return Words(self)


class Words:
    """Words in order: lower case, without special characters at their ends, none empty.

    Attributes:
        known: the distinct words.
        code: [words] each word's place in `known`.
        message: [words] the message of each word.
        owner: [words] the sample of each word.
        per_sample: [samples] how many there are.
    """

    def __init__(self, said: Said) -> None:
        lists = pc.utf8_split_whitespace(pc.utf8_lower(said.texts))
        encoded = lists.flatten().dictionary_encode()
        bare = pc.utf8_trim(encoded.dictionary, characters=_EDGES).dictionary_encode()
        self.known = bare.dictionary
        code = as_ints(bare.indices)[as_ints(encoded.indices)]
        full = as_bools(pc.greater(pc.binary_length(self.known), 0))[code]
        self.code = code[full]
        self.message = owners(lists)[full]
        self.owner = said.owner[self.message]
        self.per_sample = counted(self.owner, said.samples)

    def share_in(self, listed: pa.Array) -> npt.NDArray[np.float64]:
        """[samples] the share of words that stand in a list; 0 without words."""
        hit = as_bools(pc.is_in(self.known, value_set=listed))[self.code]
        return ratio(counted(self.owner[hit], len(self.per_sample)), self.per_sample)

    def grams(self, n: int) -> npt.NDArray[np.uint64]:
        """[words - n + 1] a hash of each run of n words, wherever it ends."""
        many = max(len(self.code) - n + 1, 0)
        mixed = np.zeros(many, np.uint64)
        for offset in range(n):
            mixed *= np.uint64(0x9E3779B97F4A7C15)
            mixed += self.code[offset : offset + many].astype(np.uint64)
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        return mixed ^ (mixed >> np.uint64(32))


def normalised(text: str) -> str:
    """Return text for comparison: NFKC, lower case, white space as single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def normalised_all(texts: pa.StringArray) -> list[str]:
    """Return every text as `normalised`; those in ASCII all at once."""
    plain = pc.string_is_ascii(texts)
    lowered = pc.ascii_lower(pc.if_else(plain, texts, ""))
    parts = pc.ascii_split_whitespace(lowered)
    joined = pc.ascii_trim_whitespace(pc.binary_join(parts, " ")).to_pylist()
    odd = pc.or_(pc.invert(plain), pc.match_substring_regex(lowered, _SEPARATORS.pattern))
    for number in np.flatnonzero(as_bools(odd)).tolist():
        joined[number] = normalised(texts[number].as_py())
    return list(joined)


def counted(numbers: Ints, length: int) -> Ints:
    """Return how often each number below `length` comes."""
    return np.bincount(numbers, minlength=length)


def ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return a share, 0 where there is nothing."""
    return np.asarray(part / np.maximum(whole, 1))


def as_bools(array: pa.Array) -> Bools:
    """Return an Arrow array without nulls as numpy bools."""
    return np.asarray(array.to_numpy(zero_copy_only=False), bool)


def as_ints(array: pa.Array) -> Ints:
    """Return an Arrow array without nulls as 64-bit numbers."""
    return np.asarray(array.to_numpy(zero_copy_only=False), np.int64)


def owners(lists: pa.ListArray) -> Ints:
    """Return for each value of a list column the row it stands in; null lists hold none."""
    lengths = as_ints(pc.fill_null(pc.list_value_length(lists), 0))
    return np.repeat(np.arange(len(lists)), lengths)


def _lists(lengths: Ints, values: pa.Array) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _ranks(owner: Ints) -> Ints:
    """Return the place of each value among those of the same owner; owners ascend."""
    return np.arange(len(owner)) - np.searchsorted(owner, owner)

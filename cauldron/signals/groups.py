"""Groups of signals: what is measured together, stored side by side and versioned by itself.

A group that is added, or whose version or settings change, is measured alone; the columns of all
other groups stay as they are. Further groups come as plug-ins: a factory that another package names
under the entry point `cauldron.signals`, or as `module:function`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from cauldron.errors import UsageError, near
from cauldron.signals.said import Ints, Said

ENTRY_POINT = "cauldron.signals"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples of one shard.

    Args:
        said: their texts; of no samples for groups that read pictures only.
        n_images: [samples] how many pictures each has.
        pictures: encoded bytes of all pictures in order; empty for groups that read none.
            Groups that read `heads` may get views in place of bytes.
    """

    said: Said
    n_images: Ints
    pictures: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Signals that are measured together.

    Args:
        version: raised whenever a value may change.
        fields: names and types of the columns of a sample.
        picture_fields: names and types of columns with one value a picture, as lists.
        measure: batch to columns; values of `picture_fields` come flat, one a picture.
        reads: whether texts are read, or pictures, or both; `heads` are pictures as views of the
            file where these are to be had, so that little is read of each.
        settings: what else the values depend on; it becomes part of the key.
    """

    name: str
    version: int
    fields: tuple[tuple[str, pa.DataType], ...] = ()
    picture_fields: tuple[tuple[str, pa.DataType], ...] = ()
    measure: Callable[[Batch], Mapping[str, Any]]
    reads: Literal["texts", "heads", "pictures", "both"] = "texts"
    settings: str = ""

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return [name for name, _ in (*self.fields, *self.picture_fields)]

    @property
    def key(self) -> str:
        """The version and settings in one string."""
        return f"{self.version}:{self.settings}"

    def types(self) -> list[pa.Field]:
        """Return the columns as Arrow fields."""
        listed = [(name, pa.list_(kind)) for name, kind in self.picture_fields]
        return [pa.field(name, kind) for name, kind in (*self.fields, *listed)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A group as it is asked for, in plain values that travel to other processes.

    Args:
        factory: name of a built-in group, of an entry point, or `module:function`.
        settings: keyword arguments of the factory.
    """

    name: str
    factory: str
    settings: tuple[tuple[str, str], ...] = field(default=())


def _of(module: str) -> Any:
    """Import what measures when it does: rules want to know the columns alone, and soon."""
    return importlib.import_module(f"cauldron.signals.{module}")


_REAL, _WHOLE, _FLAG, _TEXT = pa.float32(), pa.int32(), pa.bool_(), pa.string()


def _counts() -> Group:
    return Group(
        name="counts",
        version=1,
        fields=(
            ("roles", _TEXT),
            ("n_images", _WHOLE),
            ("n_turns", _WHOLE),
            ("images_agree", _FLAG),
            ("text_error", _TEXT),
            ("chars", _WHOLE),
            ("question_chars", _WHOLE),
            ("answer_chars", _WHOLE),
            ("min_answer_chars", _WHOLE),
            ("max_answer_chars", _WHOLE),
        ),
        measure=lambda batch: _of("chat").count_signals(batch.said, batch.n_images),
    )


def _phrases() -> Group:
    return Group(
        name="phrases",
        version=1,
        fields=(
            ("answer_equals_question", _FLAG),
            ("answer_in_question", _FLAG),
            ("copied_question", _REAL),
            ("refusal", _TEXT),
            ("unseen_picture", _FLAG),
            ("special_token", _TEXT),
        ),
        measure=lambda batch: _of("chat").phrase_signals(batch.said),
    )


def _tokens(tokenizer: str = "", sha256: str = "") -> Group:
    return Group(
        name="tokens",
        version=1,
        fields=(("text_tokens", _WHOLE), ("answer_tokens", _WHOLE)),
        measure=lambda batch: _of("tokens").token_signals(batch.said, tokenizer),
        settings=sha256,
    )


def _text() -> Group:
    ratios = (
        "char_repetition",
        "word_repetition",
        "special_ratio",
        "digit_ratio",
        "stopword_ratio",
        "flagged_ratio",
        "punctuation_ratio",
    )
    return Group(
        name="text",
        version=1,
        fields=(("words", _WHOLE), *((name, _REAL) for name in ratios)),
        measure=lambda batch: _of("text").text_signals(batch.said),
    )


def _language() -> Group:
    return Group(
        name="language",
        version=2,
        fields=(("language", _TEXT), ("language_score", _REAL)),
        measure=lambda batch: _of("language").language_signals(batch.said),
    )


def _ratings() -> Group:
    names = ("relevance_min", "image_correspondence_min", "visual_dependency_min", "formatting_min")
    return Group(
        name="ratings",
        version=1,
        fields=tuple((name, _REAL) for name in names),
        measure=lambda batch: _of("ratings").rating_signals(batch.said.extra, names),
    )


def _hashes() -> Group:
    return Group(
        name="hashes",
        version=1,
        fields=(("text_hash", _TEXT), ("question_hashes", pa.list_(_TEXT))),
        measure=lambda batch: _of("hashes").hash_signals(batch.said),
    )


def _sketch() -> Group:
    return Group(
        name="sketch",
        version=1,
        fields=(("minhash", pa.binary()),),
        measure=lambda batch: _of("hashes").sketch_signals(batch.said),
    )


def _header() -> Group:
    return Group(
        name="header",
        version=1,
        picture_fields=(
            ("image_width", _WHOLE),
            ("image_height", _WHOLE),
            ("image_pixels", _WHOLE),
            ("image_aspect", _REAL),
            ("image_bytes", _WHOLE),
            ("image_bytes_per_pixel", _REAL),
            ("image_format", _TEXT),
            ("image_alpha", _FLAG),
            ("image_animated", _FLAG),
            ("image_orientation", pa.int8()),
        ),
        measure=lambda batch: _of("pictures").header_signals(batch.pictures),
        reads="heads",
    )


def _pixels() -> Group:
    return Group(
        name="pixels",
        version=2,
        picture_fields=(
            ("image_error", _TEXT),
            ("image_entropy", _REAL),
            ("image_flat", _REAL),
            ("image_hash", _TEXT),
            ("image_phash", pa.uint64()),
            ("image_phash256", pa.binary()),
            ("image_thumb", pa.binary()),
        ),
        measure=lambda batch: _of("pictures").pixel_signals(batch.pictures),
        reads="pictures",
    )


BUILT_IN: dict[str, Callable[..., Group]] = {
    "counts": _counts,
    "tokens": _tokens,
    "text": _text,
    "language": _language,
    "phrases": _phrases,
    "ratings": _ratings,
    "hashes": _hashes,
    "sketch": _sketch,
    "header": _header,
    "pixels": _pixels,
}
"""The groups of this package, in the order of their columns."""

ALWAYS = ("counts", "tokens")
"""Groups that every source is counted by."""


@cache
def group_of(spec: Spec) -> Group:
    """Make a group.

    Raises:
        UsageError: if nothing has the factory's name, or it cannot be used here.
    """
    return _factory(spec.factory)(**dict(spec.settings))


def _factory(name: str) -> Callable[..., Group]:
    if name in BUILT_IN:
        return BUILT_IN[name]
    module, colon, function = name.partition(":")
    if colon:
        made: Callable[..., Group] = getattr(importlib.import_module(module), function)
        return made
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINT)}
    if name not in found:
        known = [*BUILT_IN, *found]
        hint = f"one of: {', '.join(known)}"
        raise UsageError(f"no signals '{name}'{near(name, known)}", hint=hint)
    loaded: Callable[..., Group] = found[name].load()
    return loaded


def empty_schema() -> pa.Schema:
    """Return the columns of all built-in groups."""
    made = [field for name in BUILT_IN for field in group_of(Spec(name=name, factory=name)).types()]
    return pa.schema([("id", _TEXT), *made])


def as_column(values: Any, kind: pa.DataType) -> pa.Array:
    """Return what a group measured as a column of its type."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values.cast(kind)
    if isinstance(values, np.ndarray) and pa.types.is_integer(kind):
        return pa.array(values).cast(kind)
    return pa.array(values, kind)

"""JSON of any size as a stream: the members of one list or object, a block at a time.

A block is scanned with numpy for the marks that stand outside strings, which tells where members
of the wanted container end; whole members are then parsed by orjson. Memory holds a block, or one
member where that is larger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import orjson

from cauldron.errors import SourceError
from cauldron.media.limits import LIMITS

BLOCK = 512 << 10  # stays in the processor's cache
_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_MARKS = np.zeros(256, bool)
_MARKS[list(b'{}[],:"')] = True
_STEP = np.zeros(256, np.int8)
_STEP[list(b"{[")] = 1
_STEP[list(b"}]")] = -1
_BLANK = b" \t\r\n"
_CLOSER = {"[": "]", "{": "}"}


class _Marks:
    """A window on the stream and the marks in it: place, character and depth after it."""

    def __init__(self, stream: IO[bytes], place: str) -> None:
        self._stream, self.place = stream, place
        self.window = b""
        self.start = 0  # of the window in the file
        self._scanned = 0  # bytes of the window that are scanned
        self._in_string = False
        self._depth = 0
        self.at = np.zeros(0, np.int64)
        self.mark = np.zeros(0, np.uint8)
        self.depth = np.zeros(0, np.int64)

    def grow(self, block: int = BLOCK) -> bool:
        """Read one more block; False at the end of the file."""
        fresh = self._stream.read(block)
        if not fresh:
            return False
        if self.start == 0 and not self.window:
            fresh = self._without_bom(fresh)
        self.window += fresh
        if len(self.window) > LIMITS.max_line_bytes + 2 * BLOCK:
            raise self.error(f"a value of over {LIMITS.max_line_bytes} bytes", self.start)
        new = self.window[self._scanned :]
        usable = len(new) - (len(new) - len(new.rstrip(b"\\"))) % 2
        at, mark, depth = self._scan(new[:usable])
        self.at = np.concatenate([self.at, at + self._scanned])
        self.mark = np.concatenate([self.mark, mark])
        self.depth = np.concatenate([self.depth, depth])
        self._scanned += usable
        return True

    def drop(self, n: int) -> None:
        """Forget the first `n` bytes of the window."""
        kept = np.searchsorted(self.at, n)
        self.at, self.mark, self.depth = self.at[kept:] - n, self.mark[kept:], self.depth[kept:]
        self.window = self.window[n:]
        self.start += n
        self._scanned -= n

    def error(self, problem: str, at: int) -> SourceError:
        """Return an error that names the file and the byte."""
        return SourceError(
            f"not valid JSON: {problem} at byte {at}",
            place=self.place,
            hint="download the file again",
        )

    def _without_bom(self, head: bytes) -> bytes:
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise self.error("UTF-16, not UTF-8,", 0)
        self.start = len(_BOM) if head.startswith(_BOM) else 0
        return head.removeprefix(_BOM)

    def _scan(self, block: bytes) -> tuple[Any, Any, Any]:
        plain = _ESCAPE.sub(b"__", block) if b"\\" in block else block
        codes = np.frombuffer(plain, np.uint8)
        at = np.flatnonzero(_MARKS[codes])
        mark = codes[at]
        quotes = np.cumsum(mark == ord('"')) + self._in_string
        outside = (quotes % 2 == 0) & (mark != ord('"'))
        self._in_string = bool(quotes[-1] % 2) if len(quotes) else self._in_string
        at, mark = at[outside], mark[outside]
        depth = np.cumsum(_STEP[mark], dtype=np.int64) + self._depth
        self._depth = int(depth[-1]) if len(depth) else self._depth
        return at, mark, depth


def parsed(payload: bytes) -> Any:
    """Parse one JSON value; NaN, Infinity and lone surrogates are let through.

    Raises:
        ValueError: if it is not JSON, or nested too deep.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return json.loads(payload)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


def members(
    stream: IO[bytes], place: str, path: Sequence[str] = (), opener: str = "["
) -> Iterator[tuple[Any, Any]]:
    """Yield the members of a list as (number, value), of an object as (key, value).

    Args:
        stream: the file, from its beginning.
        place: how errors name the file.
        path: keys that lead from the top to the container.
        opener: `[` for a list, `{` for an object.

    Raises:
        SourceError: if the file is not JSON up to the end of the container, or has none there.
    """
    marks = _Marks(stream, place)
    _enter(marks, path, opener)
    inside = len(path) + 1
    number = 0
    while True:
        ends = np.flatnonzero(marks.depth < inside)
        closed = bool(len(ends))
        last = _last_comma(marks, inside, int(ends[0]) if closed else len(marks.at))
        stop = int(marks.at[ends[0]]) if closed else last
        if stop is not None:
            if closed and marks.window[stop] != ord(_CLOSER[opener]):
                raise marks.error("another bracket is open", marks.start + stop)
            if closed and number == 0 and not marks.window[:stop].strip(_BLANK):
                return
            for key, value in _values(marks, stop, inside, opener):
                yield (number, value) if opener == "[" else (key, value)
                number += 1
            if closed:
                return
            marks.drop(stop + 1)
        if not marks.grow(max(BLOCK, len(marks.window))):
            raise marks.error("the file ends too early", marks.start + len(marks.window))


def _last_comma(marks: _Marks, inside: int, before: int) -> int | None:
    commas = np.flatnonzero((marks.mark[:before] == ord(",")) & (marks.depth[:before] == inside))
    return int(marks.at[commas[-1]]) if len(commas) else None


def _values(marks: _Marks, stop: int, inside: int, opener: str) -> list[tuple[Any, Any]]:
    """Parse the members that end at `stop` in one go; of an object, keys and values in turn."""
    piece = marks.window[:stop]
    if not piece.strip(_BLANK):
        raise marks.error("a value is missing", marks.start + stop)
    if opener == "{":
        piece = _colons_to_commas(marks, piece, inside)
    try:
        values = orjson.loads(b"[%b]" % piece)
    except orjson.JSONDecodeError:
        values = _one_by_one(marks, piece, inside, b"," if opener == "[" else b",:")
    if opener == "[":
        return [(None, value) for value in values]
    if not all(isinstance(key, str) for key in values[::2]):
        raise marks.error("a key that is not text", marks.start)
    return list(zip(values[::2], values[1::2], strict=True))


def _colons_to_commas(marks: _Marks, piece: bytes, inside: int) -> bytes:
    """Return `"a": 1, "b": 2` as `"a", 1, "b", 2`, so that equal keys are all kept."""
    own = (marks.depth == inside) & (marks.at < len(piece))
    own &= (marks.mark == ord(",")) | (marks.mark == ord(":"))
    order = marks.mark[own]
    if len(order) % 2 == 0 or (order[::2] != ord(":")).any() or (order[1::2] != ord(",")).any():
        raise marks.error("a member is not `key: value`", marks.start)
    changed = np.frombuffer(piece, np.uint8).copy()
    changed[marks.at[own]] = ord(",")
    return changed.tobytes()


def _one_by_one(marks: _Marks, piece: bytes, inside: int, between: bytes) -> list[Any]:
    """Parse value by value: NaN and lone surrogates are let through, the first fault is named."""
    cuts = (marks.depth == inside) & np.isin(marks.mark, list(between))
    ends = [int(at) for at in marks.at[cuts] if at < len(piece)]
    values, start = [], 0
    for end in [*ends, len(piece)]:
        text = piece[start:end]
        try:
            values.append(parsed(text))
        except ValueError as error:
            offset = getattr(error, "pos", 0)
            problem = getattr(error, "msg", str(error))
            raise marks.error(problem, marks.start + start + offset) from error
        start = end + 1
    return values


def _enter(marks: _Marks, path: Sequence[str], opener: str) -> None:
    """Move the window behind the opening bracket of the container that a path leads to."""
    wanted = "list" if opener == "[" else "object"
    where = f" under {'.'.join(path)!r}" if path else ""
    missing = SourceError(f"holds no {wanted}{where}", place=marks.place)
    for level in range(len(path) + 1):
        _require_opening(marks, opener if level == len(path) else "{", missing)
        if level < len(path):
            _seek_key(marks, path[level], level + 1, missing)


def _require_opening(marks: _Marks, opener: str, missing: SourceError) -> None:
    """Drop blanks and the bracket that must come next."""
    while not marks.window.strip(_BLANK):
        if not marks.grow():
            raise marks.error("the file ends too early", marks.start + len(marks.window))
    blanks = len(marks.window) - len(marks.window.lstrip(_BLANK))
    found = chr(marks.window[blanks])
    if found not in '{["-tfnNI0123456789':
        raise marks.error(f"unexpected {found!r}", marks.start + blanks)
    if found != opener:
        raise missing
    marks.drop(blanks + 1)


def _seek_key(marks: _Marks, key: str, depth: int, missing: SourceError) -> None:
    """Move the window behind `key:` of the object at `depth`, skipping other members unparsed."""
    while True:
        start = 0
        for event in np.flatnonzero(marks.depth <= depth):
            at, mark = int(marks.at[event]), chr(marks.mark[event])
            if marks.depth[event] < depth:
                raise missing
            if mark == ":" and _key(marks.window[start:at]) == key:
                marks.drop(at + 1)
                return
            start = at + 1 if mark in ",:" else start
        if start:
            marks.drop(start)
        elif len(marks.window) > BLOCK and len(marks.at):
            marks.drop(int(marks.at[-1]) + 1)  # far inside a value that is not wanted
        if not marks.grow():
            raise marks.error("the file ends too early", marks.start + len(marks.window))


def _key(spelt: bytes) -> Any:
    try:
        return orjson.loads(spelt)
    except orjson.JSONDecodeError:
        return None

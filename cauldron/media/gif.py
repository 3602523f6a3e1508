"""The frames of a GIF, counted by its blocks: nothing is unpacked, whatever size the screen has."""

from __future__ import annotations

_HEAD = 13  # signature, screen, flags, background, aspect
_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_IMAGE_HEAD = 11  # mark, box, flags, size of codes


def gif_frames(data: bytes, most: int) -> int:
    """Count the frames of a GIF; counting ends one past `most`, and where the file is cut."""
    if len(data) < _HEAD:
        return 0
    at, frames = _HEAD + _colours(data[10]), 0
    while at + 1 < len(data) and frames <= most and data[at] != _END:
        if data[at] == _IMAGE and at + _IMAGE_HEAD <= len(data):
            frames += 1
            at = _past(data, at + _IMAGE_HEAD + _colours(data[at + 9]))
        elif data[at] == _EXTENSION:
            at = _past(data, at + 2)
        else:
            at += 1  # what no block begins with is passed over, as decoders do
    return frames


def _colours(flags: int) -> int:
    """Return the bytes of the table of colours that flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _past(data: bytes, at: int) -> int:
    """Return where the pieces that begin here end."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1

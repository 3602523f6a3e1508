"""The formats of an export: where a piece goes, who writes it, what stands beside the pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cauldron.errors import UsageError, near
from cauldron.publish import lines, mds, parquet, tars
from cauldron.publish.pieces import Piece
from cauldron.publish.written import Written
from cauldron.storage import files

VERSION = 1
"""Goes up when a writer changes its bytes, so that finished pieces are written anew."""

HIDDEN = ".cauldron"
"""Folder of an export for receipts and unfinished lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format.

    Args:
        place: pattern of a piece's file, from source, split, name and number.
        write: writes a piece to a URL; the last argument is the folder of the export.
        beside: writes what stands beside the pieces, and returns the names.
        piece_bytes: about the most bytes of samples in one file.
    """

    name: str
    place: str
    write: Callable[[Piece, str, str], Written]
    beside: Callable[[str, Sequence[Mapping[str, Any]]], list[str]] | None = None
    piece_bytes: int = 256 << 20

    def file(self, piece: Piece) -> str:
        """Return the name of a piece's file relative to the export."""
        return self.place.format(
            source=piece.source, split=piece.split, name=piece.name, number=piece.number
        )


def _alone(write: Callable[[Piece, str], Written]) -> Callable[[Piece, str, str], Written]:
    return lambda piece, url, dest: write(piece, url)


_HUB = "data/{source}/{name}.parquet"
_TAR = "{split}/{source}-{number:05d}.tar"
FORMATS = {
    form.name: form
    for form in (
        Format(name="hub", place=_HUB, write=_alone(parquet.write_cauldron)),
        Format(name="trl", place=_HUB, write=_alone(parquet.write_messages)),
        Format(name="samples", place=_HUB, write=_alone(parquet.write_samples)),
        Format(name="webdataset", place=_TAR, write=_alone(tars.write_tar)),
        Format(
            name="energon",
            place=_TAR,
            write=_alone(tars.write_indexed_tar),
            beside=tars.energon_files,
        ),
        Format(
            name="mds",
            place="{split}/{source}-{number:05d}.mds",
            write=_alone(mds.write_mds),
            beside=mds.mds_indexes,
            piece_bytes=64 << 20,
        ),
        Format(name="jsonl", place="{source}/{name}.jsonl", write=lines.write_lines),
        Format(
            name="llava",
            place=HIDDEN + "/lines/{split}/{source}-{number:05d}.jsonl",
            write=lines.write_llava,
            beside=lines.llava_files,
        ),
    )
}


def format_named(name: str) -> Format:
    """Return a format.

    Raises:
        UsageError: if there is none of this name.
    """
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(f"no format '{name}'{near(name, FORMATS)}", hint=f"one of: {known}")
    return FORMATS[name]


def write_piece(name: str, piece: Piece, dest: str) -> dict[str, Any]:
    """Write one piece; a file without samples is not kept.

    Returns:
        `source`, `split`, `file`, `rows`, `size_bytes`, `sha256` and `left_out`.
    """
    form = FORMATS[name]
    file = form.file(piece)
    url = files.join(dest, file)
    written = form.write(piece, url, dest)
    if not written.rows:
        files.remove(url)
    place = {"source": piece.source, "split": piece.split, "file": file}
    return {**place, **written.as_dict()}

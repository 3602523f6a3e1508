"""Interleaved documents as tars for training: each text and each picture is a member of its own.

`<key>.<index>.text.txt` and `<key>.<index>.image.<ending>` are the parts of a document, and
`<key>.metadata.txt` names them in order, one a line. A document that lacks one of them is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._pages import FILTERS
from cauldron.sources._parallel import Columns, converter, expanded
from cauldron.sources._parallel_files import one_a_file
from cauldron.sources.base import Form

_LIST = ".metadata.txt"
_PARTS = Columns(about=(), page=("page",))


def training_tars_form(source: str) -> Form:
    """Return the form of the tars that Idefics2 was trained on."""

    def files(raw: Raw, split: str) -> list[Found]:
        return raw.find(f"*{_LIST}") if split == "train" else []

    return Form(
        name="tars",
        files=files,
        splits=lambda raw: ["train"] if files(raw, "train") else [],
        rows=lambda raw, found, split: one_a_file(found, split, source),
        key=lambda row: f"{row.file.removesuffix(_LIST)}{row.record}",
        convert=converter(()),
        open=_opened,
        options=(FILTERS, OPT_OUT),
        wanted="tars of <key>.<index>.text.txt, <key>.<index>.image.jpg and <key>.metadata.txt",
    )


def _opened(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read the members that a document names."""
    texts: list[str | None] = []
    images: list[dict[str, bytes | str] | None] = []
    name = _LIST
    try:
        listed = raw.read(row.data["url"], LIMITS.max_line_bytes).decode("utf-8-sig").split("\n")
        for name in filter(None, map(str.strip, listed)):
            data = raw.read(row.near(name.rpartition("/")[2]), LIMITS.max_image_bytes)
            is_text = name.endswith(".text.txt")
            texts.append(data.decode("utf-8-sig") if is_text else None)
            images.append(None if is_text else {"bytes": data, "path": name.rpartition("/")[2]})
    except (StorageError, UnicodeDecodeError) as error:
        yield replace(row, data=Reject(reason="half_sample", detail=f"{name}: {_why(error)}"))
        return
    told = replace(row, data={"texts": texts, "images": images, "page": {}})
    yield from expanded(told, _PARTS, lambda picture: picture["bytes"] if picture else None)


def _why(error: StorageError | UnicodeDecodeError) -> str:
    return error.message[:200] if isinstance(error, StorageError) else "not UTF-8"

"""Pictures that rules leave out of documents: their bytes and their places go, all else stays."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from cauldron.curate.edits import Edit, edited
from cauldron.sample import SAMPLE_SCHEMA, document_messages


def document(n: int, parts: tuple[str | int, ...]) -> dict[str, Any]:
    images = [{"bytes": f"{n}-{k}".encode(), "path": None} for k in range(parts.count(0) and 3)]
    return {
        "id": f"x/train/{n}",
        "source": "x",
        "messages": document_messages(parts),
        "images": images,
        "license": "",
        "origin": {"file": "f", "record": str(n)},
        "extra": "",
    }


def test_a_picture_leaves_with_its_place_in_the_text() -> None:
    rows = [document(0, ("a", 0, "b", 1, 2, "c")), document(1, ("only text",))]
    table = pa.Table.from_pylist(rows, SAMPLE_SCHEMA)
    found = edited(table, [Edit(images=(0, 2)), None], {}).to_pylist()
    assert found[0]["messages"] == document_messages(("a", "b", 1, "c"))
    assert [image["bytes"] for image in found[0]["images"]] == [b"0-1"]
    assert found[1] == rows[1]

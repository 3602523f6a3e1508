"""JSON lines and LLaVA's JSON, with pictures as files under their hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cauldron.publish.pictures import store
from cauldron.publish.pieces import Piece
from cauldron.publish.shapes import llava_row
from cauldron.publish.written import Written
from cauldron.storage import files

IMAGES = "images"


def write_lines(piece: Piece, url: str, dest: str) -> Written:
    """Write a piece as JSON lines; `images` lists names of files relative to `dest`."""
    rows = 0
    with files.open_output(url) as file:
        for sample in piece.samples():
            names = store(sample, files.join(dest, IMAGES))
            images = [
                {"file": f"{IMAGES}/{name}", "path": image["path"]}
                for name, image in zip(names, sample["images"], strict=True)
            ]
            file.write(orjson.dumps({**sample, "images": images}) + b"\n")
            rows += 1
        file.flush()
        receipt = file
    return Written(rows=rows, size_bytes=receipt.size_bytes, sha256=receipt.sha256)


def write_llava(piece: Piece, url: str, dest: str) -> Written:
    """Write a piece as lines of LLaVA's JSON, which `llava_files` joins."""
    rows = 0
    left_out: Counter[str] = Counter()
    with files.open_output(url) as file:
        for sample in piece.samples():
            shaped = llava_row(sample, [""] * len(sample["images"]))
            if isinstance(shaped, str):
                left_out[shaped] += 1
                continue
            names = store(sample, files.join(dest, IMAGES))
            file.write(orjson.dumps(llava_row(sample, names)) + b"\n")
            rows += 1
        file.flush()
        receipt = file
    return Written(
        rows=rows,
        size_bytes=receipt.size_bytes,
        sha256=receipt.sha256,
        left_out=dict(sorted(left_out.items())),
    )


def llava_files(dest: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Join the lines of each split to one JSON list; returns the names of the lists."""
    names = []
    for split in dict.fromkeys(result["split"] for result in results):
        names.append(f"{split}.json")
        lines = [files.join(dest, r["file"]) for r in results if r["split"] == split and r["rows"]]
        with files.open_output(files.join(dest, names[-1])) as file:
            mark = b"[\n"
            for url in lines:
                with files.open_input(url) as piece:
                    for line in piece:
                        file.write(mark + line.rstrip(b"\n"))
                        mark = b",\n"
            file.write(b"[]\n" if mark == b"[\n" else b"\n]\n")
    return names

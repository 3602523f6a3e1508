"""A raw tree of hostile files for many sources, and one recipe that ingests all of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS
from tests.trust.archives import hostile_archives
from tests.trust.odd_files import (
    odd_cells,
    odd_columns,
    odd_lines,
    odd_objects,
    odd_pages,
    odd_pictures,
)
from tests.trust.pdfs import hostile_pdfs
from tests.trust.pictures import gif_of, jpeg_head, png_bomb

ANY = "train"
OWN = {
    "pictures": {"files": "*.jsonl", "images": "{image}", "turns": [["What is it?", "A picture."]]},
    "objects": {"files": "*.json", "text": "{a}"},
    "words": {"files": "*.jsonl", "turns": [["{text}", "{text}"]]},
    "cells": {"files": "*.csv", "turns": [["{text}", "{text}"]]},
    "columns": {"files": "*.parquet", "text": "{a}"},
}
"""Sources described by their own YAML, by name."""


def hostile_tree(bad: Path, raw: Path) -> None:
    """Lay the files of a folder of bad inputs out as the raw data of several sources."""
    _pictures(bad, raw / "pictures")
    _copied(sorted((bad / "json").iterdir()), raw / "objects")
    _copied(sorted((bad / "parquet").iterdir()), raw / "columns")
    _copied(sorted((bad / "parquet").iterdir()), raw / "docvqa", start="train-")
    _pdfs(bad, raw / "pdf")
    _pages(bad, raw / "html")
    strings = json.loads((bad / "text" / "naughty_strings.json").read_bytes())
    payloads = json.loads((bad / "html" / "xss_payloads.json").read_bytes())
    _lines(raw / "words" / "words.jsonl", ({"text": text} for text in strings + payloads))
    _lines(raw / "llava" / "chat.jsonl", (_chat(text) for text in strings + payloads))
    _csv(raw / "cells" / "cells.csv", strings + payloads)


EVERY = ("docvqa", "pdf", "html", "llava")


def hostile_recipe(folder: Path, others: Sequence[str] = EVERY, **changes: Any) -> Path:
    """Write a recipe over the tree in `folder/raw`, with a description of each own source."""
    for name, told in OWN.items():
        turns = [{"user": u, "assistant": a} for u, a in told.get("turns", ())]
        own = {"name": name, **told, **({"turns": turns} if turns else {})}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own))
    sources = [*(f"{name}.yaml" for name in OWN), *others]
    ingest = [
        {"source": s, "raw": [f"raw/{s.removesuffix('.yaml')}"], "max_rejects": 1.0}
        for s in sources
    ]
    recipe = {"schema_version": 1, "name": "hostile", "ingest": ingest, **changes}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def made_tree(raw: Path) -> dict[str, int]:
    """Write several hundred bad files, made of nothing; return how many by source."""
    pictures = [
        (f"{name}{number}", mutated(name, number, TARGETS[name].seeds()))
        for name in ("jpeg", "png", "webp", "gif", "tiff", "bmp")
        for number in range(40)
    ]
    pictures += [("bomb", png_bomb(13_000)), ("huge", jpeg_head(65_500)), ("long", gif_of(999))]
    _written(raw / "pictures" / "images", pictures, "")
    _lines(raw / "pictures" / "all.jsonl", ({"image": f"images/{name}"} for name, _ in pictures))
    kinds = {"objects": ("json", ".json", 60), "words": ("lines", ".jsonl", 60),
             "cells": ("csv", ".csv", 40), "columns": ("parquet", ".parquet", 40),
             "html": ("html", ".html", 60)}  # fmt: skip
    for source, (target, ending, number) in kinds.items():
        seeds = TARGETS[target].seeds()
        made = [(f"{target}{n}", mutated(target, n, seeds)) for n in range(number)]
        if source == "html":
            made += [(f"xml{n}", mutated("xml", n, TARGETS["xml"].seeds())) for n in range(20)]
        _written(raw / source, made, ending)
    pdfs = [*hostile_pdfs().items()] + [
        (f"pdf{n}", mutated("pdf", n, TARGETS["pdf"].seeds())) for n in range(25)
    ]
    _written(raw / "pdf", [(n, d) for n, d in pdfs if len(d) < 1_000_000], ".pdf")
    archives = hostile_archives(raw / "outside")
    for name, data in archives.items():
        _written(raw / "words", [(name, data)], "")
    for kind in ("tar", "zip"):
        seeds = TARGETS[kind].seeds()
        made = [(f"{kind}{n}", mutated(kind, n, seeds)) for n in range(20)]
        _written(raw / "words", made, f".{kind}")
    return {"pictures": len(pictures), "files": sum(1 for p in raw.rglob("*") if p.is_file())}


def odd_tree(raw: Path) -> int:
    """Write the files that tools stumble over, for every source of `hostile_recipe`."""
    pictures = odd_pictures()
    _written(raw / "pictures" / "images", pictures.items(), "")
    _lines(raw / "pictures" / "all.jsonl", ({"image": f"images/{name}"} for name in pictures))
    _written(raw / "objects", odd_objects().items(), ".json")
    _written(raw / "words", odd_lines().items(), ".jsonl")
    _written(raw / "cells", odd_cells().items(), ".csv")
    _written(raw / "columns", odd_columns().items(), ".parquet")
    _written(raw / "html", odd_pages().items(), ".html")
    return len(pictures)


def _written(folder: Path, made: Iterable[tuple[str, bytes]], ending: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in made:
        (folder / f"{name}{ending}").write_bytes(data)


def _pictures(bad: Path, folder: Path) -> None:
    found = sorted([*(bad / "images").iterdir(), *(bad / "images_odd").iterdir()])
    _copied(found, folder / "images")
    _lines(folder / "all.jsonl", ({"image": f"images/{path.name}"} for path in found))


def _copied(found: list[Path], folder: Path, start: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in found:
        shutil.copy(path, folder / f"{start}{path.name}")


def _pdfs(bad: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in sorted((bad / "pdf").iterdir()):
        shutil.copy(path, folder / f"{path.stem}.pdf")


def _pages(bad: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, page in enumerate(_page_texts(bad)):
        (folder / f"{number:04d}.html").write_bytes(page.encode("utf-8", "surrogatepass"))
    for path in sorted((bad / "xml").iterdir()):
        shutil.copy(path, folder / f"{path.stem}.html")


def _page_texts(bad: Path) -> Iterator[str]:
    for path in sorted((bad / "html").iterdir()):
        told = json.loads(path.read_bytes())
        if isinstance(told, list):
            yield from told
        else:
            tests = told.get("tests") or told.get("xmlViolationTests") or []
            yield from (test["input"] for test in tests)


def _lines(path: Path, records: Iterator[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _chat(text: str) -> dict[str, Any]:
    said = [{"from": "human", "value": text}, {"from": "gpt", "value": text}]
    return {"id": text, "conversations": said}


def _csv(path: Path, strings: list[str]) -> None:
    import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        writer.writerows([text] for text in strings)

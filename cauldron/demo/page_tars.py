"""Documents whose pages have their text beside them: PDFA, OCR-IDL, and Docmatix made of them."""

from __future__ import annotations

from typing import Any

import orjson

from cauldron.demo.articles import article, pages_of
from cauldron.demo.drawing import NOT_A_PICTURE, cut_off, jpeg
from cauldron.demo.pdf_file import HEIGHT, WIDTH, Line, Page
from cauldron.demo.pdf_file import pdf as pdf_bytes
from cauldron.demo.scenes import scene, things
from cauldron.demo.screens import parquet
from cauldron.demo.tree import Rng, Tree, tar

Record = dict[str, Any]


def pdfa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write PDFA: tars of a PDF and its lines, some of them far from each other."""
    first: dict[str, bytes] = {}
    for number in range(max(records // 3, 4)):
        pages = _document(rng, 1 + number % 2)
        first[f"{number:07d}.pdf"] = pdf_bytes(pages)
        first[f"{number:07d}.json"] = _told([_with_words(page) for page in pages])
    members = dict(sorted(first.items(), key=lambda item: item[0][::-1]))
    tree.plant("pdfa", "members in no order", "read", (), "pdfa-eng-train-0000.tar")
    page = pdf_bytes(_document(rng, 1)[:1])
    lines = _told([_flat([Line(x=50, y=100, text="Flat lines, as older files have them.")])])
    members |= {"0900001.pdf": page, "0900001.json": lines}
    members |= {"0900002.pdf": page, "0900002.json": _told([_flat([])])}
    members |= {"0900003.pdf": NOT_A_PICTURE, "0900003.json": lines}
    members |= {"0900004.pdf": page, "0900005.json": lines}
    members |= {"0900006.pdf": page, "0900006.json": b'{"pages": ['}
    members |= {"0900007.pdf": page, "0900007.json": _told([_flat([Line(x=0, y=0, text="x")])] * 2)}
    tree.plant("pdfa", "page without text", "skipped", "page_without_text", "0900002")
    tree.plant("pdfa", "HTML page, not a PDF", "quarantined", "damaged", "0900003")
    tree.plant("pdfa", "half a sample", "quarantined", "half_sample", "0900004", "0900005")
    tree.plant("pdfa", "half a JSON", "quarantined", "malformed_record", "0900006")
    tree.plant("pdfa", "more pages told than there are", "quarantined", "page_missing", "0900007/2")
    tree.write("pdfa/pdfa-eng-train-0000.tar", tar(members))
    again = {name: first[name] for name in ("0000001.json", "0000001.pdf")}
    tree.write("pdfa/pdfa-eng-train-0001.tar", tar(again))
    tree.plant("pdfa", "key again in another tar", "skipped", "duplicate_key", "0000001")
    tree.json("pdfa/_pdfa-english-train-info-minimal.json", {"shardlist": []})
    return ["pdfa"]


def ocr_idl(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write OCR-IDL: tars of scans with flat lines and scores, and the older text."""
    for shard in range(2):
        members: dict[str, bytes] = {}
        for number in range(max(records // 6, 3)):
            key, pages = f"x{shard}b{number:05d}", _document(rng, 1)
            members[f"{key}.json"] = _told(
                [_flat(page, 0.5 + 0.4 * rng.random()) for page in pages]
            )
            spelt = "\f".join("\r\n".join(_texts(page)) for page in pages)
            members[f"{key}.ocr"] = b"\xef\xbb\xbf" + spelt.encode()
            members[f"{key}.pdf"] = pdf_bytes(pages)
        if shard:
            blank, page = pdf_bytes([[]]), pdf_bytes(_document(rng, 1)[:1])
            members |= {"blank001.json": _told([_flat([])]), "blank001.pdf": blank}
            tree.plant("ocr_idl", "blank page", "skipped", "page_without_text", "blank001")
            members |= {"text0001.ocr": b"alone", "text0001.pdf": page}
            tree.plant("ocr_idl", "no JSON file", "quarantined", "half_sample", "text0001")
        payload = tar(members)
        tree.write(f"ocr_idl/idl-train-{shard:05d}.tar", payload)
    tree.write("ocr_idl/idl-train-00002.tar", cut_off(payload))
    tree.plant("ocr_idl", "tar that was cut off", "quarantined", "archive_damaged", "00002.tar")
    return ["ocr_idl"]


def docmatix(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Docmatix: Parquet of pages and questions."""
    rows: list[Record] = []
    for number in range(records):
        shown = [things(rng, 3) for _ in range(1 + number % 3)]
        cells = [{"bytes": jpeg(scene(rng, seen)), "path": None} for seen in shown]
        asked = [
            ("What does the report say?", f"It is about the {seen[0].name}.") for seen in shown
        ]
        told = [
            {"user": f"{q} ({k + 1})", "assistant": a, "source": f"PDFA key: {number:07d}"}
            for k, (q, a) in enumerate(asked)
        ]
        rows.append({"images": cells, "texts": told})
    rows += [{**rows[0], "images": []}, {**rows[0], "texts": []}]
    tree.plant("docmatix", "document without pages", "quarantined", "image_missing", str(records))
    tree.plant("docmatix", "no questions", "quarantined", "no_turns", str(records + 1))
    tree.write("docmatix/data/train-00000-of-01106.parquet", parquet(rows, group=10))
    return ["docmatix"]


def _document(rng: Rng, columns: int) -> list[Page]:
    return pages_of(article(rng, 5, 1), columns)


def _texts(page: Page) -> list[str]:
    return [item.text for item in page if isinstance(item, Line)]


def _flat(page: Page, score: float = 1.0) -> Record:
    """Return the lines of a page; boxes are shares of it: left, top, width, height."""
    lines = [item for item in page if isinstance(item, Line)]
    boxes = [
        [line.x / WIDTH, (line.y - line.size) / HEIGHT, 0.4, line.size / HEIGHT] for line in lines
    ]
    return {"text": _texts(page), "bbox": boxes, "score": [round(score, 3)] * len(lines)}


def _with_words(page: Page) -> Record:
    spelt = _texts(page)
    words = [(word, n, k) for n, line in enumerate(spelt) for k, word in enumerate(line.split())]
    return {
        "words": {"text": [w for w, _, _ in words], "line_pos": [[n, k] for _, n, k in words]},
        "lines": _flat(page),
        "images_bbox": [],
        "images_bbox_no_text_overlap": [],
    }


def _told(pages: list[Record]) -> bytes:
    return orjson.dumps({"pages": pages})

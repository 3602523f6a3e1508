"""Documents: a folder of PDF files, a folder of web pages, and OBELICS with its picture store."""

from __future__ import annotations

import hashlib
import io
import tarfile
from html import escape
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.demo import words
from cauldron.demo.articles import Article, article, edited, pages_of, scan_of
from cauldron.demo.drawing import NOT_A_PICTURE, cut_off, png
from cauldron.demo.pdf_file import pdf as pdf_bytes
from cauldron.demo.scenes import backdrop
from cauldron.demo.tree import Rng, Tree

_OBELICS = "data/train-00000-of-00001.parquet"
_CHARSETS = ("utf-8", "windows-1252", "utf-8-sig")


def pdf(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write PDF files of one and two columns with figures, a scan, copies and damaged files."""
    told = [article(rng, 3 + number % 4, 1 + number % 2) for number in range(max(records // 4, 4))]
    written = [pdf_bytes(pages_of(said, 1 + number % 2)) for number, said in enumerate(told)]
    for number, data in enumerate(written):
        tree.write(f"pdf/report_{number:02d}.pdf", data)
    close = pdf_bytes(pages_of(edited(told[2]), 1))
    later = max(_pdf_id(written[2]), _pdf_id(close))  # of near duplicates the first id is kept
    tree.plant("pdf", "document with a small edit", "dedup", "near_duplicate_text", later)
    odd = {
        "scan": pdf_bytes(scan_of(told[0])),
        "zz_again": written[1],
        "zz_edited": close,
        "zz_error": NOT_A_PICTURE,
        "zz_zero": b"",
    }
    for name, data in odd.items():
        tree.write(f"pdf/{name}.pdf", data)
    tree.plant("pdf", "scan without text", "skipped", "page_without_text", "scan.pdf")
    tree.plant("pdf", "file again under another name", "skipped", "duplicate_file", "zz_again.pdf")
    tree.plant("pdf", "HTML page, not a PDF", "quarantined", "damaged", "zz_error.pdf")
    tree.plant("pdf", "file of zero bytes", "quarantined", "damaged", "zz_zero.pdf")
    return ["pdf"]


def _pdf_id(data: bytes) -> str:
    return f"pdf/train/{hashlib.sha256(data).hexdigest()[:16]}"


def html(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write web pages with menus, figures, lists and tables; pictures lie beside them."""
    told = [article(rng, 4, 1 + number % 2) for number in range(max(records // 2, 6))]
    for number, said in enumerate(told):
        folder = f"html/site{number % 3}"
        names = [f"images/{number:02d}-{k}.jpg" for k in range(len(said.pictures))]
        for name, data in zip(names, said.pictures, strict=True):
            tree.write(f"{folder}/{name}", data)
        tree.write(f"{folder}/page{number:02d}.html", _page(said, names, _CHARSETS[number % 3]))
    tree.plant("html", "byte order marks, windows-1252, entities", "read", (), "page00.html")
    _page_copies(tree, told)
    _odd_pages(tree, rng, told[0])
    return ["html"]


def _page(said: Article, names: list[str], charset: str, extra: str = "") -> bytes:
    """Return a web page; furniture stands around the article, Windows line ends within."""
    shown = "".join(
        f'<figure><img src="{name}" alt="{escape(caption)}"><figcaption>{escape(caption)}'
        "</figcaption></figure>"
        for name, caption in zip(names, said.captions, strict=True)
    )
    first, *rest = (f"<p>{escape(text)}</p>" for text in said.paragraphs)
    named = charset.removesuffix("-sig")
    whole = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="{named}"><title>{escape(said.title)}</title>
<style>p {{ margin: 1em }}</style><script>var seen = 1;</script></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/all">All pages</a></li></ul></nav>
<article><h1>{escape(said.title)}</h1>
{first}{shown}{"".join(rest)}
<ul><li>Open daily &ndash; caf\u00e9 until five</li><li>Dogs &amp; bicycles welcome</li></ul>
<table><tr><th>Season</th><th>Visitors</th></tr><tr><td>Summer</td><td>many</td></tr></table>
{extra}</article>
<footer>Contact &middot; Imprint &middot; 2024</footer></body></html>
"""
    return whole.replace("\n", "\r\n").encode(charset)


def _page_copies(tree: Tree, told: list[Article]) -> None:
    """Plant a page that stands twice, and one that differs by a few words."""
    plans = (
        ("page again under another name", told[1], "exact_duplicate"),
        ("page with a small edit", edited(told[2]), "near_duplicate_text"),
    )
    for number, (trap, said, reason) in enumerate(plans):
        names = [f"images/copy{number}-{k}.jpg" for k in range(len(said.pictures))]
        for name, data in zip(names, said.pictures, strict=True):
            tree.write(f"html/zz_mirror/{name}", data)
        tree.write(f"html/zz_mirror/page{number}.html", _page(said, names, "utf-8"))
        tree.plant("html", trap, "dedup", reason, f"html/train/zz_mirror/page{number}.html")


def _odd_pages(tree: Tree, rng: Rng, like: Article) -> None:
    """Plant pages whose pictures are missing, broken or furniture, and pages without content."""
    said = article(rng, 4, 1)
    extra = (
        '<p><img src="images/gone.jpg" alt="gone"></p><p><img src="images/error.jpg"></p>'
        '<p><img src="images/cut.jpg"></p><p><img src="images/dot.gif" width="1" height="1"></p>'
        '<p><img src="images/drawing.svg"></p><p><img src="https://pictures.example/far.jpg"></p>'
    )
    folder = "html/zz_odd"
    tree.write(f"{folder}/images/good.jpg", said.pictures[0])
    tree.write(f"{folder}/images/error.jpg", NOT_A_PICTURE)
    tree.write(f"{folder}/images/cut.jpg", cut_off(like.pictures[0]))
    tree.write(f"{folder}/images/drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    tree.write(f"{folder}/pictures.html", _page(said, ["images/good.jpg"], "utf-8", extra))
    for trap, reason in (
        ("missing picture", "image_missing"),
        ("HTML page instead of a picture", "image_not_identified"),
        ("truncated picture", "image_truncated"),
        ("counting pixel", "image_pixel"),
        ("SVG drawing", "image_svg"),
        ("picture of another site", "image_remote"),
    ):
        tree.plant("html", trap, "notes", reason, "zz_odd/pictures.html")
    tree.write(f"{folder}/empty.html", b" \r\n")
    tree.plant("html", "empty page", "quarantined", "html_empty", "zz_odd/empty.html")
    tree.write(f"{folder}/picture.html", png(backdrop(rng)))
    tree.plant(
        "html", "picture instead of a page", "quarantined", "not_html", "zz_odd/picture.html"
    )
    only = _page(article(rng, 1, 0), [], "utf-8")
    tree.write(f"{folder}/text.html", only)
    tree.plant("html", "page without pictures", "skipped", "no_image", "zz_odd/text.html")


def obelics(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write OBELICS: a Parquet file of addresses and texts, and pictures in img2dataset tars."""
    rows, stored = [], []
    for number in range(records):
        said = article(rng, 3, 1 + number % 3)
        row, pictures = _web_document(said, number)
        rows.append(row)
        stored += pictures
    rows += _odd_documents(tree, rng, rows, stored)
    columns = ("images", "texts", "metadata", "general_metadata")
    schema = pa.schema(
        [
            ("images", pa.list_(pa.string())),
            ("metadata", pa.string()),
            ("general_metadata", pa.string()),
            ("texts", pa.list_(pa.string())),
        ]
    )
    listed = [{name: row[name] for name in columns} for row in rows]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(listed, schema), out, row_group_size=20)
    tree.write(f"obelics/{_OBELICS}", out.getvalue())
    tree.write("obelics_pictures/00000.tar", _store(stored))
    return ["obelics", "obelics_pictures"]


def _web_document(said: Article, number: int) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """Return a row and the pictures of its addresses."""
    page = f"https://site{number % 7}.example/articles/{number}.html"
    texts: list[str | None] = []
    images: list[str | None] = []
    about: list[dict[str, Any] | None] = []
    stored = []
    for place, paragraph in enumerate(said.paragraphs):
        texts.append(f"{said.title}\n\n{paragraph}" if place == 0 else paragraph)
        images.append(None)
        about.append(None)
        if place < len(said.pictures):
            url = f"https://site{number % 7}.example/pictures/{number}-{place}.jpg"
            stored.append((url, said.pictures[place]))
            texts.append(None)
            images.append(url)
            about.append(_about(page, url, said.captions[place]))
    general = {
        "url": page,
        "warc_filename": f"crawl-data/segment-{number % 3}.warc.gz",
        "warc_record_offset": 1000 * number,
        "warc_record_length": 4096,
    }
    row = {
        "images": images,
        "texts": texts,
        "metadata": orjson.dumps(about).decode(),
        "general_metadata": orjson.dumps(general).decode(),
    }
    return row, stored


def _about(page: str, url: str, caption: str) -> dict[str, Any]:
    return {
        "document_url": page,
        "unformatted_src": url.partition("example")[2],
        "src": url,
        "formatted_filename": url.rpartition("/")[2].removesuffix(".jpg"),
        "alt_text": caption,
        "rendered_width": "100%",
        "rendered_height": None,
        "original_width": 320,
        "original_height": 240,
        "format": "jpeg",
    }


def _odd_documents(
    tree: Tree, rng: Rng, rows: list[dict[str, Any]], stored: list[tuple[str, bytes]]
) -> list[dict[str, Any]]:
    """Plant copies of documents, lists of unequal length, and pictures that cannot be had."""
    first = f"obelics/train/{_OBELICS.removesuffix('.parquet')}"
    tree.plant("obelics", "document again", "dedup", "exact_duplicate", f"{first}/{len(rows)}")
    tree.plant(
        "obelics",
        "document with a small edit",
        "dedup",
        "near_duplicate_text",
        f"{first}/{len(rows) + 1}",
    )
    opening, *rest = rows[1]["texts"]
    near = {**rows[1], "texts": [words.edited(opening), *rest]}
    plain, _ = _web_document(article(rng, 3, 0), 900)
    ragged = {**plain, "texts": plain["texts"][:-1]}
    tree.plant("obelics", "lists of unequal length", "quarantined", "lists_differ", "900")
    gone, _ = _web_document(article(rng, 3, 1), 901)
    tree.plant("obelics", "picture that the store lacks", "skipped", "no_image_resolved", "901")
    broken, pictures = _web_document(article(rng, 3, 1), 902)
    stored += [(url, cut_off(data)) for url, data in pictures]
    tree.plant("obelics", "truncated picture in the store", "quarantined", "image_truncated", "902")
    return [dict(rows[0]), near, ragged, gone, broken]


def _store(pictures: list[tuple[str, bytes]]) -> bytes:
    """Return an img2dataset tar: for each picture `<key>.jpg` and `<key>.json`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number, (url, data) in enumerate(pictures):
            key = f"{number:09d}"
            told = {"url": url, "key": key, "status": "success", "error_message": None}
            for ending, payload in (("jpg", data), ("json", orjson.dumps(told))):
                entry = tarfile.TarInfo(f"{key}.{ending}")
                entry.size = len(payload)
                tar.addfile(entry, io.BytesIO(payload))
    return out.getvalue()

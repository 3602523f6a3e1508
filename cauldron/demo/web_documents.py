"""Web documents: archives of a crawl, and the sets that name pictures by address."""

from __future__ import annotations

import gzip
import io
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.demo.articles import Article, article
from cauldron.demo.tree import Rng, Tree

_DATE = "2024-03-01T10:00:00Z"


def warc(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write two web archives: pages in three codings, pictures, older copies, damage."""
    told = [article(rng, 4, 1 + n % 2) for n in range(max(records // 2, 8))]
    first = [_record("", b"software: cauldron demo\r\n", "warcinfo", "application/warc-fields")]
    second = []
    for number, said in enumerate(told):
        url = f"https://site{number % 3}.example/articles/{number}/"
        names = [f"{k}.jpg" for k in range(len(said.pictures))]
        first.append(_answer(url, "text/html; charset=utf-8", _page(said, names), number % 3))
        pictures = zip(names, said.pictures, strict=True)
        second += [_answer(url + name, "image/jpeg", data) for name, data in pictures]
    tree.plant("warc", "chunked and compressed pages", "read", (), "crawl-0.warc.gz")
    old = f"{_page(told[0], ['0.jpg']).decode()}<!-- old -->".encode()
    url = "https://SITE0.example:443/articles/0/?utm_source=feed#top"
    second.append(_answer(url, "text/html", old, date="2023-01-01T00:00:00Z"))
    tree.plant("warc", "older copy of a page", "skipped", "older_copy", "in 0", "in 1")
    second.append(_answer("https://site0.example/gone", "text/html", b"no", status="404 Not Found"))
    tree.plant("warc", "page that was not found", "skipped", "http_status", "gone")
    whole = b"".join(map(_packed, first))
    cut = _packed(_answer("https://site0.example/cut", "text/html", _page(told[1], [])))
    tree.write("warc/crawl-0.warc.gz", whole + cut[: len(cut) // 2] + _packed(first[1]))
    tree.plant("warc", "record cut off", "quarantined", "warc_record_damaged", str(len(whole)))
    tree.write("warc/crawl-1.warc", b"".join(second))
    tree.write(
        "warc/crawl-0.warc.wet.gz", _packed(_record("", b"text", "conversion", "text/plain"))
    )
    tree.plant("warc", "texts of a crawl", "quarantined", "wet_has_text_only", "wet")
    return ["warc"]


def _record(url: str, block: bytes, kind: str, media_type: str, date: str = _DATE) -> bytes:
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def _answer(
    url: str, kind: str, body: bytes, coding: int = 0, date: str = _DATE, status: str = "200 OK"
) -> bytes:
    """Return an HTTP answer; `coding` 1 sends it in chunks, 2 compressed."""
    told = ""
    if coding == 1:
        pieces = [body[n : n + 500] for n in range(0, len(body), 500)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        told = "Transfer-Encoding: chunked\r\n"
    elif coding == 2:
        body, told = gzip.compress(body, mtime=0), "Content-Encoding: gzip\r\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{told}\r\n".encode()
    return _record(url, head + body, "response", "application/http; msgtype=response", date)


def _packed(record: bytes) -> bytes:
    return gzip.compress(record, mtime=0)


def _page(said: Article, names: list[str]) -> bytes:
    pictures = "".join(f'<figure><img src="{name}"></figure>' for name in names)
    first, *rest = (f"<p>{text}</p>" for text in said.paragraphs)
    body = f"<h1>{said.title}</h1>{first}{pictures}{''.join(rest)}"
    return f"<!DOCTYPE html><title>{said.title}</title><main>{body}</main>".encode()


def mmc4(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MMC4: sentences, pictures assigned to them, files under their published names."""
    lines = []
    for number in range(records):
        said = article(rng, 3, 1 + number % 2)
        sentences = [
            s.strip() + "." for text in said.paragraphs for s in text.split(".") if s.strip()
        ]
        infos = []
        for k, data in enumerate(said.pictures):
            name = f"{number:06d}{k}.jpg"
            tree.write(f"mmc4/images/{name}", data)
            infos.append(_assigned(name, len(sentences) - 1 - k))
        lines.append(_matched(sentences, infos, number))
    lines.append(_matched(["One sentence."], [_assigned("zz_gone.jpg", 0)], 900))
    tree.plant("mmc4", "picture that is not there", "skipped", "no_image_resolved", "900")
    lines.append(_matched(["One sentence."], [_assigned("0000000.jpg", 5)], 901))
    reason = "matched_text_index_invalid"
    tree.plant("mmc4", "picture of a sentence that is not there", "quarantined", reason, "901")
    payload = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    tree.write("mmc4/docs_no_face_shard_0_v3.jsonl", payload)
    return ["mmc4"]


def _assigned(name: str, sentence: int) -> dict[str, Any]:
    return {
        "image_name": name,
        "raw_url": f"https://pictures.example/{name}",
        "matched_text_index": sentence,
        "matched_sim": 0.25,
        "face_detections": None,
    }


def _matched(sentences: list[str], infos: list[dict[str, Any]], number: int) -> dict[str, Any]:
    return {
        "text_list": sentences,
        "url": f"https://site{number % 7}.example/{number}",
        "image_info": infos,
        "similarity_matrix": [[0.1] * len(sentences) for _ in infos],
        "could_have_url_duplicate": 0,
    }


def omnicorpus(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write OmniCorpus: parallel lists with records of facts, pictures in a mirror."""
    return _parallel(tree, rng, records, "omnicorpus")


def mint_1t(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write the HTML part of MINT-1T: parallel lists, pictures in a mirror."""
    return _parallel(tree, rng, records, "mint_1t")


def comm(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CoMM: JSON lines of parallel lists, pictures in a mirror."""
    return _parallel(tree, rng, records, "comm")


def _parallel(tree: Tree, rng: Rng, records: int, name: str) -> list[str]:
    rows = []
    for number in range(records):
        said = article(rng, 3, 1 + number % 2)
        texts: list[str | None] = []
        images: list[str | None] = []
        for place, paragraph in enumerate(said.paragraphs):
            texts.append(paragraph)
            images.append(None)
            if place < len(said.pictures):
                path = f"pictures.example/{number}/{place}.jpg"
                tree.write(f"{name}_pictures/{path}", said.pictures[place])
                texts.append(None)
                images.append(f"https://{path}")
        rows.append(_row(name, texts, images, number))
    gone = "https://pictures.example/gone.jpg"
    rows.append(_row(name, ["Words.", None], [None, gone], 900))
    tree.plant(name, "picture that the store lacks", "skipped", "no_image_resolved", "900")
    rows.append(_row(name, ["Words."], [None, gone], 901))
    tree.plant(name, "lists of unequal length", "quarantined", "lists_differ", "901")
    if name == "comm":
        payload = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        tree.write("comm/documents.jsonl", payload)
    else:
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=20)
        tree.write(f"{name}/data/part-00000.parquet", out.getvalue())
    return [name, f"{name}_pictures"]


def _row(
    name: str, texts: list[str | None], images: list[str | None], number: int
) -> dict[str, Any]:
    url = f"https://site{number % 7}.example/{number}"
    if name == "comm":
        return {"id": number, "text": texts, "image_url": images}
    if name == "mint_1t":
        return {"texts": texts, "images": images, "url": url}
    facts = {"aesthetic_prob": 0.5, "width": 320, "height": 240, "unsafe_prob": 0.01}
    about = [facts if image else None for image in images][: len(texts)]
    page = {"url": url, "id": str(number), "porn_prob": 0.01}
    return {"texts": texts, "images": images, "metadata": about, "general_metadata": page}

"""Memory and speed of reading a web archive at one and at eight times a size.

    python benchmarks/warc.py [--megabytes 32] [--workers 2]

A .warc.gz of pages with their pictures is generated in a temporary folder and read with
`cauldron ingest warc`; then eight of it, with other addresses, in one file. What each process
holds alone and its share of what several hold (Linux: Pss) is added up several times a second.
Promise: the peak does not grow with the file (at most 1.25 times).
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cauldron.demo.articles import article
from cauldron.demo.tree import Rng, rng_of

PROMISED = 1.25
TIMES = 8
_HTTP = "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
_WARC = (
    "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-03-01T10:00:00Z"
    "\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {size}\r\n\r\n"
)


def member(url: str, kind: str, body: bytes) -> bytes:
    """Return a record as a gzip member."""
    block = _HTTP.format(kind=kind, size=len(body)).encode() + body
    head = _WARC.format(url=url, size=len(block)).encode()
    return gzip.compress(head + block + b"\r\n\r\n", compresslevel=1, mtime=0)


def page(chance: Rng, number: int, paragraphs: int = 40) -> list[tuple[str, str, bytes]]:
    """Return a page of about 25 kB and its picture: address, media type, body."""
    told = article(chance, paragraphs, 1)
    site = f"https://site{number % 50}.example/{number}"
    texts = "".join(f"<p>{text}</p>" for text in told.paragraphs)
    whole = f"<title>{told.title}</title><h1>{told.title}</h1><img src=a.jpg>{texts}"
    return [
        (f"{site}/index.html", "text/html; charset=utf-8", whole.encode()),
        (f"{site}/a.jpg", "image/jpeg", told.pictures[0]),
    ]


def generate(path: Path, size_bytes: int, bases: list[list[tuple[str, str, bytes]]]) -> int:
    """Write an archive of pages under addresses of their own; return how many there are."""
    pages = 0
    with path.open("wb") as file:
        while file.tell() < size_bytes:
            for url, kind, body in bases[pages % len(bases)]:
                own = body.replace(b"<h1>", b"<h1>%d " % pages) if kind != "image/jpeg" else body
                file.write(member(url.replace(".example/", f".example/{pages}/"), kind, own))
            pages += 1
    return pages


def measured(raw: Path, work: Path, workers: int) -> tuple[dict[str, Any], float]:
    """Ingest; return the counts and the peak in MB."""
    spec = importlib.util.spec_from_file_location("memory", Path(__file__).with_name("memory.py"))
    assert spec and spec.loader
    memory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(memory)
    command = [sys.executable, "-m", "cauldron", "ingest", "warc", str(raw), "-o", str(work)]
    found: tuple[dict[str, Any], float] = memory.measured(
        [*command, "--workers", str(workers), "--json"]
    )
    return found


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--megabytes", type=int, default=32)
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    chance = rng_of(0, "warc")
    bases = [page(chance, number) for number in range(60)]
    result: dict[str, Any] = {"workers": given.workers, "promised_growth": PROMISED}
    peaks = []
    for times in (1, TIMES):
        with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as name:
            raw = Path(name, "crawl.warc.gz")
            pages = generate(raw, given.megabytes * times << 20, bases)
            start = time.perf_counter()
            counts, peak = measured(raw, Path(name, "work"), given.workers)
            seconds = time.perf_counter() - start
        if counts["written"] != pages or counts["images"] != pages:
            raise SystemExit(f"{counts['written']} of {pages} pages were written")
        peaks.append(peak)
        result[f"{times}x"] = {
            "megabytes": given.megabytes * times,
            "pages": pages,
            "peak_mb": round(peak),
            "mb_per_s": round(given.megabytes * times / seconds, 1),
            "pages_per_s": round(pages / seconds, 1),
        }
    result["growth"] = round(peaks[1] / peaks[0], 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

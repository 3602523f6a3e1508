"""Pages of PDF files to samples, against a bare PyMuPDF loop that does the same.

    python benchmarks/pdf.py [FOLDER] [--pages 400] [--workers 1]

`cauldron ingest pdf --form pages` gives a sample a page, its picture and its text, in Parquet with
checksums, each file read in a process of its own with limits. The bare loop opens the same files in
one process, calls `get_text()` and `get_pixmap(dpi=150)`, encodes PNG and throws all of it away.
Files are those of FOLDER, or articles of two columns with figures that are made here. Promise: at
least 80 % of the pages a second of the bare loop. Both run in turn, the best of three of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pymupdf

PROMISED_SHARE = 0.8
RUNS = 3


def made(folder: Path, pages: int) -> list[Path]:
    """Write PDF files with so many pages in all, at least."""
    from cauldron.demo.articles import article, pages_of
    from cauldron.demo.pdf_file import pdf
    from cauldron.demo.tree import rng_of

    paths: list[Path] = []
    written = 0
    while written < pages:
        told = pages_of(article(rng_of(len(paths), "pdf"), 60, 6), 1 + len(paths) % 2)
        paths.append(folder / f"{len(paths):04d}.pdf")
        paths[-1].write_bytes(pdf(told))
        written += len(told)
    return paths


def bare(paths: list[Path], encode: bool = True) -> tuple[int, float]:
    """Return pages and seconds of the bare loop."""
    start, pages = time.perf_counter(), 0
    for path in paths:
        with pymupdf.open(path) as document:
            for page in document:
                page.get_text()
                pixels = page.get_pixmap(dpi=150)
                if encode:
                    pixels.tobytes("png")
                pages += 1
    return pages, time.perf_counter() - start


def ours(folder: Path, workers: int) -> tuple[int, float]:
    """Return pages and seconds of an ingest, the start of the program included."""
    with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as work:
        start = time.perf_counter()
        command = [sys.executable, "-m", "cauldron", "ingest", "pdf", str(folder), "-o", work]
        command += ["--form", "pages", "--max-rejects", "1", "--workers", str(workers), "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        entry = json.loads(done.stdout)
        return entry["read"], time.perf_counter() - start


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", nargs="?", type=Path)
    options.add_argument("--pages", type=int, default=400)
    options.add_argument("--workers", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as name:
        folder = given.folder or Path(name)
        paths = sorted(folder.glob("*.pdf")) if given.folder else made(folder, given.pages)
        best = {"bare": 0.0, "bare_without_png": 0.0, "cauldron": 0.0}
        for _ in range(RUNS):
            for key, run in (
                ("bare", lambda: bare(paths)),
                ("bare_without_png", lambda: bare(paths, encode=False)),
                ("cauldron", lambda: ours(folder, given.workers)),
            ):
                pages, seconds = run()
                best[key] = max(best[key], pages / seconds)
    share = best["cauldron"] / best["bare"]
    told = {f"{key}_pages_per_s": round(rate, 1) for key, rate in best.items()}
    print(json.dumps({"workers": given.workers, **told, "share": round(share, 2)}))
    if share < PROMISED_SHARE:
        raise SystemExit(f"{share:.2f} of the bare loop; promised: {PROMISED_SHARE}")


if __name__ == "__main__":
    main()

"""HTML pages to documents: pages and megabytes a second on one core, for pages of every kind.

    python benchmarks/web_pages.py [--pages 40] [--kilobytes 100] [--rounds 5] [--folder PAGES]

`articles` are generated in the shape of articles on the web: styles, scripts, menus, a head and a
foot around paragraphs with links and emphasis, figures with captions, lists and a table. `dense`
pages are text and tags only, without styles and scripts; `cyrillic` are dense pages in letters of
two bytes. With --folder the real pages below it are read too, each under its own name: what stands
in the body is repeated until the page has the size (a longer page is read as it is). `each_once` is
a single reading of all of them: the other figures gain from what is known of the tags of a page
that was read before. The time is that of the processor, so that other work on the machine counts
less. Promise: 300 pages of about 100 KB a second.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

from cauldron.demo import words
from cauldron.demo.tree import Rng, one_of, rng_of
from cauldron.media.html import read_page
from cauldron.media.html_pieces import compiled_passes

PROMISED = 300
WARM_UP = 200  # pages; compiled code is loaded after the first hundred
_FURNITURE = 0.55  # of the bytes of a page: styles, scripts, menus (the web's median is higher)


def page(chance: Rng, size_bytes: int, dense: bool) -> bytes:
    """Return a page of about a size."""
    around = "" if dense else _furniture(chance, int(size_bytes * _FURNITURE))
    blocks, held = [], len(around)
    while held < size_bytes:
        blocks.append(_block(chance, len(blocks)))
        held += len(blocks[-1])
    head, _, foot = around.partition("<!-- content -->")
    title = words.title(chance)
    whole = f"<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>{title}</title>{head}"
    return f"{whole}<article><h1>{title}</h1>{''.join(blocks)}</article>{foot}</body>".encode()


def _furniture(chance: Rng, size: int) -> str:
    rule = ".c%d > li a:hover { color: #%06x; margin: 0 auto; display: block }\n"
    code = "window.q%d = window.q%d || []; if (a < %d && b > 2) { q.push({ id: %d }); }\n"
    styles = "".join(rule % (n, chance.integers(1 << 24)) for n in range(size * 3 // 10 // 60))
    scripts = "".join(code % (n, n, n, n) for n in range(size * 5 // 10 // 75))
    links = "".join(
        f'<li class="menu-item menu-item-{n}"><a class="menu-link" href="/topics/{n}.html">'
        f"{words.title(chance)}</a></li>"
        for n in range(size // 10 // 110)
    )
    menu = f'<nav class="site-nav"><ul>{links}</ul></nav>'
    foot = f'<footer class="site-footer"><ul>{links}</ul></footer><script>{scripts}</script>'
    return f"<style>{styles}</style></head><body>{menu}<!-- content -->{foot}"


def _block(chance: Rng, number: int) -> str:
    text = words.paragraphs(chance, 1)[0].split()
    third = len(text) // 3
    first, second, rest = text[:third], text[third : 2 * third], text[2 * third :]
    marked = (
        f'{" ".join(first)} <a href="/see/{number}.html" class="link">{" ".join(second[:3])}</a> '
        f"<strong>{' '.join(second[3:6])}</strong> {' '.join(second[6:])} "
        f"<em>{' '.join(rest[:2])}</em> {' '.join(rest[2:])}"
    )
    kinds = [f'<p class="text">{marked}</p>'] * 6
    kinds.append(
        f'<figure class="wide"><img src="/img/{number}.jpg" srcset="/img/{number}-2x.jpg 2x" '
        f'width=640 height=480 alt="{words.title(chance)}">'
        f"<figcaption>{marked}</figcaption></figure>"
    )
    kinds.append(f"<h2>{words.title(chance)}</h2><ul>{f'<li>{marked}</li>' * 2}</ul>")
    row = f"<tr><td>{number}</td><td>{words.title(chance)}</td><td>{' '.join(first[:4])}</td></tr>"
    kinds.append(f"<table><tbody>{row * 5}</tbody></table>")
    return one_of(chance, kinds) + "\n"


_BODY = re.compile(rb"(<body\b[^>]*>)(.*)(</body>|\Z)", re.IGNORECASE | re.DOTALL)
_CYRILLIC = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстувзыьч")


def in_cyrillic(data: bytes) -> bytes:
    """Return a page with other letters in its texts."""
    pieces = re.split(r"(<[^>]*>)", data.decode())
    pieces[::2] = [text.translate(_CYRILLIC) for text in pieces[::2]]
    return "".join(pieces).encode()


def scaled(data: bytes, size_bytes: int) -> bytes:
    """Return a page whose body is repeated up to about a size."""
    found = _BODY.search(data)
    if not found or len(data) >= size_bytes:
        return data
    times = 1 + round((size_bytes - len(data)) / max(len(found[2]), 1))
    return data[: found.end(1)] + found[2] * times + data[found.end(2) :]


def measured(pages: list[bytes], rounds: int) -> dict[str, float | bool]:
    """Return pages and megabytes a second of the best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        parts = sum(len(read_page(data, url="https://h.org/a/").parts) for data in pages)
        best = min(best, time.process_time() - start)
    total = sum(map(len, pages))
    return {
        "pages": len(pages),
        "mean_kilobytes": round(total / len(pages) / 1000, 1),
        "parts": parts,
        "pages_per_s": round(len(pages) / best, 1),
        "mb_per_s": round(total / best / 1e6, 1),
        "holds": len(pages) / best >= PROMISED,
    }


def each_once(pages: list[bytes]) -> dict[str, float]:
    """Return pages, and hundreds of kilobytes, a second of one reading of pages not read before."""
    start = time.process_time()
    for data in pages:
        read_page(data, url="https://h.org/a/")
    took, total = time.process_time() - start, sum(map(len, pages))
    return {
        "pages": len(pages),
        "mean_kilobytes": round(total / len(pages) / 1000, 1),
        "pages_per_s": round(len(pages) / took, 1),
        "pages_of_100_kb_per_s": round(total / took / 1e5, 1),
    }


def kinds(given: argparse.Namespace) -> dict[str, list[bytes]]:
    """Return pages by what they are called."""
    chance, size = rng_of(0, "html"), given.kilobytes * 1000
    found = {
        name: [page(chance, size, dense) for _ in range(given.pages)]
        for name, dense in (("articles", False), ("dense", True))
    }
    # as many letters as the others have bytes would be twice the size
    found["cyrillic"] = [
        in_cyrillic(page(chance, size * 6 // 10, True)) for _ in range(given.pages)
    ]
    if given.folder:
        for path in sorted(given.folder.rglob("*.html")):
            found[path.stem] = [scaled(path.read_bytes(), size)]
    return found


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pages", type=int, default=40)
    options.add_argument("--kilobytes", type=int, default=100)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--folder", type=Path, help="read the .html files below it as well")
    given = options.parse_args()
    result: dict[str, object] = {"promised_pages_per_s": PROMISED}
    result["compiled"] = compiled_passes() is not None  # with the extra `fast`
    for _ in range(WARM_UP):
        read_page(page(rng_of(1, "html"), 2000, dense=True))
    if given.folder:
        paths = sorted(given.folder.rglob("*.html"))
        result["each_once"] = each_once([path.read_bytes() for path in paths])
    result |= {name: measured(pages, given.rounds) for name, pages in kinds(given).items()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()

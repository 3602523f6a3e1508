"""Pages are read the same whether the passes over their bytes are compiled or not."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest

from cauldron.media import html_pieces
from cauldron.media.html import PageError, read_page, read_page_as_obelics

PIECES = re.split(
    "[ \n]+",
    """<p> </p> <div> </div> <pre> </pre> <ul><li> <ol> <table><tr><td> <nav> <svg><g/> </svg> <b>
<a·href=x> </a> <a·href="/y?a=1&amp;b"·class=toc> <!--·note·--> <!-- --> <!--> &lt; &amp;lt; &amp;
&nbsp; &quot; &#x85; &#x2028; &#x3000; \x01 \x7f \x85 \xa0 \u2003 \u200b \ufeff e\u0301 中文 | »
<img·src=a.png·alt="x·>·<"> <picture><source·srcset=b.png> <figure> <figcaption> <noscript>
<select> <option> <input> <script> </script> <noembed> <xmp> <iframe> <plaintext> <math> <template>
<image> <br> <script·type="math/tex">x^2 <section·id=s> <blockquote> <custom-element> \0 < > & word
<span·class="math·q"> \U0001f600 <title> <textarea> </figure> </table> <h2> <style> <article> <main>
<header> <footer> <div·data-role="main"·id=TOC> <a·data-href=x·class=n> <div·aria-hidden="true">
<span·title="hidden"·id=mathX> <p·id="cite_1"·style="color:red"> <div·style="display:·none">
<a·href> <img·width=20·src=/i?role=x> <script·src=x·type="math/tex;·a">y <section·hidden> <i·id=é>
<div·id="a·toc"> <ul·role=navigation> <a·title="·x·href="> <blockquote·cite=x>
<p·a"b=c> <td·id=&amp;>""",
)


def _odd(chance: random.Random) -> bytes:
    pieces = chance.choices(PIECES, k=chance.choice((5, 40, 200)))
    spaces = chance.choices(("", "", " ", "\n\t "), k=len(pieces))
    page = "".join(itertools.chain(*zip(pieces, spaces, strict=True))).replace("·", " ")
    return page.encode()[: chance.choice((None, -1, -3))]


def _read(page: bytes) -> str:
    try:
        return repr((read_page(page, url="https://h.org/a"), read_page_as_obelics(page)))
    except PageError as error:
        return error.reason


def test_pages_are_read_the_same_compiled_or_not(
    slices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if html_pieces.compiled_passes() is None:
        pytest.skip("numba is not installed")
    chance = random.Random(0)
    pages = [path.read_bytes() for path in sorted((slices / "html").rglob("*.html"))]
    pages += [_odd(chance) for _ in range(300)]
    monkeypatch.setattr(html_pieces, "_FEW_PAGES", 1 << 62)
    plain = [_read(page) for page in pages]
    monkeypatch.setattr(html_pieces, "_FEW_PAGES", -1)
    assert [_read(page) for page in pages] == plain

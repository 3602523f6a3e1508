"""Hostile PDF files, made of nothing."""

from __future__ import annotations

import zlib

SCRIPT = "app.alert('CANARY-SCRIPT')"
CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
TEXT = b"BT /F 12 Tf 50 700 Td (Plain words stand on this page.) Tj ET"
FONT = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"


def pdf(*objects: bytes, trailer: bytes = b"<</Root 1 0 R>>") -> bytes:
    """Return a file of numbered objects, without the table that says where they stand."""
    out = b"%PDF-1.7\n"
    for number, body in enumerate(objects, start=1):
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return out + b"trailer" + trailer + b"\n%%EOF\n"


def stream(body: bytes, more: bytes = b"") -> bytes:
    """Return a stream object."""
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(body), more, body)


def page(contents: bytes = b"4 0 R", box: bytes = b"0 0 600 800", more: bytes = b"") -> bytes:
    """Return a page object."""
    shape = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents %s/Resources<<%s>>%s>>"
    return shape % (box, contents, FONT, more)


def hostile_pdfs() -> dict[str, bytes]:
    """Return files by what is wrong with them."""
    bomb = zlib.compress(bytes(30_000_000), 9)
    paths = b"".join(b"%d 0 m 600 %d l S\n" % (n % 600, n % 800) for n in range(200_000))
    action = b"/OpenAction<</S/JavaScript/JS(" + SCRIPT.encode() + b")>>"
    launch = b"/AA<</WC<</S/Launch/F(/bin/touch)>>>>"
    embedded = b"/Names<</EmbeddedFiles<</Names[(canary.txt) 5 0 R]>>>>"
    deep = b"[" * 50_000 + b"]" * 50_000
    return {
        "kids_of_itself": pdf(
            CATALOGUE, b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 9>>", page(), TEXT
        ),
        "parents_in_a_ring": pdf(CATALOGUE, PAGES, b"<</Type/Page/Parent 3 0 R>>"),
        "xref_of_itself": b"%PDF-1.5\nxref\n0 1\n0000000000 65535 f \n"
        b"trailer<</Root 1 0 R/Prev 9/Size 1>>\nstartxref\n9\n%%EOF",
        "count_lies": pdf(CATALOGUE, b"<</Type/Pages/Kids[3 0 R]/Count 2000000000>>", page()),
        "huge_page": pdf(CATALOGUE, PAGES, page(box=b"0 0 1000000 1000000"), stream(TEXT)),
        "no_area": pdf(CATALOGUE, PAGES, page(box=b"0 0 0 0"), stream(TEXT)),
        "packed_bomb": pdf(CATALOGUE, PAGES, page(), stream(bomb, b"/Filter/FlateDecode")),
        "many_paths": pdf(CATALOGUE, PAGES, page(), stream(paths)),
        "deep_arrays": pdf(CATALOGUE, PAGES, page(), deep),
        "picture_too_large": pdf(
            CATALOGUE,
            PAGES,
            page(more=b"/X 0").replace(FONT, FONT + b"/XObject<</I 5 0 R>>"),
            stream(b"600 0 0 800 0 0 cm /I Do"),
            stream(
                zlib.compress(bytes(1_000)),
                b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8"
                b"/ColorSpace/DeviceRGB/Filter/FlateDecode",
            ),
        ),
        "script": pdf(
            CATALOGUE.replace(b">>", action + launch + b">>", 1), PAGES, page(), stream(TEXT)
        ),
        "attachment": pdf(
            CATALOGUE.replace(b">>", embedded + b">>", 1),
            PAGES,
            page(),
            stream(TEXT),
            b"<</Type/Filespec/F(../../canary.txt)/EF<</F 6 0 R>>>>",
            stream(b"CANARY-ATTACHMENT", b"/Type/EmbeddedFile"),
        ),
        "not_encrypted_as_it_says": pdf(
            CATALOGUE, PAGES, page(), stream(TEXT), trailer=b"<</Root 1 0 R/Encrypt 3 0 R>>"
        ),
        "nothing_but_a_head": b"%PDF-1.7",
        "noise": b"%PDF-1.7\n" + bytes(range(256)) * 400,
    }


def endless_pdf() -> bytes:
    """Return a file whose page draws ten times what draws ten times ..., twelve deep."""
    forms = []
    for number in range(5, 17):
        inner = b"/X Do " * 10 if number < 16 else b"0 0 1 1 re f"
        more = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
        forms.append(stream(inner, more % (number + 1)))
    first = page(box=b"0 0 9 9").replace(FONT, b"/XObject<</X 5 0 R>>")
    return pdf(CATALOGUE, PAGES, first, stream(b"/X Do"), *forms)

"""Web documents as tars: OBELICS as it was trained on, MMC4 with its pictures, PDFs of MINT-1T."""

from __future__ import annotations

import base64
import io
from typing import Any

import orjson
from PIL import Image

from cauldron.demo.articles import Article, article
from cauldron.demo.drawing import cut_off
from cauldron.demo.tree import Rng, Tree, tar


def obelics_tars(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write the tars of Idefics2: each text and picture a member, and a list of them."""
    members: dict[str, bytes] = {}
    for number in range(records):
        _add_parts(members, f"{number:06d}", article(rng, 3, 1 + number % 2))
    said = article(rng, 2, 1)
    _add_parts(members, "900000", said)
    del members["900000.1.image.jpg"]
    tree.plant("obelics", "document that lacks a part", "quarantined", "half_sample", "900000")
    _add_parts(members, "900001", said)
    members["900001.1.image.jpg"] = cut_off(said.pictures[0])
    tree.plant("obelics", "truncated picture", "quarantined", "image_truncated", "900001")
    shuffled = dict(sorted(members.items(), key=lambda member: member[0][::-1]))
    tree.write("obelics_tars/00000.tar", tar(shuffled))
    tree.plant("obelics", "members in no order", "read", (), "00000.tar")
    return ["obelics_tars"]


def _add_parts(members: dict[str, bytes], key: str, said: Article) -> None:
    parts: list[tuple[str, bytes]] = []
    for place, paragraph in enumerate(said.paragraphs):
        parts.append(("text.txt", paragraph.encode()))
        if place < len(said.pictures):
            parts.append(("image.jpg", said.pictures[place]))
    names = [f"{key}.{number}.{kind}" for number, (kind, _) in enumerate(parts)]
    members |= {name: data for name, (_, data) in zip(names, parts, strict=True)}
    members[f"{key}.metadata.txt"] = "\n".join(names).encode()


def mmc4_tars(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MMC4 as OpenFlamingo packs it: tars of a JSON file a document, pictures inside."""
    members: dict[str, bytes] = {}
    for number in range(records):
        said = article(rng, 3, 1 + number % 2)
        members[f"{number:09d}.json"] = _packed(said, len(said.pictures))
    members["900000000.json"] = _packed(said, 1, place=99)
    reason = "matched_text_index_invalid"
    tree.plant(
        "mmc4", "picture of a sentence that is not there", "quarantined", reason, "900000000"
    )
    members["900000001.json"] = members["000000000.json"][:200]
    tree.plant("mmc4", "half a JSON", "quarantined", "json_invalid", "900000001")
    members["900000002.json"] = _packed(said, 0)
    tree.plant("mmc4", "document without pictures", "skipped", "no_image", "900000002")
    tree.write("mmc4_tars/000000000.tar", tar(members))
    return ["mmc4_tars"]


def _packed(said: Article, pictures: int, place: int = 0) -> bytes:
    infos: list[dict[str, Any]] = [
        {
            "image_name": f"{number:012x}.jpg",
            "raw_url": f"https://pictures.example/{number}.jpg",
            "matched_text_index": place + number,
            "matched_sim": 0.31,
            "image_base64": base64.b64encode(data).decode(),
        }
        for number, data in enumerate(said.pictures[:pictures])
    ]
    return orjson.dumps(
        {"text_list": said.paragraphs, "url": "https://site.example/", "image_info": infos}
    )


def mint_1t_files(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write the PDF part of MINT-1T: tars of lists, and of one TIFF whose frames are pictures."""
    members: dict[str, bytes] = {}
    for number in range(records):
        _add_pages(members, f"{number:05d}", article(rng, 3, 1 + number % 3))
    said = article(rng, 2, 1)
    _add_pages(members, "90000", said)
    del members["90000.tiff"]
    tree.plant("mint_1t", "document without its TIFF", "skipped", "no_image_resolved", "90000")
    _add_pages(members, "90001", said, extra=[None])
    tree.plant("mint_1t", "lists of unequal length", "quarantined", "lists_differ", "90001")
    _add_pages(members, "90002", said)
    members["90002.json"] = members["90002.json"][:40]
    tree.plant("mint_1t", "half a JSON", "quarantined", "json_invalid", "90002")
    tree.write("mint_1t_files/CC-MAIN-2024-18/shard-0/00000.tar", tar(members))
    return ["mint_1t_files"]


def _add_pages(
    members: dict[str, bytes], key: str, said: Article, extra: list[str | None] | None = None
) -> None:
    texts: list[str | None] = []
    images: list[str | None] = []
    for page, paragraph in enumerate(said.paragraphs):
        texts.append(paragraph)
        images.append(None)
        if page < len(said.pictures):
            texts.append(None)
            images.append(f"page_{page}_image_{40 + page}")
    about = [{"page": page, "xref": 40 + page} for page in range(len(said.pictures))]
    told = {"pdf_name": f"{key}.pdf", "url": f"https://site.example/{key}.pdf"}
    lists = {"texts": texts + (extra or []), "images": images, "image_metadata": about}
    members[f"{key}.json"] = orjson.dumps({**lists, **told})
    first, *rest = (Image.open(io.BytesIO(data)).convert("RGB") for data in said.pictures)
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=rest, compression="tiff_deflate")
    members[f"{key}.tiff"] = out.getvalue()

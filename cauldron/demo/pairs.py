"""Image-text pairs in their published lists; most pictures lie in a store of img2dataset."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from cauldron.demo.coco_photos import Photo, broken_2014, draw_photos, write_2014
from cauldron.demo.drawing import NOT_A_PICTURE, cut_off
from cauldron.demo.screens import parquet
from cauldron.demo.tree import Rng, Tree, one_of, tar

Record = dict[str, Any]
Listed = list[tuple[str, str]]
"""Captions and addresses."""

_SAYINGS = ("A photo of {}.", "{} by the road", "Just {} & nothing else", "my favourite: {}!")
_WIT = (
    "language page_url image_url page_title section_title hierarchical_section_title "
    "caption_reference_description caption_attribution_description caption_alt_text_description "
    "mime_type original_height original_width is_main_image attribution_passes_lang_id "
    "page_changed_recently context_page_description context_section_description"
).split()

_FLICKR = (
    "photoid uid unickname datetaken dateuploaded capturedevice title description usertags "
    "machinetags longitude latitude accuracy pageurl downloadurl licensename licenseurl serverid "
    "farmid secret secretoriginal ext marker"
).split()


def _caption(rng: Rng, photo: Photo) -> str:
    return str(one_of(rng, _SAYINGS)).format(", ".join(thing.name for thing in photo.shown))


def _listed(
    tree: Tree, rng: Rng, source: str, records: int, first: int, **more: Sequence[Any]
) -> Listed:
    """Draw pairs, put their pictures into a store, and plant such as cannot be had.

    Args:
        more: values of further fields of the sidecars, in turn.
    """
    pairs: Listed = []
    members: dict[str, bytes] = {}
    for number, photo in enumerate(draw_photos(rng, first, records)):
        url = f"https://pictures{number % 3}.example/{source}/{photo.number}.jpg?w=640"
        pairs.append((_caption(rng, photo), url))
        told = {name: values[number % len(values)] for name, values in more.items()}
        _store(members, number, url, photo.data, told)
    odd = {
        "cut": ("truncated picture", "quarantined", "image_truncated"),
        "error": ("HTML page instead of a picture", "quarantined", "image_not_identified"),
        "gone": ("picture that the store lacks", "skipped", "no_image_resolved"),
        "failed": ("download that failed", "skipped", "no_image_resolved"),
    }
    whole = members["000000000.jpg"]
    for place, (name, (trap, step, reason)) in enumerate(odd.items(), start=len(pairs)):
        url = f"https://pictures.example/{source}/{name}.jpg"
        tree.plant(source, trap, step, reason, name)
        pairs.append(("A picture that cannot be had", url))
        payload = {"cut": cut_off(whole), "error": NOT_A_PICTURE}.get(name)
        if name != "gone":
            _store(members, place, url, payload, {})
    tree.write(f"{source}/store/00000.tar", tar(members))
    return pairs


def _store(
    members: dict[str, bytes], number: int, url: str, data: bytes | None, more: Record
) -> None:
    status = "success" if data else "failed_to_download"
    told = {"url": url, "key": f"{number:09d}", "status": status, "error_message": None, **more}
    if data:
        members[f"{number:09d}.jpg"] = data
    members[f"{number:09d}.json"] = orjson.dumps(told, option=orjson.OPT_INDENT_2)


def laion_coco(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LAION-COCO: Parquet of addresses and captions, a store, pairs with tags."""
    pairs = _listed(tree, rng, "laion_coco", records, 810_000)
    rows: list[Record] = [
        {
            "URL": url,
            "caption": f"Buy now! {number}",
            "top_caption": caption,
            "all_captions": [caption, f"another view of {number}"],
            "similarity": round(float(rng.random()), 3),
            "NSFW": ("UNLIKELY", None)[number % 2],
        }
        for number, (caption, url) in enumerate(pairs)
    ]
    rows += [{**rows[0], "NSFW": "NSFW"}, {**rows[1], "NSFW": "UNSURE"}]
    tree.plant("laion_coco", "unsafe by its tag", "skipped", "nsfw_tag", "NSFW", "UNSURE")
    rows.append({**rows[0], "top_caption": " ", "all_captions": []})
    rows[-1]["caption"] = ""
    tree.plant("laion_coco", "no caption", "quarantined", "empty_caption", str(len(rows) - 1))
    tree.write("laion_coco/part-00000-ab12.snappy.parquet", parquet(rows, group=15))
    return ["laion_coco"]


def conceptual_captions(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Conceptual Captions: caption and address, no head row."""
    lines = [f"{c}\t{u}" for c, u in _listed(tree, rng, "conceptual_captions", records, 820_000)]
    lines += ["only a caption", f"\t{lines[0].partition(chr(9))[2]}"]
    tree.plant("conceptual_captions", "no address", "quarantined", "malformed_record", "only")
    tree.plant("conceptual_captions", "no caption", "quarantined", "empty_caption", "empty")
    tree.write("conceptual_captions/Train_GCC-training.tsv", "\n".join(lines).encode())
    return ["conceptual_captions"]


def conceptual_12m(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Conceptual 12M: address and caption, Windows line ends."""
    pairs = _listed(tree, rng, "conceptual_12m", records, 830_000)
    lines = [f"{url}\t<PERSON> and {caption}" for caption, url in pairs]
    tree.plant("conceptual_12m", "Windows line ends", "read", (), "cc12m.tsv")
    tree.write("conceptual_12m/cc12m.tsv", "\r\n".join(lines).encode())
    return ["conceptual_12m"]


def sbu_captions(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write SBU: two lists in one JSON file, the captions one short."""
    pairs = _listed(tree, rng, "sbu_captions", records, 840_000)
    urls = [url for _, url in pairs]
    tree.plant("sbu_captions", "lists of unequal length", "quarantined", "lists_differ", "last")
    told = {"image_urls": [*urls, urls[0]], "user_ids": [], "captions": [c for c, _ in pairs]}
    tree.write("sbu_captions/sbu-captions-all.json", orjson.dumps(told))
    return ["sbu_captions"]


def coco_captions(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write COCO captions: two on each picture, far apart in the list."""
    photos = draw_photos(rng, 850_000, max(records // 2, 4))
    write_2014(tree, photos)
    photos += broken_2014(tree, rng, "coco_captions", 859_000)
    told = [
        {"image_id": photo.number, "id": 10 * n + again, "caption": f"{_caption(rng, photo)} "}
        for again in range(2)
        for n, photo in enumerate(photos)
        if not (again and n >= len(photos) - 3)
    ]
    told.append({**told[0], "id": 1, "caption": ""})
    tree.plant("coco_captions", "no caption", "quarantined", "empty_caption", "1")
    tree.json("coco_captions/annotations/captions_train2014.json", {"annotations": told})
    return ["coco_captions", "coco2014"]


def visual_genome(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Visual Genome: phrases on regions, pictures in two folders."""
    told: list[Record] = []
    for number, photo in enumerate(draw_photos(rng, 2_400_000, records)):
        folder = ("VG_100K", "VG_100K_2")[number % 2]
        tree.write(f"visual_genome/{folder}/{photo.number}.jpg", photo.data)
        regions = [
            {
                "region_id": 100 * number + k,
                "image_id": photo.number,
                "phrase": f"a {thing.name} on the ground",
                "x": 10 * k,
                "y": 20,
                "width": 60,
                "height": 40,
            }
            for k, thing in enumerate(photo.shown)
        ]
        told.append({"id": photo.number, "regions": regions})
    told += [{"id": 2_999_999, "regions": told[0]["regions"]}, {"id": 1, "regions": []}]
    tree.plant("visual_genome", "missing picture", "quarantined", "image_missing", "2999999")
    tree.plant("visual_genome", "no phrases", "quarantined", "empty_caption", "1")
    tree.json("visual_genome/region_descriptions.json", told)
    return ["visual_genome"]


def wit(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write WIT: a packed table of 17 columns, captions in three of them, other languages."""
    kinds = [name for name in _WIT if name.startswith("caption_")]
    rows: list[Record] = []
    for number, (caption, url) in enumerate(_listed(tree, rng, "wit", records, 860_000)):
        said = f"English: {caption}" if number % 3 == 1 else caption
        page = 'He said "tab\there"\nand so on' if number % 4 == 0 else "A page"
        rows.append(
            {
                "language": "en",
                "image_url": url,
                "mime_type": "image/jpeg",
                "context_page_description": page,
                kinds[number % 3]: said,
            }
        )
    rows += [{**rows[0], "language": "de"}, {**rows[0], "mime_type": "image/svg+xml"}]
    rows.append({**rows[0], kinds[0]: ""})
    tree.plant("wit", "German row", "skipped", "other_language", "de")
    tree.plant("wit", "drawing", "skipped", "image_svg", "svg")
    tree.plant("wit", "no caption", "skipped", "no_caption", "none")
    out = io.StringIO()
    writer = csv.DictWriter(out, _WIT, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    payload = gzip.compress(out.getvalue().encode(), mtime=0)
    tree.write("wit/wit_v1.train.all-00000-of-00010.tsv.gz", payload)
    return ["wit"]


def redcaps(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RedCaps: a file a subreddit and year; some pictures lie where its tool puts them."""
    posts: list[Record] = []
    for number, (caption, url) in enumerate(_listed(tree, rng, "redcaps", records, 870_000)):
        posts.append(_post(f"a{number:05d}", ("cats", "birdpics")[number % 2], caption, url))
    for photo in draw_photos(rng, 875_000, 4):
        name = f"b{photo.number}"
        posts.append(_post(name, "cats", _caption(rng, photo), f"https://i.example/{name}.jpg"))
        tree.write(f"redcaps/images/cats/{name}.jpg", photo.data)
    posts.append({**posts[0], "image_id": "c1", "caption": ""})
    tree.plant("redcaps", "no caption", "quarantined", "empty_caption", "c1")
    for subreddit in ("cats", "birdpics"):
        told = [post for post in posts if post["subreddit"] == subreddit]
        tree.json(f"redcaps/annotations/{subreddit}_2017.json", {"annotations": told})
    return ["redcaps"]


def _post(name: str, subreddit: str, caption: str, url: str) -> Record:
    return {
        "image_id": name,
        "author": "somebody",
        "url": url,
        "raw_caption": caption,
        "caption": caption.lower(),
        "subreddit": subreddit,
        "score": 5,
        "created_utc": 1_500_000_000,
        "permalink": f"/r/{subreddit}/comments/{name}/",
        "crosspost_parents": None,
    }


def yfcc100m(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write YFCC100M: lines of 23 columns, texts as in addresses, licences by picture."""
    lines = []
    for number, (caption, url) in enumerate(_listed(tree, rng, "yfcc100m", records, 880_000)):
        title = f"IMG_{number:04d}" if number % 3 == 0 else caption
        lines.append(_flickr(number, title, f"<b>{caption}</b>", url))
    lines.append(_flickr(900, "A film", "", "https://pictures.example/900.jpg", marker="1"))
    lines.append(_flickr(901, "DSC00017.JPG", "", "https://pictures.example/901.jpg"))
    tree.plant("yfcc100m", "video", "skipped", "video", "900")
    tree.plant("yfcc100m", "name that a camera gave", "skipped", "no_caption", "901")
    lines.append("902\ttoo short")
    tree.plant("yfcc100m", "line of two columns", "quarantined", "malformed_record", "902")
    tree.write("yfcc100m/yfcc100m_dataset", "\n".join(lines).encode())
    return ["yfcc100m"]


def yfcc100m_sqlite(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write YFCC100M as its SQLite file: a row a picture, texts as in addresses."""
    rows = [
        _flickr(number, caption, "", url).split("\t")
        for number, (caption, url) in enumerate(_listed(tree, rng, "yfcc100m", records, 885_000))
    ]
    rows.append(
        _flickr(900, "A film", "", "https://pictures.example/900.jpg", marker="1").split("\t")
    )
    tree.plant("yfcc100m", "video", "skipped", "video", "900")
    columns = ", ".join(_FLICKR)
    marks = ", ".join("?" * len(_FLICKR))
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE yfcc100m_dataset ({columns})")
        database.executemany(f"INSERT INTO yfcc100m_dataset VALUES ({marks})", rows)
        database.commit()
        tree.write("yfcc100m/yfcc100m_dataset.sql", database.serialize())
    return ["yfcc100m"]


def _flickr(number: int, title: str, description: str, url: str, marker: str = "0") -> str:
    cells = [""] * 23
    cells[0], cells[1] = str(number), "12@N01"
    cells[6] = title.replace("&", "%26").replace(" ", "+")
    cells[7] = description.replace("&", "%26amp%3B").replace(" ", "+")
    cells[14], cells[15] = url, "Attribution License"
    cells[16] = "http://creativecommons.org/licenses/by-sa/2.0/"
    cells[21], cells[22] = "jpg", marker
    return "\t".join(cells)


def pmd(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write PMD: a table of pictures by address or in its cells."""
    pairs = _listed(tree, rng, "pmd", records, 890_000)
    rows: list[Record] = [
        {"image_url": url, "image": None, "text": caption, "source": "wit", "meta": "{}"}
        for caption, url in pairs
    ]
    for photo in draw_photos(rng, 895_000, 4):
        cell = {"bytes": photo.data, "path": photo.plain}
        held = {"image_url": None, "image": cell, "text": _caption(rng, photo)}
        rows.append({**held, "source": "visual_genome", "meta": '{"region_id": 7}'})
    rows.append({**rows[0], "image_url": None})
    tree.plant("pmd", "neither picture nor address", "quarantined", "image_missing", "none")
    tree.write("pmd/data/train-00000-of-00002.parquet", parquet(rows))
    return ["pmd"]


def pairs(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write pairs of one's own: JSON lines, pictures by file and by address."""
    lines: list[Record] = [
        {"url": url, "caption": caption} for caption, url in _listed(tree, rng, "pairs", records, 1)
    ]
    for photo in draw_photos(rng, 900_000, 4):
        tree.write(f"pairs/photos/{photo.plain}", photo.data)
        lines.append({"image": f"photos/{photo.plain}", "caption": _caption(rng, photo)})
    lines += [{"image": "photos/gone.jpg", "caption": "Gone."}, {"caption": "Alone."}]
    tree.plant("pairs", "missing file, no file", "quarantined", "image_missing", "gone", "alone")
    payload = b"\n".join(map(orjson.dumps, lines)) + b'\n{"image": "photos/'
    tree.plant("pairs", "line cut in the middle", "quarantined", "json_invalid", "last")
    tree.write("pairs/mine.jsonl", payload)
    return ["pairs"]

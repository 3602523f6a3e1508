"""Visual Genome: short phrases on the regions of a picture.

Krishna et al. 2017, Visual Genome: Connecting Language and Vision Using Crowdsourced Dense Image
Annotations, arXiv:1602.07332. The phrases of a picture become its caption, one a line in the order
of the file; each region by itself, whole or cut out, is an option. About half of the pictures are
those of COCO.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.media.images import ImageError, encode_png, open_rgb
from cauldron.media.limits import LIMITS
from cauldron.phrasing import text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._options import one_of
from cauldron.sources._records import renamed
from cauldron.sources.base import Form, Option, Source

_FOLDERS = ("VG_100K", "VG_100K_2", "images/VG_100K", "images/VG_100K_2", "images2/VG_100K_2")


def _files(raw: Raw, split: str) -> list[Found]:
    if split != "train":
        return []
    named = raw.find("region_descriptions.json")[:1]
    return named or renamed(raw, split, {}, "visual_genome", ("regions",))[:1]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_list(raw, file, split, "visual_genome")


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Expand a picture to its regions where each shall stand alone."""
    choice = row.options.get("regions", "join")
    if choice == "join":
        yield row
        return
    for place, region in enumerate(row.data["regions"]):
        own = f"{row.record}/{place}"
        cut: dict[str, Any] = {"id": _number(row), "region": region, "place": place}
        if choice == "crop":
            try:
                cut["picture"] = _cropped(raw, _number(row), region)
            except ImageError as error:
                reject = Reject(reason=error.reason, detail=error.detail)
                yield replace(row, record=own, data=reject)
                continue
        yield replace(row, record=own, data=cut, weight=1)


def _number(row: Row) -> int:
    data = row.data
    return int(data["id"] if "id" in data else data["regions"][0]["image_id"])


def _picture(number: int) -> Picture:
    name = f"{number}.jpg"
    return Picture(path=name, candidates=(*(f"{folder}/{name}" for folder in _FOLDERS), name))


def _cropped(raw: Raw, number: int, region: dict[str, Any]) -> bytes:
    """Return the region of a picture as PNG.

    Raises:
        ImageError: if there is no picture, or the region lies outside it.
    """
    data = raw.picture(_picture(number).candidates, LIMITS.max_image_bytes)
    if data is None:
        raise ImageError("image_missing", f"{number}.jpg")
    image = open_rgb(data)
    x, y = max(int(region["x"]), 0), max(int(region["y"]), 0)
    right = min(x + int(region["width"]), image.width)
    bottom = min(y + int(region["height"]), image.height)
    if right <= x or bottom <= y:
        raise ImageError("region_outside", f"{number}.jpg")
    return encode_png(image.crop((x, y, right, bottom)))


def _key(row: Row) -> str:
    place = f"-{row.data['place']}" if "place" in row.data else ""
    return f"{_number(row)}{place}"


def _convert(row: Row) -> Draft | Reject | Skip:
    number = _number(row)
    if "region" not in row.data:
        phrases = [said for region in row.data["regions"] if (said := _phrase(region))]
        caption, picture = "\n".join(phrases), _picture(number)
    else:
        caption, picture = _phrase(row.data["region"]), _picture(number)
        if "picture" in row.data:
            picture = Picture(path=f"{_key(row)}.png", bytes=row.data["picture"])
    if not caption:
        return Reject(reason="empty_caption")
    return Draft(images=(picture,), parts=(0, caption), extra={"image_id": number})


def _phrase(region: dict[str, Any]) -> str:
    return text(region["phrase"]).strip()


SOURCE = Source(
    name="visual_genome",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: ["train"] if _files(raw, "train") else [],
            rows=_rows,
            key=_key,
            convert=_convert,
            open=_open,
            wanted="region_descriptions.json of visualgenome.org, and images.zip and images2.zip",
            pictures="images.zip and images2.zip of Visual Genome (VG_100K/1.jpg): name the folder "
            "that holds them, packed or unpacked, as a further raw folder",
            options=(
                Option(
                    name="regions",
                    read=one_of("join", "each", "crop"),
                    help="join: all phrases of a picture in one caption; each: one sample a "
                    "region; crop: the same with the region cut out",
                ),
            ),
        ),
    ),
)

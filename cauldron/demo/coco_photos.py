"""Drawn photographs in the folders of COCO, shared by the sets that ask about them."""

from __future__ import annotations

from dataclasses import dataclass

from cauldron.demo.drawing import NOT_A_PICTURE, cut_off, jpeg
from cauldron.demo.scenes import Thing, scene, things
from cauldron.demo.tree import Rng, Tree

USES = {
    "ball": ("play", "sport"),
    "box": ("storage", "keeping things"),
    "cone": ("traffic", "marking roads"),
    "star": ("decoration", "ornament"),
    "bottle": ("drinking", "holding water"),
    "cup": ("drinking", "tea"),
    "ring": ("jewellery", "wearing"),
}
"""What a thing is taken for, in two words each."""

BROKEN: tuple[tuple[str, str], ...] = (
    ("truncated picture", "image_truncated"),
    ("HTML page instead of a picture", "image_not_identified"),
    ("missing picture", "image_missing"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A drawn photograph: its number in the pool, what it shows, and its bytes."""

    number: int
    shown: list[Thing]
    data: bytes

    @property
    def plain(self) -> str:
        """Its name in the folders of COCO 2017."""
        return f"{self.number:012d}.jpg"


def draw_photos(rng: Rng, first: int, number: int) -> list[Photo]:
    """Draw photographs of three to five things, numbered in steps of 13."""
    made = []
    for k in range(number):
        shown = things(rng, 3 + k % 3)
        made.append(Photo(number=first + 13 * k, shown=shown, data=jpeg(scene(rng, shown))))
    return made


def broken_payload(reason: str, data: bytes) -> bytes | None:
    """Return what lies in the place of a good picture for each of `BROKEN`; None for nothing."""
    return {"image_truncated": cut_off(data), "image_not_identified": NOT_A_PICTURE}.get(reason)


def write_2014(tree: Tree, photos: list[Photo], split: str = "train") -> None:
    """Write photographs under their names of COCO 2014."""
    for photo in photos:
        tree.write(f"coco2014/{split}2014/COCO_{split}2014_{photo.plain}", photo.data)


def broken_2014(tree: Tree, rng: Rng, source: str, first: int) -> list[Photo]:
    """Plant pictures that cannot be used; their records are good."""
    photos = draw_photos(rng, first, len(BROKEN))
    for photo, (trap, reason) in zip(photos, BROKEN, strict=True):
        payload = broken_payload(reason, photo.data)
        if payload is not None:
            tree.write(f"coco2014/train2014/COCO_train2014_{photo.plain}", payload)
        tree.plant(source, trap, "quarantined", reason, photo.plain)
    return photos

"""Drawn scenes that stand in for photographs: coloured things on a table or in a field."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from cauldron.demo.drawing import COLORS, INK, Color, noisy, shaded
from cauldron.demo.tree import Rng, one_of, some_of

WIDTH, HEIGHT = 320, 240
_SKIES: tuple[tuple[Color, Color], ...] = (
    ((150, 190, 225), (215, 225, 230)),
    ((220, 205, 190), (185, 165, 150)),
    ((90, 105, 130), (150, 150, 165)),
    ((200, 215, 195), (170, 185, 160)),
)
_GROUNDS: tuple[Color, ...] = ((120, 145, 90), (150, 115, 80), (165, 160, 150), (95, 100, 110))
KINDS = ("ball", "box", "cone", "star", "bottle", "cup", "ring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A thing in a scene: centre and half side in pixels."""

    color: str
    kind: str
    x: int
    y: int
    half: int

    @property
    def name(self) -> str:
        return f"{self.color} {self.kind}"


def things(rng: Rng, number: int) -> list[Thing]:
    """Return things that differ in colour and kind and do not overlap."""
    colors, kinds = some_of(rng, list(COLORS), number), some_of(rng, KINDS, number)
    cells = some_of(rng, [(c, r) for c in range(4) for r in range(3)], number)
    return [
        Thing(
            color=color,
            kind=kind,
            x=40 + 80 * column + int(rng.integers(-12, 13)),
            y=44 + 76 * row + int(rng.integers(-8, 9)),
            half=int(rng.integers(16, 29)),
        )
        for color, kind, (column, row) in zip(colors, kinds, cells, strict=True)
    ]


def backdrop(rng: Rng) -> Image.Image:
    """Return an empty scene: sky or wall, a horizon, ground."""
    top, bottom = one_of(rng, _SKIES)
    image = shaded(WIDTH, HEIGHT, top, bottom)
    horizon = int(rng.integers(120, 190))
    ImageDraw.Draw(image).rectangle((0, horizon, WIDTH, HEIGHT), fill=one_of(rng, _GROUNDS))
    return image


def scene(rng: Rng, shown: list[Thing]) -> Image.Image:
    """Draw things into a scene, with grain."""
    image = backdrop(rng)
    draw = ImageDraw.Draw(image)
    for thing in shown:
        draw_thing(draw, thing)
    return noisy(image, rng, 4.0)


def draw_thing(draw: ImageDraw.ImageDraw, thing: Thing) -> None:
    """Draw one thing with its shadow and outline."""
    x, y, h, fill = thing.x, thing.y, thing.half, COLORS[thing.color]
    draw.ellipse((x - h, y + h - 5, x + h, y + h + 5), fill=(70, 70, 70))
    if thing.kind == "ball":
        draw.ellipse((x - h, y - h, x + h, y + h), fill=fill, outline=INK)
        draw.ellipse((x - h // 2, y - h // 2, x - h // 5, y - h // 5), fill=(255, 255, 255))
    elif thing.kind == "box":
        draw.rectangle((x - h, y - h, x + h, y + h), fill=fill, outline=INK)
        draw.line((x - h, y - h // 3, x + h, y - h // 3), fill=INK)
    elif thing.kind == "cone":
        draw.polygon([(x, y - h), (x - h, y + h), (x + h, y + h)], fill=fill, outline=INK)
    elif thing.kind == "star":
        draw.polygon(_star(x, y, h), fill=fill, outline=INK)
    elif thing.kind == "bottle":
        draw.rounded_rectangle((x - h // 2, y - h // 3, x + h // 2, y + h), 5, fill, INK)
        draw.rectangle((x - h // 5, y - h, x + h // 5, y - h // 3), fill=fill, outline=INK)
    elif thing.kind == "cup":
        draw.ellipse((x + h // 3, y - h // 2, x + h, y + h // 2), outline=INK, width=4)
        draw.rectangle((x - h, y - h + 4, x + h // 2, y + h), fill=fill, outline=INK)
    else:
        draw.ellipse((x - h, y - h, x + h, y + h), outline=fill, width=max(h // 3, 4))


def _star(x: int, y: int, half: int) -> list[tuple[float, float]]:
    points = []
    for k in range(10):
        angle, radius = math.pi * k / 5 - math.pi / 2, half if k % 2 == 0 else half * 0.45
        points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    return points

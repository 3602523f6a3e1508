"""How a drawn table looks: fonts, sizes, colours, rules and margins, chosen by one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from cauldron.media.fonts import FAMILIES
from cauldron.sample import content_hash

T = TypeVar("T")
Color = tuple[int, int, int]
Rules = Literal["grid", "rows", "header", "none"]
Place = Literal["left", "center", "right"]

MIN_TEXT_PX = 13
"""Smallest size a table is drawn in; below it strokes of dense scripts run together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of a table; every text has a contrast of at least 7 to 1 on what is behind it."""

    paper: Color
    text: Color
    header: Color
    header_text: Color
    stripe: Color
    rule: Color


PALETTES = (
    Palette(
        paper=(255, 255, 255),
        text=(0, 0, 0),
        header=(255, 255, 255),
        header_text=(0, 0, 0),
        stripe=(255, 255, 255),
        rule=(90, 90, 90),
    ),
    Palette(
        paper=(255, 255, 255),
        text=(28, 33, 40),
        header=(236, 239, 243),
        header_text=(20, 24, 30),
        stripe=(248, 249, 251),
        rule=(190, 197, 206),
    ),
    Palette(
        paper=(255, 255, 255),
        text=(25, 30, 38),
        header=(31, 58, 95),
        header_text=(255, 255, 255),
        stripe=(237, 242, 249),
        rule=(170, 184, 203),
    ),
    Palette(
        paper=(255, 254, 250),
        text=(44, 36, 27),
        header=(240, 228, 208),
        header_text=(58, 42, 20),
        stripe=(250, 245, 235),
        rule=(200, 180, 148),
    ),
    Palette(
        paper=(255, 255, 255),
        text=(22, 38, 30),
        header=(218, 236, 225),
        header_text=(14, 48, 31),
        stripe=(243, 249, 245),
        rule=(158, 189, 171),
    ),
    Palette(
        paper=(252, 252, 253),
        text=(40, 28, 44),
        header=(86, 44, 92),
        header_text=(255, 255, 255),
        stripe=(245, 239, 247),
        rule=(196, 176, 201),
    ),
    Palette(
        paper=(247, 247, 247),
        text=(17, 17, 17),
        header=(54, 54, 58),
        header_text=(250, 250, 250),
        stripe=(236, 236, 236),
        rule=(150, 150, 150),
    ),
    Palette(
        paper=(255, 255, 255),
        text=(16, 42, 67),
        header=(221, 236, 248),
        header_text=(10, 36, 62),
        stripe=(244, 249, 253),
        rule=(140, 170, 198),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A look: font and its size, palette, rules, paddings and the margin, in pixels."""

    family: str
    text_px: int
    palette: Palette
    rules: Rules
    stripes: bool
    bold_header: bool
    header_place: Place
    rule_px: int
    pad_x: int
    pad_y: int
    margin: int
    widest_em: int


def style_of(number: int) -> Style:
    """Return the look that a number stands for; equal numbers give equal looks."""

    def one_of(options: Sequence[T], what: str) -> T:
        return options[content_hash(number, "table", what) % len(options)]

    rules: Rules = one_of(("grid", "grid", "rows", "header", "none"), "rules")
    palette = one_of(PALETTES, "palette")
    plain = palette.header == palette.paper
    return Style(
        family=one_of(FAMILIES, "family"),
        text_px=one_of((15, 16, 17, 18, 19), "size"),
        palette=palette,
        rules="header" if plain and rules == "none" else rules,
        stripes=rules == "none" or one_of((False, False, True), "stripes"),
        bold_header=one_of((True, True, False), "bold"),
        header_place=one_of(("left", "center", "right"), "header place"),
        rule_px=one_of((1, 1, 2), "rule"),
        pad_x=one_of((8, 10, 12, 14), "pad x"),
        pad_y=one_of((4, 5, 7, 9), "pad y"),
        margin=one_of((6, 10, 16, 24), "margin"),
        widest_em=one_of((16, 20, 26), "widest"),
    )

"""Pictures of coloured discs that small benchmarks ask about, and how their files are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from cauldron.demo.drawing import COLORS, jpeg, png

NAMES = ("red", "blue", "green", "yellow")


@dataclass(frozen=True, slots=True)
class Disc:
    """A picture: one to four discs of one colour."""

    number: int
    color: str
    count: int
    png: bytes
    jpeg: bytes

    @property
    def options(self) -> list[str]:
        """Four colours, the right one at a place that changes."""
        turn = self.number % 4
        return [*NAMES[turn:], *NAMES[:turn]]

    @property
    def letter(self) -> str:
        """Of the right option."""
        return "ABCD"[self.options.index(self.color)]


def discs(many: int, seed: int = 0) -> list[Disc]:
    """Return pictures to ask about."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(many):
        color, count = str(rng.choice(NAMES)), int(rng.integers(1, 5))
        image = Image.new("RGB", (64 + 8 * (number % 3), 48), (150, 150, 150 + number % 50))
        draw = ImageDraw.Draw(image)
        for place in range(count):
            draw.ellipse((4 + place * 14, 16, 14 + place * 14, 28), fill=COLORS[color])
        found.append(Disc(number, color, count, png(image), jpeg(image)))
    return found


Write = Callable[[Path, Sequence[Disc], str], None]
Row = Callable[[Disc], dict[str, Any]]


def put(path: Path, payload: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)


def put_json(path: Path, value: Any) -> None:
    put(path, json.dumps(value).encode())


def put_lines(path: Path, rows: Sequence[Any]) -> None:
    put(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def cell(disc: Disc) -> dict[str, Any]:
    return {"bytes": disc.png, "path": f"{disc.number}.png"}


def with_picture(rows: Callable[[Disc], Mapping[str, Any]], key: str, many: bool = False) -> Any:
    """Return rows with the picture under a key."""
    return lambda disc: {**rows(disc), key: [cell(disc)] if many else cell(disc)}

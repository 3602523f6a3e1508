"""Measuring pictures against a bare loop that decodes them and does nothing else.

    python benchmarks/measure_pictures.py [--pictures 600] [--rounds 3] [--kilobytes 40 80 150]

JPEG files of about 640 x 480 in three sizes (COCO's photographs have about 150 kB) and PNG charts.
The bare loop is `Image.open(...).load()`. Both run in one process on bytes in memory; measured are
header, sides, transparency, exact hash, entropy, flatness, perceptual hashes and thumbnail.
Promise: at least 80 % of the bare loop.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from cauldron.signals.pictures import header_signals, pixel_signals

PROMISED = 0.8
WIDTH, HEIGHT = 640, 480


def photo(rng: np.random.Generator, kilobytes: int) -> bytes:
    """Return a JPEG of smooth patches and grain, with the quality that gives its size."""
    coarse = (rng.random((12, 16, 3)) * 255).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    pixels = np.asarray(smooth, np.int16) + rng.normal(0, 9, (HEIGHT, WIDTH, 3))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    for quality in range(40, 100, 3):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if out.tell() >= kilobytes * 1000:
            break
    return out.getvalue()


def chart(rng: np.random.Generator) -> bytes:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    for number, height in enumerate(rng.integers(20, 400, 12).tolist()):
        color = tuple(rng.integers(0, 255, 3).tolist())
        draw.rectangle((40 + 45 * number, 440 - height, 75 + 45 * number, 440), fill=color)
        draw.text((40 + 45 * number, 445), str(height), fill="black")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def bare(pictures: list[bytes]) -> None:
    for data in pictures:
        Image.open(io.BytesIO(data)).load()


def measured(pictures: list[bytes]) -> None:
    for start in range(0, len(pictures), 100):
        header_signals(pictures[start : start + 100])
        pixel_signals(pictures[start : start + 100])


def fastest_s(work: Callable[[list[bytes]], None], pictures: list[bytes], rounds: int) -> float:
    """Return the least processor time of some rounds: other processes do not count."""
    took = []
    for _ in range(rounds):
        began = time.process_time()
        work(pictures)
        took.append(time.process_time() - began)
    return min(took)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=int, default=600)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--kilobytes", type=int, nargs="*", default=[40, 80, 150])
    chosen = options.parse_args()
    rng = np.random.default_rng(20261126)
    kinds = {f"JPEG {size} kB": lambda size=size: photo(rng, size) for size in chosen.kilobytes}
    kinds["PNG chart"] = lambda: chart(rng)
    for name, make in kinds.items():
        few = [make() for _ in range(30)]
        pictures = (few * (chosen.pictures // 30 + 1))[: chosen.pictures]
        theirs = fastest_s(bare, pictures, chosen.rounds)
        ours = fastest_s(measured, pictures, chosen.rounds)
        print(
            f"{name:12} decoded {len(pictures) / theirs:7,.0f}/s, measured "
            f"{len(pictures) / ours:7,.0f}/s: {theirs / ours:.0%} (promised {PROMISED:.0%})"
        )


if __name__ == "__main__":
    main()

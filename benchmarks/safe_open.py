"""What opening pictures safely costs beside bare Pillow, on JPEG files of 640 x 480.

Both open the same bytes in turn in one process, and the order changes each round; compared is the
processor time of the best round. Bare is `Image.open(...).load()`, safe is `open_rgb`,
which looks at header and frames, sets limits, decodes and turns upright.

    python benchmarks/safe_open.py [--rounds 15] [--limit 0.05]
"""

from __future__ import annotations

import argparse
import io
import time

import numpy as np
from PIL import Image

from cauldron.media.images import open_rgb

PICTURES = 40


def pictures() -> list[bytes]:
    """Return JPEG files of shapes and noise, about as large as photographs."""
    made = []
    for seed in range(PICTURES):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 255, (12, 16, 3), np.uint8)
        pixels = np.asarray(Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC))
        noisy = (pixels + rng.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(noisy).save(out, "JPEG", quality=85)
        made.append(out.getvalue())
    return made


def bare(data: bytes) -> None:
    """Open as most programs do."""
    Image.open(io.BytesIO(data)).load()


def spent(how: object, files: list[bytes]) -> float:
    """Return processor seconds for all files."""
    start = time.process_time()
    for data in files:
        how(data)  # type: ignore[operator]
    return time.process_time() - start


def main() -> int:
    """Print both times and the cost; return 1 where it is over the limit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--limit", type=float, default=0.05)
    told = options.parse_args()
    files = pictures()
    times: dict[object, list[float]] = {bare: [], open_rgb: []}
    for number in range(told.rounds):
        for how in (bare, open_rgb) if number % 2 else (open_rgb, bare):
            times[how].append(spent(how, files))
    best = {how: min(found) / PICTURES * 1e3 for how, found in times.items()}
    cost = best[open_rgb] / best[bare] - 1
    print(f"bare Pillow {best[bare]:.3f} ms, safe {best[open_rgb]:.3f} ms, cost {cost:+.1%}")
    return 1 if cost > told.limit else 0


if __name__ == "__main__":
    raise SystemExit(main())

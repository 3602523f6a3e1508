"""CIDEr-D of COCO's size, with its tokens: 5,000 images of 5 references each, and BLEU, ROUGE-L.

    python benchmarks/cider.py [--images 5000] [--peer FOLDER]

Captions are put together from word lists at COCO's length (10.5 words). Timed is all from texts to
scores: tokens, n-grams, tf-idf. With `--peer` (a site-packages with pycocoevalcap 1.2; it starts
Java) the same captions go through the official program, scores must be equal to 1e-9 and the ratio
of the times is told. Promise: CIDEr-D under 10 s.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

import numpy as np

from cauldron.evaluate.captions.ptb import tokenize_all
from cauldron.evaluate.captions.scores import bleu, bleu_counts, cider, rouge_l

PROMISED_S = 10
WHO = "man woman boy girl dog cat horse group couple child bus train plate bowl".split()
HOW = ["", "young ", "old ", "black-and-white ", "two-year-old ", "small, brown ", "T.V. "]
DOES = ["sitting on", "riding", "isn't holding", "standing next to", "looking at", "eating"]
WHAT = "bench skateboard laptop pizza umbrella street wave table frisbee kite".split()
WHERE = ["in the park.", "at 5:30 p.m.", "on a sunny day", "(close up)", "near St. Louis", "!", ""]


def drawn(images: int) -> tuple[list[str], list[list[str]]]:
    """Return a prediction and five references for each image."""
    rng = random.Random(0)

    def caption() -> str:
        pick = rng.choice
        return f"A {pick(HOW)}{pick(WHO)} {pick(DOES)} a {pick(HOW)}{pick(WHAT)} {pick(WHERE)}"

    return [caption() for _ in range(images)], [
        [caption() for _ in range(5)] for _ in range(images)
    ]


def ours(predictions: list[str], references: list[list[str]]) -> dict[str, object]:
    """Return the scores and the seconds of each part."""
    clock = [time.perf_counter()]
    told = tokenize_all(predictions)
    flat = iter(tokenize_all([caption for captions in references for caption in captions]))
    given = [[next(flat) for _ in captions] for captions in references]
    clock.append(time.perf_counter())
    each = cider(told, given)
    clock.append(time.perf_counter())
    whole = bleu(bleu_counts(told, given).sum(axis=0))
    clock.append(time.perf_counter())
    rouge = float(np.mean([rouge_l(p, r) for p, r in zip(told, given, strict=True)]))
    clock.append(time.perf_counter())
    seconds = dict(zip(("tokens", "cider", "bleu", "rouge"), np.diff(clock), strict=True))
    return {"cider": each, "bleu": whole, "rouge": rouge, "seconds": seconds}


def theirs(predictions: list[str], references: list[list[str]]) -> tuple[np.ndarray, float]:
    """Return CIDEr-D by the official program and its seconds."""
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    start = time.perf_counter()
    told = {n: [{"caption": caption}] for n, caption in enumerate(predictions)}
    given = {n: [{"caption": c} for c in captions] for n, captions in enumerate(references)}
    tokenizer = PTBTokenizer()
    _, each = Cider().compute_score(tokenizer.tokenize(given), tokenizer.tokenize(told))
    return each, time.perf_counter() - start


def main() -> int:
    """Time it; return 1 where the promise is broken or the scores differ."""
    options = argparse.ArgumentParser()
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--peer", default="", help="site-packages with pycocoevalcap")
    given = options.parse_args()
    predictions, references = drawn(given.images)
    found = ours(predictions, references)
    seconds = found["seconds"]
    total = seconds["tokens"] + seconds["cider"]  # type: ignore[index]
    parts = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())  # type: ignore[attr-defined]
    print(f"{given.images} images: CIDEr-D with tokens {total:.2f} s ({parts})")
    broken = total > PROMISED_S
    if given.peer:
        sys.path.append(given.peer)
        each, peer_s = theirs(predictions, references)
        gap = float(np.abs(each - found["cider"]).max())
        print(f"official program: {peer_s:.2f} s, ratio {peer_s / total:.1f}, gap {gap:.1e}")
        broken |= gap > 1e-9
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())

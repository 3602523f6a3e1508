"""Near pictures: hashes to candidates, thumbnails to most verdicts, pixels to the rest.

Perceptual hashes alone take charts, pages and puzzles of one look for copies. So each candidate is
laid over the other. Photographs are mostly told by their thumbnails, and structured pictures where
these are all but equal. What stays unclear is compared at up to 256 pixels a side, where one
changed bar or word shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from cauldron.curate.alignment import fits, flat_share, largest_differences, likeness, same_tints
from cauldron.curate.details import contrast_of, same_picture
from cauldron.curate.hamming import near_hashes, near_hashes_across
from cauldron.curate.thumbs_laid import brightness, laid
from cauldron.signals.thumbs import greys, thumb_hashes, tints

RADIUS, FINE_RADIUS = 16, 80  # bits of 64 and of 256; the pixels decide
BLANK = 2.0  # deviation of grey levels up to which a picture shows nothing to compare
STRUCTURED = 0.3  # share of two grey levels from which a picture is no photograph
_ALIKE, _DRAWN_ALIKE = 0.85, 0.7  # correlation of coarse thumbnails, lines of drawn ones move
_CLEAR_FIT, _CLEAR_WORST = 0.9, 12.0  # thumbnails that are clearly the same photograph
_CLEARLY_LAID, _CLEARLY_LAID_WORST = 0.97, 8.0  # those that count as the same, pixels not at hand
_TONED = 3.0  # grey levels apart on the whole: one may be brighter, its light tones cut off
_TONED_FIT, _TONED_WORST = 0.4, 27.0  # structured ones that may be, where one is
_EVEN = 3.0  # grey levels up to which structured ones are the same wherever they are looked at
_FIT, _WORST = 0.65, 45.0  # thumbnails that may be
_LAID = 0.985  # correlation of structured ones, one laid over the other, that may be
_LAID_WORST, _LAID_LEAST = 14.0, 0.93  # thin lines correlate less, but leave little anywhere
_SAME = 16.5  # difference of details up to which pictures are the same
_SAME_PHOTO = 22.0  # that of photographs, which hold no words
_ROWS = 256  # thumbnails at a time: they stay in the cache
_BLOCK = 1 << 12  # pairs at a time: their details are held in memory

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Details = Mapping[int, npt.NDArray[np.uint8]]
Judge = Callable[[I64, Bools], Bools]
"""Says which pairs of pictures, [m, 2], have the same details; [m] says which are structured."""


Looks = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint8] | None]
"""64-bit hashes, [n], 256-bit hashes, [n, 4], and `thumbs.look_of`, [n, 4224], of pictures."""


def looks_of(looks: npt.NDArray[np.uint8]) -> Looks:
    """Return looks with their hashes."""
    fine, coarse = thumb_hashes(greys(looks))
    return coarse, fine, looks


def near_images(
    looks: Looks,
    judge: Judge,
    radius: int = RADIUS,
    fine_radius: int = FINE_RADIUS,
) -> tuple[I64, npt.NDArray[np.float64]]:
    """Return pairs (a < b) of pictures that show the same, and how many of 256 bits differ.

    Args:
        looks: of all pictures, in an order that does not depend on parts or workers.
        judge: looks at the pixels; asked about unclear pairs only.
    """
    coarse, fine, held = looks
    assert held is not None
    shown = np.flatnonzero(contrast(held) > BLANK)
    candidates = shown[near_hashes(coarse[shown], fine[shown], radius, fine_radius)]
    blocks = [candidates[k : k + _BLOCK] for k in range(0, len(candidates), _BLOCK)]
    found = [_alike(held, block, judge) for block in blocks]
    pairs = np.concatenate([np.zeros((0, 2), np.int64), *found])
    return pairs, np.bitwise_count(fine[pairs[:, 0]] ^ fine[pairs[:, 1]]).sum(axis=1).astype(float)


def near_across(
    own: Looks, other: Looks, radius: int, fine_radius: int, most: int = 0
) -> tuple[I64, npt.NDArray[np.int64]]:
    """Return pairs of a picture of one set and a near one of another, and the bits that differ.

    Where both have looks these decide; pixels are not at hand.

    Args:
        most: of how many near ones of a picture only the nearest are looked at; 0: all.
    """
    pairs = near_hashes_across(own[:2], other[:2], radius, fine_radius, most)
    if own[2] is not None and other[2] is not None:
        blocks = [pairs[k : k + _BLOCK] for k in range(0, len(pairs), _BLOCK)]
        found = [block[_seem_alike(own[2], other[2], block)] for block in blocks]
        pairs = np.concatenate([np.zeros((0, 2), np.int64), *found])
    return pairs, np.bitwise_count(own[1][pairs[:, 0]] ^ other[1][pairs[:, 1]]).sum(axis=1).astype(
        np.int64
    )


def _seem_alike(own: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], block: I64) -> Bools:
    """Say which pairs show the same, as far as looks alone tell."""
    n = len(block)
    looks = np.concatenate([own[block[:, 0]], other[block[:, 1]]])
    thumbs = greys(looks)
    local = np.stack([np.arange(n), np.arange(n) + n], axis=1)
    fit, worst = fits(thumbs, local)
    drawn = (flat_share(thumbs, np.arange(2 * n)) > STRUCTURED)[local].any(axis=1)
    shown = (contrast(looks) > BLANK)[local].all(axis=1)
    near = (fit >= np.where(drawn, _CLEAR_FIT, _FIT)) & (
        worst <= np.where(drawn, _CLEAR_WORST, _WORST)
    )
    near &= likeness(thumbs, local) >= _ALIKE
    close, worst = laid(thumbs, local[drawn], _CLEARLY_LAID, 1.0)
    near[drawn] |= (close >= _CLEARLY_LAID) & (worst <= _CLEARLY_LAID_WORST)
    return np.asarray(near & shown & same_tints(tints(looks), local))


def contrast(looks: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the deviation of grey levels of each look: [n]."""
    found = [np.zeros(0)]
    for start in range(0, len(looks), _ROWS):
        block = greys(looks[start : start + _ROWS])[:, ::2, ::2]
        values = block.astype(np.float32).reshape(len(block), -1)
        values -= values.mean(axis=1, keepdims=True)
        found.append(np.sqrt(np.einsum("nk,nk->n", values, values) / values.shape[1]))
    return np.concatenate(found)


def _alike(looks: npt.NDArray[np.uint8], block: I64, judge: Judge) -> I64:
    """Return those of some pairs that show the same."""
    numbers, local = np.unique(block, return_inverse=True)
    pairs, clear, drawn = verdicts(looks[numbers], local.reshape(-1, 2))
    clear[~clear] = judge(numbers[pairs[~clear]], drawn[~clear])
    return np.asarray(numbers[pairs[clear]], np.int64)


def verdicts(looks: npt.NDArray[np.uint8], pairs: I64) -> tuple[I64, Bools, Bools]:
    """Compare the looks of pairs.

    Returns:
        The pairs that may show the same, [m, 2]; whether that is clear already; and whether one
        of them is structured.
    """
    thumbs = greys(looks)
    like = likeness(thumbs, pairs)
    pairs, like = pairs[like >= _DRAWN_ALIKE], like[like >= _DRAWN_ALIKE]
    flat = flat_share(thumbs, np.unique(pairs))
    drawn = np.asarray(flat[pairs].max(axis=1) > STRUCTURED)
    possible, clear = np.zeros(len(pairs), bool), np.zeros(len(pairs), bool)
    fit, worst = fits(thumbs, pairs[~drawn])
    possible[~drawn] = (fit >= _FIT) & (worst <= _WORST) & (like[~drawn] >= _ALIKE)
    clear[~drawn] = (fit >= _CLEAR_FIT) & (worst <= _CLEAR_WORST)
    close, worst = laid(thumbs, pairs[drawn], _LAID_LEAST, _LAID)
    possible[drawn] = (close >= _LAID) | (worst <= _LAID_WORST) & (close >= _LAID_LEAST)
    means = brightness(thumbs)
    apart = np.abs(means[pairs[:, 0]] - means[pairs[:, 1]])
    toned = drawn & ~possible & (apart >= _TONED)
    fit, worst = fits(thumbs, pairs[toned])
    possible[toned] = (fit >= _TONED_FIT) & (worst <= _TONED_WORST)
    possible[possible] = same_tints(tints(looks), pairs[possible])
    closely = np.flatnonzero(possible & drawn)
    clear[closely] = largest_differences(thumbs, pairs[closely]) <= _EVEN
    return pairs[possible], clear[possible], drawn[possible]


def same_details(details: Details, pairs: I64, drawn: Bools) -> Bools:
    """Say which pairs have the same details; a picture without one is like no other.

    Args:
        details: `details.detail` of pictures, by number.
        drawn: which pairs have a structured picture.
    """

    def judged(pair: list[int], is_drawn: bool) -> bool:
        one, two = (details.get(number) for number in pair)
        if one is None or two is None:
            return False
        shown = contrast_of(one)
        most = min(_SAME, shown) if is_drawn else min(_SAME_PHOTO, shown / 2)
        return same_picture(one, two, most, is_drawn)

    told = zip(pairs.tolist(), drawn.tolist(), strict=True)
    return np.array([judged(pair, is_drawn) for pair, is_drawn in told], bool)

"""Edit distance: fewest characters to insert, delete or replace."""

from __future__ import annotations


def edit_distance(first: str, second: str) -> int:
    """Return the Levenshtein distance of two texts, in characters.

    A whole column of the table of distances is held in the bits of two numbers, one for the steps
    up and one for the steps down; a character of the second text takes a few operations on them.
    From: Myers 1999, A fast bit-vector algorithm, in the form of Hyyrö 2001.
    """
    if not first:
        return len(second)
    places: dict[str, int] = {}
    for number, character in enumerate(first):
        places[character] = places.get(character, 0) | 1 << number
    every, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    up, down, distance = every, 0, len(first)
    for character in second:
        equal = places.get(character, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        right, left = down | ~(diagonal | up), up & diagonal
        distance += bool(right & last) - bool(left & last)
        right, left = right << 1 | 1, left << 1
        up, down = (left | ~(diagonal | right)) & every, right & diagonal & every
    return distance

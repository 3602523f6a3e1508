"""Mutated inputs: a file of a seed set with a few bytes changed, the same for the same number."""

from __future__ import annotations

import random
from collections.abc import Sequence

ODD = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff", b"<", b">", b'"', b"'", b"\\", b"&", b"{", b"[", b"\n", b"\r", b"%",
    b"\xed\xa0\x80",
    b"-1",
    b"1e999", b"NaN", b"9" * 20, b"\xef\xbb\xbf",
)  # fmt: skip


def mutated(target: str, number: int, seeds: Sequence[bytes]) -> bytes:
    """Return the `number`-th input of a target."""
    choose = random.Random(f"{target}/{number}")
    data = bytearray(choose.choice(seeds))
    for _ in range(choose.choice((1, 1, 2, 3, 5, 10, 30))):
        at = choose.randrange(len(data) + 1)
        size = choose.choice((1, 1, 2, 4, 16, 100))
        match choose.randrange(9):
            case 0 if data:
                data[at % len(data)] ^= 1 << choose.randrange(8)
            case 1:
                data[at : at + size] = choose.randbytes(size)
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = choose.choice(ODD)
            case 4:
                data[at : at + 1] = choose.choice(ODD)
            case 5:
                data[at:at] = data[at : at + size] * choose.choice((1, 2, 50))
            case 6 if number % 4 == 0:
                del data[at:]
            case 7:
                other = choose.choice(seeds)
                start = choose.randrange(len(other) + 1)
                data[at : at + size] = other[start : start + size]
            case _:
                word = choose.choice((2, 4, 8))
                value = choose.choice((0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2 ** (8 * word) - 1))
                order = choose.choice(("little", "big"))
                data[at : at + word] = (value % 2 ** (8 * word)).to_bytes(word, order)  # type: ignore[arg-type]
    return bytes(data)

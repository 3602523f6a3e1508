"""Memory of batches kept for the next batch.

The C library of Linux gives freed memory at the end of its heap back to the system from 128 kB on,
so that a loop that drops one batch and makes the next pays for each page anew: up to two thirds of
the time of reading. It raises that bound by itself once a larger block was freed.
"""

from __future__ import annotations

KEPT_BYTES = 2 << 20
"""Twice as much freed memory stays with the process."""


def keep_freed_memory() -> None:
    """Let freed memory stay with the process up to a bound; other C libraries do as they do."""
    block = bytearray(KEPT_BYTES)
    del block

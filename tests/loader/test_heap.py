"""Memory of batches stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

LOOP = """
import resource
from cauldron.loader.heap import keep_freed_memory
{keep}
for number in range(200):
    batch = [bytes(100_000) for _ in range(16)]
    if number == 100:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others do as they do")
def test_a_batch_takes_the_memory_of_the_one_before() -> None:
    faults = [
        int(subprocess.check_output([sys.executable, "-c", LOOP.format(keep=keep)]))
        for keep in ("", "keep_freed_memory()")
    ]
    assert faults[1] < faults[0] / 10

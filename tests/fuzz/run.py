"""Feed mutated inputs to every reader: `python -m tests.fuzz.run --inputs 100000 [--target NAME]`.

An exception outside the reject path is a failure; its input is kept in `fuzz-failures`. It goes
with the number of the input, so that the same call finds it again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, Target

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "bad_inputs"
FAILURES = Path("fuzz-failures")
MAX_S = 10.0


def seeds_of(target: Target) -> list[bytes]:
    """Return the seeds of a target, those of the shared samples among them."""
    real = sorted(SAMPLES.glob(target.real)) if target.real and SAMPLES.is_dir() else []
    return [*target.seeds(), *(data for p in real if len(data := p.read_bytes()) < 60_000)]


def fuzzed(name: str, inputs: int, first: int = 0) -> tuple[int, float, list[tuple[int, str]]]:
    """Return how many inputs were read well, the slowest in seconds, and the failures."""
    target, seeds = TARGETS[name], seeds_of(TARGETS[name])
    read, slowest, failures = 0, 0.0, []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(first, first + inputs):
            data = mutated(name, number, seeds)
            start = time.process_time()
            try:
                target.read(data, Path(folder))
                read += 1
            except target.rejects:
                pass
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failures.append((number, f"{type(error).__name__}: {error}"[:200]))
                FAILURES.mkdir(exist_ok=True)
                (FAILURES / f"{name}-{number}").write_bytes(data)
            took = time.process_time() - start
            if took > MAX_S:
                failures.append((number, f"took {took:.1f} s"))
            slowest = max(slowest, took)
    return read, slowest, failures


def main() -> int:
    """Run targets; return 1 if one of them failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--inputs", type=int, default=2_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--target", action="append", choices=sorted(TARGETS))
    told = options.parse_args()
    failed = 0
    for name in told.target or TARGETS:
        start = time.monotonic()
        read, slowest, failures = fuzzed(name, told.inputs, told.first)
        took = time.monotonic() - start
        shown = f"{told.inputs} inputs, {read} read, slowest {1000 * slowest:.0f} ms, {took:.0f} s"
        print(f"{name:8} {shown}, {len(failures)} failures", flush=True)
        for number, why in failures[:5]:
            print(f"         {number}: {why}", flush=True)
        failed += len(failures)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

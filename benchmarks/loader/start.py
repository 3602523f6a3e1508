"""Time from a finished import to the first batch of a mixture, at its begin or anywhere in it.

python benchmarks/loader/start.py MANIFEST [--at POSITION]
"""

from __future__ import annotations

import argparse
import time

from cauldron.loader.dataset import PlainBatches

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("--at", type=int, default=0)
    told = parser.parse_args()
    started = time.perf_counter()
    data = PlainBatches(told.manifest, BATCH, ahead=0)
    if told.at:
        data.load_state_dict({"step": told.at // BATCH, "next": told.at})
    next(data.batches())
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()

"""A changed threshold over a million samples: from rules to decisions on disk.

    python benchmarks/filter_1m.py [--samples 1000000] [--folder DIR]

Writes the signals of 500 parts of 2,000 samples as `measure` would, then decides by the default
rules, and again with one threshold changed. Promise: under 5 s, rows kept + dropped = samples.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from typing import Any

import numpy as np
import pyarrow as pa

from cauldron.curate.rules import Rules, find_rules
from cauldron.engine.local import LocalEngine
from cauldron.filtering import filter_samples
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage import files, work
from cauldron.storage.shards import write_table

PROMISED_S = 5.0
ROWS = 2_000
_WORDS = {
    "roles": ["chat"],
    "text_error": [""],
    "measure_error": [""],
    "language": ["en", "fr"],
    "image_error": [""],
    "image_format": ["JPEG", "PNG"],
}


def part(number: int) -> pa.Table:
    """Return signals of one part, one picture a sample."""
    rng = np.random.default_rng(number)
    columns: dict[str, Any] = {}
    for field in SIGNALS_SCHEMA:
        kind, rows = field.type, ROWS
        inner = kind.value_type if pa.types.is_list(kind) else kind
        if field.name == "id":
            values = pa.array([f"x/train/{number}-{row}" for row in range(rows)])
        elif pa.types.is_string(inner):
            values = pa.array(rng.choice(_WORDS.get(field.name, ["0" * 32]), rows).tolist())
        elif pa.types.is_binary(inner):
            values = pa.array([b"\0" * 32] * rows, inner)
        elif pa.types.is_boolean(inner):
            values = pa.array(rng.random(rows) < 0.02)
        elif pa.types.is_integer(inner):
            values = pa.array(rng.integers(1, 100, rows)).cast(inner)
        else:
            values = pa.array(rng.random(rows) * 8).cast(inner)
        if pa.types.is_list(kind):
            offsets = pa.array(np.arange(rows + 1, dtype=np.int32))
            values = pa.ListArray.from_arrays(offsets, values)
        columns[field.name] = values
    return pa.table(columns).cast(SIGNALS_SCHEMA)


def generate(place: str, parts: int) -> None:
    for number in range(parts):
        name = f"part-{number:05d}"
        shard = write_table(work.signals(place, "x", name), part(number))
        files.write_bytes(work.samples(place, "x", name), b"")
        files.write_json(
            work.receipt(place, "measure-x", name), {"key": shard.sha256, "result": {}}
        )


def changed(rules: Rules, width: float) -> Rules:
    listed = [
        rule.model_copy(update={"min": width}) if rule.name == "image_too_small_width" else rule
        for rule in rules.rules
    ]
    return rules.model_copy(update={"rules": tuple(listed)})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=1_000_000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--folder")
    chosen = options.parse_args()
    parts = chosen.samples // ROWS
    with tempfile.TemporaryDirectory() as temporary:
        place = chosen.folder or temporary
        if len(work.parts(place, "x")) != parts:
            generate(place, parts)
        rules = find_rules("default")
        with LocalEngine(chosen.workers) as engine:
            filter_samples(engine, place, rules)
            for width in (24.0, 32.0, 40.0):
                began, cpu = time.perf_counter(), sum(os.times()[:2])
                found = filter_samples(engine, place, changed(rules, width))
                took, cpu = time.perf_counter() - began, sum(os.times()[:2]) - cpu
                counts = found["sources"]["x"]
                total = counts["kept"] + sum(counts["dropped"].values())
                print(
                    f"threshold {width:g}: {took:.2f} s (promised {PROMISED_S:g}), "
                    f"{counts['kept']:,} kept, {total:,} of {parts * ROWS:,} decided"
                )
                assert total == parts * ROWS


if __name__ == "__main__":
    main()

"""Samples whose words change: turns merged from others, repeated paragraphs taken out.

The samples stay as they are. What changes stands beside the decisions of the step, one row a
changed sample, and is put in when shards are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cauldron.sample import SAMPLE_SCHEMA, sample_table
from cauldron.storage import files
from cauldron.storage.shards import read_table, write_table

SIZES = ("n_turns", "chars", "answer_tokens", "text_tokens")
"""Signals of a changed sample that stand beside its words."""
_SCHEMA: pa.Schema = pa.schema(
    [
        ("row", pa.int64()),
        SAMPLE_SCHEMA.field("messages"),
        SAMPLE_SCHEMA.field("extra"),
        *((name, pa.int64()) for name in SIZES),
    ]
)

Changes = Mapping[int, Mapping[str, Any]]


def rewritten_url(decisions: str) -> str:
    """Return where the changed samples of a part stand, beside its decisions."""
    return decisions.removesuffix(".parquet") + ".rewritten"


def write_rewritten(decisions: str, changes: Changes) -> None:
    """Write the changed samples of a part by row; without any no file is left."""
    url = rewritten_url(decisions)
    files.remove(url)
    if changes:
        rows = [{"row": row, **change} for row, change in sorted(changes.items())]
        write_table(url, pa.Table.from_pylist(rows, schema=_SCHEMA))


def read_rewritten(decisions: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return the changed samples of a part by row, those of the last step that changed each."""
    out: dict[int, dict[str, Any]] = {}
    for url in map(rewritten_url, decisions):
        if files.exists(url):
            out |= {change.pop("row"): change for change in read_table(url).to_pylist()}
    return out


def with_changes(samples: pa.Table, rows: Sequence[int], changes: Changes) -> pa.Table:
    """Return samples, whose rows in the part are given, with their changed words."""
    if not any(row in changes for row in rows):
        return samples
    told = [
        {**sample, **{key: changes[row][key] for key in ("messages", "extra")}}
        if row in changes
        else sample
        for row, sample in zip(rows, samples.to_pylist(), strict=True)
    ]
    return sample_table(told)


def with_sizes(signals: pa.Table, changes: Changes) -> pa.Table:
    """Return signals with the sizes of changed samples."""
    for name in SIZES if changes else ():
        place = signals.column_names.index(name)
        values = signals[name].to_numpy().copy()
        where = np.fromiter(changes, np.int64)
        values[where] = [change[name] for change in changes.values()]
        signals = signals.set_column(place, name, pa.array(values, signals.schema.field(name).type))
    return signals

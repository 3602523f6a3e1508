"""How the samples of a work folder are cut for joins: groups of parts, partitions of keys.

A sample is told by one number, its node: the part it lies in and its row there. Nodes of one group
lie in parts that stand together, and one job reads them; keys of one partition meet in one job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.decisions import kept
from cauldron.curate.parts import PartFiles
from cauldron.storage import files
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gathered, scatter

ROW_BITS, PICTURE_BITS = 24, 16
PARTS_AT_ONCE = 16  # of one job, until there are many
_MOST_GROUPS = 1_024
_PARTITION_BYTES = 64 << 20
_MOST_PARTITIONS = 1_024
GONE = pa.schema([("node", pa.int64())])
RANKED = pa.schema(
    [
        ("node", pa.int64()),
        ("id", pa.string()),
        ("chars", pa.int64()),
        ("source", pa.string()),
        ("source_order", pa.int32()),
    ]
)
"""A sample, and what members of a cluster are ranked by."""
KEYED = pa.schema([("key", pa.string()), *RANKED])
"""The same behind what samples are brought together by."""

I64 = npt.NDArray[np.int64]
Result = dict[str, Any]


class Stages(Protocol):
    """Runs a stage: one function over the arguments of many jobs, results in their order."""

    def __call__(
        self, name: str, function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]]
    ) -> list[Result]: ...


def here(
    name: str, function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]]
) -> list[Result]:
    """Run a stage in this process."""
    return [function(*arguments) for arguments in jobs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How work is cut.

    Args:
        scratch: the folder of files between stages, seen by all workers.
        sources: names in the order in which they rank.
        parts_at_once: parts of a group.
        rows: samples in all, about; the sizes of partitions follow from it.
    """

    scratch: str
    sources: tuple[str, ...]
    groups: int
    parts_at_once: int
    rows: int

    def url(self, stage: str, number: int) -> str:
        """Return the file that a job of a stage writes."""
        return files.join(self.scratch, stage, f"{number:05d}.arrow")

    def urls(self, stage: str, jobs: int) -> list[str]:
        """Return the files that the jobs of a stage write."""
        return [self.url(stage, number) for number in range(jobs)]

    def group_of(self, nodes: I64) -> I64:
        """Return the group that each node lies in."""
        return (nodes >> ROW_BITS) // self.parts_at_once

    def partitions(self, row_bytes: int) -> int:
        """Return into how many partitions keys of all samples are cut."""
        return min(max(-(-self.rows * row_bytes // _PARTITION_BYTES), 1), _MOST_PARTITIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some parts that one job reads.

    Args:
        first: number of the first part.
        gone: the stage whose file tells which samples earlier searches have dropped; empty: none.
    """

    layout: Layout
    number: int
    first: int
    parts: tuple[PartFiles, ...]
    gone: str = ""

    def rows(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the rows of each part that are still kept: columns, `node` and `source`."""
        dropped = self._dropped()
        for number, part in enumerate(self.parts, start=self.first):
            table = read_table(part.signals, list(columns))
            mask = kept(part.earlier, table.num_rows)
            low, high = np.searchsorted(dropped, (number << ROW_BITS, (number + 1) << ROW_BITS))
            mask[row_of(dropped[low:high])] = False
            frame = pl.DataFrame(pl.from_arrow(table)).with_columns(
                pl.Series("node", (number << ROW_BITS) + np.arange(table.num_rows)),
                pl.lit(part.source).alias("source"),
                pl.lit(self.layout.sources.index(part.source), pl.Int32).alias("source_order"),
            )
            yield frame.filter(pl.Series(mask))

    def _dropped(self) -> I64:
        if not self.gone:
            return np.zeros(0, np.int64)
        url = self.layout.url(self.gone, 0)
        table = gathered([url], self.number, self.layout.groups, GONE)
        return np.asarray(column(table, "node"), np.int64)

    def named(self, numbers: I64, shift: int = 0) -> Iterator[tuple[PartFiles, int, int]]:
        """Yield each part that ascending nodes, or pictures, lie in, and their range.

        Args:
            shift: `PICTURE_BITS` for pictures.
        """
        for number, part in enumerate(self.parts, start=self.first):
            ends = (number << ROW_BITS + shift, (number + 1) << ROW_BITS + shift)
            low, high = np.searchsorted(numbers, ends)
            if low < high:
                yield part, int(low), int(high)


def row_of(nodes: I64) -> I64:
    """Return the row that each node has in its part."""
    return nodes & ((1 << ROW_BITS) - 1)


def laid_out(
    parts: Sequence[PartFiles], scratch: str, rows: int, parts_at_once: int = 0
) -> list[Group]:
    """Cut parts into groups.

    Args:
        rows: samples in all, about.
        parts_at_once: 0: as many as fit the number of parts.
    """
    many = parts_at_once or max(PARTS_AT_ONCE, -(-len(parts) // _MOST_GROUPS))
    starts = range(0, len(parts), many) or [0]
    layout = Layout(
        scratch=scratch,
        sources=tuple(dict.fromkeys(part.source for part in parts)),
        groups=len(starts),
        parts_at_once=many,
        rows=rows,
    )
    return [
        Group(layout=layout, number=k, first=start, parts=tuple(parts[start : start + many]))
        for k, start in enumerate(starts)
    ]


def column(table: pa.Table | pa.RecordBatch, name: str) -> Any:
    """Return a column without nulls as numpy."""
    return (
        table[name].to_numpy()
        if isinstance(table, pa.Table)
        else table[name].to_numpy(zero_copy_only=False)
    )


def tell(layout: Layout, stage: str, told: Mapping[str, Any], schema: pa.Schema, to: I64) -> None:
    """Write a table of the driver, such as its verdicts, for the groups to read."""
    table = pa.table(dict(told), schema=schema)
    scatter(layout.url(stage, 0), schema, [(table, to)], layout.groups)


def by_hash(keys: pl.Series, n: int) -> I64:
    """Return the partition of keys that begin with hexadecimal digits of a hash."""
    digits = keys.str.slice(0, 4).str.to_integer(base=16, strict=False).fill_null(0)
    return digits.to_numpy().astype(np.int64) % n

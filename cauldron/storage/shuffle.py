"""Rows on their way from many jobs to many others: one file a job, cut by where its rows go.

A job scatters its rows over `n` destinations into one Arrow file; a job behind it gathers what was
meant for it from the files of all. Batch `k` of a file goes to destination `k % n`, so that a job
writes as it goes and holds little. What lies in such files is never in memory as a whole: this is
how a join over more rows than a machine can hold is done by machines that hold a part each.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.storage.files import is_local, local_path, open_input, open_output

I64 = npt.NDArray[np.int64]
Add = Callable[[pa.Table, I64 | None], None]
"""Adds rows, with the destination of each; None where there is one destination only."""


@contextlib.contextmanager
def scattering(url: str, schema: pa.Schema, n: int) -> Iterator[Add]:
    """Write rows by destination; those of one destination keep their order."""
    with (
        open_output(url) as file,
        pa.OSFile(str(file.path), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):

        def add(table: pa.Table, to: I64 | None) -> None:
            for batch in _by_destination(table.cast(schema), to, n):
                writer.write_batch(batch)

        yield add


def scatter(
    url: str, schema: pa.Schema, chunks: Iterable[tuple[pa.Table, I64 | None]], n: int
) -> int:
    """Write chunks of rows by destination; return how many rows there were."""
    rows = 0
    with scattering(url, schema, n) as add:
        for table, to in chunks:
            add(table, to)
            rows += table.num_rows
    return rows


def _by_destination(table: pa.Table, to: I64 | None, n: int) -> Iterator[pa.RecordBatch]:
    """Yield one batch for each destination, empty ones too."""
    cuts = np.array([0, table.num_rows])
    if n > 1:
        places = np.asarray(to)
        order = np.argsort(places, kind="stable")
        table = table.take(pa.array(order))
        cuts = np.searchsorted(places[order], np.arange(n + 1))
    for low, high in itertools.pairwise(cuts):
        piece = table.slice(int(low), int(high - low)).combine_chunks()
        yield from piece.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]


def gather(urls: Sequence[str], number: int, n: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches for one destination, file by file; empty ones are left out."""
    for url in urls:
        with _opened(url) as reader:
            for k in range(number, reader.num_record_batches, n):
                batch = reader.get_batch(k)
                if batch.num_rows:
                    yield batch


def gathered(urls: Sequence[str], number: int, n: int, schema: pa.Schema) -> pa.Table:
    """Return the rows for one destination as one table."""
    return pa.Table.from_batches(gather(urls, number, n), schema).combine_chunks()


@contextlib.contextmanager
def _opened(url: str) -> Iterator[pa.ipc.RecordBatchFileReader]:
    if is_local(url):
        with pa.memory_map(str(local_path(url))) as source, pa.ipc.open_file(source) as reader:
            yield reader
    else:
        with open_input(url) as source, pa.ipc.open_file(source) as reader:
            yield reader

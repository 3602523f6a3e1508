"""Files to raw rows with an address, for archives and unpacked trees alike.

A guide for a source in four sentences. Find files with `raw.find("questions/*.json")`: members of
archives below the roots are found where they would be unpacked (`ai2d-all.zip` gives
`ai2d/questions/7.json`), a real file stands before a member, and `.gz`, `.bz2`, `.xz` and `.zst`
alone hide their endings. Make rows with one of the readers below, all of them streams: `json_list`,
`json_object` (lists and objects of any size, `at="key"` or `at=("a", "b")`), `json_lines`,
`json_file` (one JSON value a file), `csv_rows`, `text_lines`, `sqlite_rows` (one table),
`parquet_groups` with `open_parquet`, `tar_shards` with `open_tar_shard` (`tar_samples` with
`open_tar_sample` where members may stand in any order), `beside` (files of one stem) and `paired`
(two lists joined on a key). Inside `Form.open`, in a worker, read what is heavy with
`raw.read(row.near("..", "tables", name))`, `raw.open`, `raw.exists`, and parse it with
`xml_element` or `npz_arrays`. Name pictures by `Picture(candidates=(row.near("images", name),
f"images/{name}"))`: places beside the row's file first, then names below any root.

A row's data must be what JSON can hold (in `rows`; `open` may add bytes), a record that cannot be
read has a `Reject` as its data, and `rows` must not list folders or read pictures (but for
`pictured_rows`: in mirrors that name no pictures, only their bytes tell them apart).
"""

from cauldron.readers.arrays import npz_arrays
from cauldron.readers.columnar import columns, open_parquet, parquet_groups, parquet_rows
from cauldron.readers.database import sqlite_rows
from cauldron.readers.grouped import (
    beside,
    open_tar_sample,
    open_tar_shard,
    paired,
    tar_samples,
    tar_shards,
)
from cauldron.readers.markup import XmlError, xml_element
from cauldron.readers.tables import csv_rows
from cauldron.readers.text import json_file, json_lines, json_list, json_object, text_lines

__all__ = [
    "XmlError",
    "beside",
    "columns",
    "csv_rows",
    "json_file",
    "json_lines",
    "json_list",
    "json_object",
    "npz_arrays",
    "open_parquet",
    "open_tar_sample",
    "open_tar_shard",
    "paired",
    "parquet_groups",
    "parquet_rows",
    "sqlite_rows",
    "tar_samples",
    "tar_shards",
    "text_lines",
    "xml_element",
]

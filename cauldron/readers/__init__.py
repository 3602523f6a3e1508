"""Files to raw rows with an address: JSON, JSON lines, one JSON a file, text lines, Parquet."""

from cauldron.readers.columnar import columns, open_parquet, parquet_groups
from cauldron.readers.text import json_file, json_lines, json_list, json_object, text_lines

__all__ = [
    "columns",
    "json_file",
    "json_lines",
    "json_list",
    "json_object",
    "open_parquet",
    "parquet_groups",
    "text_lines",
]

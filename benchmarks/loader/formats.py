"""The workload of the loader benchmark in the formats of the peers.

    python benchmarks/formats.py DIR FORMAT...

Formats: parquet (as `datasets` writes it), arrow, mds, wds, litdata, arrayrecord, energon. Each
lies in DIR/FORMAT/SOURCE and is written with its own library's writer.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import stand_in  # noqa: F401
from workload import NAMES, rows

TAR_SAMPLES = 500
GROUP_ROWS = 100
CHUNK_BYTES = 1 << 26


def table(folder: Path, name: str) -> pa.Table:
    """Return a source with columns id, source, image and messages."""
    pairs = [(picture, orjson.loads(record)) for picture, record in rows(folder, name)]
    part = pa.struct([("type", pa.string()), ("text", pa.string())])
    message = pa.struct([("role", pa.string()), ("content", pa.list_(part))])
    return pa.table(
        {
            "id": [told["id"] for _, told in pairs],
            "source": [told["source"] for _, told in pairs],
            "image": pa.array(
                [{"bytes": picture, "path": None} for picture, _ in pairs],
                pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
            ),
            "messages": pa.array([told["messages"] for _, told in pairs], pa.list_(message)),
        }
    )


def parquet(folder: Path, name: str, out: Path) -> None:
    from datasets import Dataset, Features, Image, List, Value

    text = Value("string")
    content = List({"type": text, "text": text})
    features = Features(
        {
            "id": text,
            "source": text,
            "image": Image(decode=False),
            "messages": List({"role": text, "content": content}),
        }
    )
    whole = table(folder, name).cast(features.arrow_schema)
    for number, start in enumerate(range(0, len(whole), 1000)):
        part = Dataset(whole.slice(start, 1000)).cast(features)
        part.to_parquet(str(out / f"train-{number:05d}.parquet"), batch_size=GROUP_ROWS)


def arrow(folder: Path, name: str, out: Path) -> None:
    whole = table(folder, name)
    with pa.OSFile(str(out / "data.arrow"), "wb") as file, pa.ipc.new_file(file, whole.schema) as w:
        for start in range(0, len(whole), GROUP_ROWS):
            w.write_batch(whole.slice(start, GROUP_ROWS).combine_chunks().to_batches()[0])


def mds(folder: Path, name: str, out: Path) -> None:
    from streaming import MDSWriter

    shutil.rmtree(out)
    columns = {"image": "bytes", "record": "str"}
    with MDSWriter(out=str(out), columns=columns, size_limit=CHUNK_BYTES, hashes=["xxh64"]) as w:
        for picture, record in rows(folder, name):
            w.write({"image": picture, "record": record.decode()})


def wds(folder: Path, name: str, out: Path) -> None:
    import webdataset

    writer: Any = None
    for number, (picture, record) in enumerate(rows(folder, name)):
        if number % TAR_SAMPLES == 0:
            if writer:
                writer.close()
            writer = webdataset.TarWriter(str(out / f"{number // TAR_SAMPLES:06d}.tar"))
        writer.write({"__key__": f"{name}-{number:06d}", "jpg": picture, "json": record})
    writer.close()


def energon(folder: Path, name: str, out: Path) -> None:
    wds(folder, name, out)
    command = [str(Path(sys.executable).parent / "energon"), "prepare", "--non-interactive"]
    options = ["--split-ratio", "1,0,0", "--sample-type", "CrudeWebdataset", str(out)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)


def litdata(folder: Path, name: str, out: Path) -> None:
    from litdata.streaming.writer import BinaryWriter

    shutil.rmtree(out)
    writer = BinaryWriter(str(out), chunk_bytes=CHUNK_BYTES)
    for number, (picture, record) in enumerate(rows(folder, name)):
        writer[number] = {"image": picture, "record": record.decode()}
    writer.done()
    writer.merge()


def arrayrecord(folder: Path, name: str, out: Path) -> None:
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(out / "data.arrayrecord"), "group_size:1,uncompressed")
    for picture, record in rows(folder, name):
        writer.write(struct.pack("<I", len(record)) + record + picture)
    writer.close()


FORMATS = {f.__name__: f for f in (parquet, arrow, mds, wds, litdata, arrayrecord, energon)}


def main() -> None:
    folder = Path(sys.argv[1])
    for kind in sys.argv[2:]:
        done = folder / kind / "done"
        if done.exists():
            continue
        shutil.rmtree(folder / kind, ignore_errors=True)
        started = time.perf_counter()
        for name in NAMES:
            (folder / kind / name).mkdir(parents=True)
            FORMATS[kind](folder, name, folder / kind / name)
        done.touch()
        print(f"{kind}: written in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

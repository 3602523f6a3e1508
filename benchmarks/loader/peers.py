"""One measurement of one loader in a process of its own; prints one JSON line.

    python benchmarks/loader/peers.py DIR LOADER [--decode] [--workers N] [--draws N] [--resume]

Every loader gives lists of 16 records (id, source, chat, picture): the JPEG bytes, or pixels of
RGB with the longest side 384. The peers decode with Pillow, bicubic, as their users do. First
batch: from a finished import to 16 records. Resume: state taken half way, then a new loader with
that state to its first batch; exact when the next 640 records are those of the unbroken run.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import pickle
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

BATCH, SEED, LONGEST = 16, 7, 384
MOST_S = 12.0
"""A stream is measured no longer than this, however slow."""
WEIGHTS = {"photo_qa": 0.4, "caption": 0.2, "chart": 0.2, "document": 0.2}
NAMES = list(WEIGHTS)
Record = tuple[str, str, Any, Any]
Loader = tuple[Iterable[Any], Callable[[], Any] | None, Callable[[Any], Any] | None]


class Told:
    """What the measurement is of; worker processes inherit it."""

    folder = Path()
    decode = False
    workers = 0
    draws = 0


def picture(data: bytes) -> Any:
    """Return what a record's picture is given as."""
    if not Told.decode:
        return bytes(data)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = LONGEST / max(image.size)
    size = tuple(max(int(side * scale), 1) for side in image.size)
    return torch.from_numpy(np.array(image.resize(size, Image.Resampling.BICUBIC)))


def record(told: dict[str, Any], data: bytes) -> Record:
    return told["id"], told["source"], told["messages"], picture(data)


def same(batch: Any) -> Any:
    return batch


def _cauldron(ahead: int) -> Loader:
    from cauldron.loader.dataset import PlainBatches
    from cauldron.loader.pictures import Fit

    fit = Fit(longest=LONGEST) if Told.decode else None
    url = str(Told.folder / "mixture" / "manifest.json")
    data = PlainBatches(url, BATCH, fit, threads=max(Told.workers, 1), ahead=ahead)
    return (
        (list(map(_ours, b.drawn, _pixels(b))) for b in data),
        data.state_dict,
        data.load_state_dict,
    )


def _pixels(batch: Any) -> Iterable[Any]:
    if batch.pictures is None:
        return (it.sample["images"][0]["bytes"] for it in batch.drawn)
    return (pictures[0] for pictures in batch.pictures)


def _ours(it: Any, pixels: Any) -> Record:
    return it.sample["id"], it.source, it.sample["messages"], pixels


def cauldron() -> Loader:
    """Ours: in process, or with threads in the background where the peers have workers."""
    return _cauldron(ahead=2 if Told.workers else 0)


def _hf(streaming: bool) -> list[Any]:
    import datasets

    datasets.disable_progress_bars()
    found = []
    for name in NAMES:
        paths = str(Told.folder / "parquet" / name / "*.parquet")
        cache = str(Told.folder / "hub-cache")
        source = datasets.load_dataset(
            "parquet", data_files=paths, split="train", streaming=streaming, cache_dir=cache
        )
        found.append(source.cast_column("image", datasets.Image(decode=False)))
    return found


def _hf_records(rows: dict[str, list[Any]]) -> dict[str, list[Record]]:
    columns = (rows[name] for name in ("id", "source", "messages", "image"))
    return {
        "out": [(i, s, m, picture(image["bytes"])) for i, s, m, image in zip(*columns, strict=True)]
    }


def _hf_list(rows: list[dict[str, Record]]) -> list[Record]:
    return [row["out"] for row in rows]


def _hf_row(rows: list[dict[str, Any]]) -> list[Record]:
    return [record(row, row["image"]["bytes"]) for row in rows]


def datasets_map() -> Loader:
    from datasets import interleave_datasets
    from torchdata.stateful_dataloader import StatefulDataLoader

    sources = [source.shuffle(seed=SEED) for source in _hf(streaming=False)]
    mixed = interleave_datasets(
        sources, list(WEIGHTS.values()), seed=SEED, stopping_strategy="all_exhausted"
    ).with_transform(_hf_records)
    loader = StatefulDataLoader(mixed, BATCH, num_workers=Told.workers, collate_fn=_hf_list)
    return loader, loader.state_dict, loader.load_state_dict


def datasets_stream() -> Loader:
    from datasets import interleave_datasets
    from torchdata.stateful_dataloader import StatefulDataLoader

    sources = [source.shuffle(seed=SEED, buffer_size=1000) for source in _hf(streaming=True)]
    mixed = interleave_datasets(
        sources, list(WEIGHTS.values()), seed=SEED, stopping_strategy="all_exhausted"
    )
    loader = StatefulDataLoader(mixed, BATCH, num_workers=Told.workers, collate_fn=_hf_row)
    return loader, loader.state_dict, loader.load_state_dict


def mosaicml_streaming() -> Loader:
    import stand_in  # noqa: F401
    from streaming import Stream, StreamingDataLoader, StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()

    class Records(StreamingDataset):
        def __getitem__(self, number: int) -> Record:
            found = super().__getitem__(number)
            return record(json.loads(found["record"]), found["image"])

    streams = [Stream(local=f"{Told.folder}/mds/{n}", proportion=w) for n, w in WEIGHTS.items()]
    data = Records(
        streams=streams,
        epoch_size=Told.draws,
        shuffle=True,
        shuffle_seed=SEED,
        batch_size=BATCH,
        num_canonical_nodes=1,
    )
    # a batch that is a list would be counted wrongly, and the saved position with it
    loader = StreamingDataLoader(
        data, batch_size=BATCH, num_workers=Told.workers, collate_fn=lambda rows: {"rows": rows}
    )
    return loader, loader.state_dict, loader.load_state_dict


def _wds_record(sample: dict[str, Any]) -> Record:
    return record(json.loads(sample["json"]), sample["jpg"])


class _Mixed(torch.utils.data.IterableDataset[Any]):
    def __init__(self, mixed: Any) -> None:
        self.mixed = mixed

    def __iter__(self) -> Iterator[Any]:
        return iter(self.mixed)


def webdataset() -> Loader:
    import webdataset as wds

    sources = []
    for name in NAMES:
        tars = sorted(map(str, (Told.folder / "wds" / name).glob("*.tar")))
        source = wds.WebDataset(
            tars, resampled=True, shardshuffle=False, seed=SEED, nodesplitter=wds.split_by_node
        )
        sources.append(source.shuffle(1000, initial=1000).map(_wds_record))
    mixed = _Mixed(wds.RandomMix(sources, list(WEIGHTS.values())))
    loader = torch.utils.data.DataLoader(
        mixed, batch_size=BATCH, num_workers=Told.workers, collate_fn=same
    )
    return loader, None, None


def litdata() -> Loader:
    from litdata import CombinedStreamingDataset, StreamingDataLoader, StreamingDataset

    class Records(StreamingDataset):
        def __getitem__(self, number: Any) -> Record:
            found = super().__getitem__(number)
            return record(json.loads(found["record"]), found["image"])

    sources = [Records(f"{Told.folder}/litdata/{n}", shuffle=True, seed=SEED) for n in NAMES]
    mixed = CombinedStreamingDataset(
        sources, weights=list(WEIGHTS.values()), iterate_over_all=False, seed=SEED
    )
    loader = StreamingDataLoader(
        mixed, batch_size=BATCH, num_workers=Told.workers, collate_fn=same, shuffle=True
    )
    return loader, loader.state_dict, loader.load_state_dict


def _array_record(packed: bytes) -> Record:
    (length,) = struct.unpack_from("<I", packed)
    return record(json.loads(packed[4 : 4 + length]), packed[4 + length :])


def grain() -> Loader:
    import grain.python as g
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    sources = [
        g.MapDataset.source(
            ArrayRecordDataSource(f"{Told.folder}/arrayrecord/{n}/data.arrayrecord")
        )
        .seed(SEED)
        .shuffle()
        .repeat()
        for n in NAMES
    ]
    mixed = g.MapDataset.mix(sources, weights=list(WEIGHTS.values())).map(_array_record)
    threads = 16 if Told.workers and Told.decode else 0
    options = g.ReadOptions(num_threads=threads, prefetch_buffer_size=4 * threads)
    batches = mixed.to_iter_dataset(options).batch(BATCH, drop_remainder=False, batch_fn=list)
    if Told.workers and not Told.decode:
        batches = batches.mp_prefetch(g.MultiprocessingOptions(num_workers=Told.workers))
    iterator = iter(batches)
    return iterator, iterator.get_state, iterator.set_state


def energon() -> Loader:
    from energon_blend import loader

    built = loader(Told.folder / "energon", WEIGHTS, Told.workers, BATCH, SEED, record)
    return built, built.save_state_rank, built.restore_state_rank


class ArrowRows:
    """Random rows of an Arrow IPC file in a memory map."""

    def __init__(self, name: str) -> None:
        self._path, self._batches = str(Told.folder / "arrow" / name / "data.arrow"), []

    def __getitem__(self, number: int) -> Record:
        import pyarrow as pa

        if not self._batches:
            file = pa.ipc.open_file(pa.memory_map(self._path))
            self._batches = [file.get_batch(k) for k in range(file.num_record_batches)]
        batch, row = self._batches[number // 100], number % 100
        told = {name: batch[name][row].as_py() for name in ("id", "source", "messages")}
        return record(told, batch["image"].field(0)[row].as_buffer())


class Shuffled:
    """Keys of a source in a new order each epoch."""

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size, self._epoch = name, size, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[str, int]]:
        seed = SEED * 1000 + self._epoch + 7919 * NAMES.index(self._name)
        order = torch.randperm(self._size, generator=torch.Generator().manual_seed(seed))
        yield from ((self._name, row) for row in order.tolist())


def torchdata_nodes() -> Loader:
    from torchdata import nodes

    rows = {name: ArrowRows(name) for name in NAMES}
    sizes = {n: len(np.load(Told.folder / "raw" / f"{n}.npy")) - 1 for n in NAMES}
    keys = {name: nodes.SamplerWrapper(Shuffled(name, sizes[name])) for name in NAMES}
    mixed = nodes.MultiNodeWeightedSampler(keys, WEIGHTS, stop_criteria="CYCLE_FOREVER", seed=SEED)
    batches = nodes.Batcher(mixed, BATCH)

    def read(wanted: list[tuple[str, int]]) -> list[Record]:
        return [rows[name][row] for name, row in wanted]

    if Told.workers:
        context = "fork"
        node: Any = nodes.ParallelMapper(
            batches, read, Told.workers, method="process", multiprocessing_context=context
        )
    else:
        node = nodes.Mapper(batches, read)
    loader = nodes.Loader(node)
    return loader, loader.state_dict, loader.load_state_dict


LOADERS = {
    f.__name__: f
    for f in (
        cauldron,
        torchdata_nodes,
        litdata,
        datasets_map,
        grain,
        webdataset,
        mosaicml_streaming,
        energon,
        datasets_stream,
    )
}


IMPORTS = {
    "cauldron": ["cauldron.loader.dataset"],
    "torchdata_nodes": ["torchdata.nodes", "pyarrow"],
    "litdata": ["litdata"],
    "datasets_map": ["datasets", "torchdata.stateful_dataloader"],
    "grain": ["grain.python", "array_record.python.array_record_data_source"],
    "webdataset": ["webdataset"],
    "mosaicml_streaming": ["stand_in", "streaming"],
    "energon": ["energon_blend"],
    "datasets_stream": ["datasets", "torchdata.stateful_dataloader"],
}
"""What each loader imports: before the clock starts."""


class Memory(threading.Thread):
    """The most anonymous memory that the process and its children had, in bytes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0

    def run(self) -> None:
        import psutil

        while True:
            for_all = [psutil.Process(), *psutil.Process().children(recursive=True)]
            self.most = max(self.most, sum(map(_anonymous, for_all)))
            time.sleep(0.1)


def _anonymous(process: Any) -> int:
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0
    own = [line.split() for line in lines if line.startswith(("RssAnon", "RssShmem"))]
    return 1024 * sum(int(fields[1]) for fields in own)


def _cpu_s() -> float:
    import psutil

    times = [psutil.Process().cpu_times()]
    for child in psutil.Process().children(recursive=True):
        try:
            times.append(child.cpu_times())
        except psutil.Error:
            continue
    return sum(t.user + t.system for t in times)


def _batches(loader: Iterable[Any]) -> Iterator[list[Record]]:
    for batch in loader:
        yield batch["rows"] if isinstance(batch, dict) else batch


def measured(name: str) -> dict[str, Any]:
    """Stream: rate after a tenth as warm-up, time to the first batch, memory, order of draws."""
    started = time.perf_counter()
    loader, get, _ = LOADERS[name]()
    batches = _batches(loader)
    ids = [row[0] for row in next(batches)]
    first_s = time.perf_counter() - started
    mark: tuple[float, float, int] = (0.0, 0.0, 0)
    state, half, saving = None, 0, 0.0
    for batch in batches:
        ids += [row[0] for row in batch]
        if not mark[2] and len(ids) >= Told.draws // 10:
            mark = (time.perf_counter(), _cpu_s(), len(ids))
        if get and state is None and len(ids) >= Told.draws // 2:
            before = time.perf_counter()
            state, half = pickle.dumps(get()), len(ids)
            saving = time.perf_counter() - before
        if len(ids) >= Told.draws or (mark[2] and time.perf_counter() - mark[0] > MOST_S):
            break
    count = len(ids) - mark[2]
    return {
        "first_batch_s": first_s,
        "per_s": count / (time.perf_counter() - mark[0] - saving),
        "cpu_ms": 1000 * (_cpu_s() - mark[1]) / count,
        "ids": ids,
        "half": half,
        "state": state.hex() if state else "",
    }


def resumed(name: str, before: dict[str, Any]) -> dict[str, Any]:
    """Resume from a state: time to the first batch, and whether the records are the right ones."""
    state = pickle.loads(bytes.fromhex(before["state"]))
    started = time.perf_counter()
    loader, _, put = LOADERS[name]()
    assert put is not None
    put(state)
    batches = _batches(loader)
    ids = [row[0] for row in next(batches)]
    resume_s = time.perf_counter() - started
    wanted = before["ids"][before["half"] :][:640]
    for batch in batches:
        if len(ids) >= len(wanted):
            break
        ids += [row[0] for row in batch]
    exact = ids[: len(wanted)] == wanted
    return {"resume_s": resume_s, "exact": exact, "state_bytes": len(before["state"]) // 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("loader", choices=LOADERS)
    parser.add_argument("--decode", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--order", help="where a stream writes its order, or a resume reads it")
    parser.add_argument("--resume", action="store_true")
    told = parser.parse_args()
    Told.folder, Told.decode, Told.workers = told.folder.resolve(), told.decode, told.workers
    Told.draws = told.draws
    torch.set_num_threads(1)
    for module in IMPORTS[told.loader]:
        importlib.import_module(module)
    memory = Memory()
    memory.start()
    if told.resume:
        found = resumed(told.loader, json.loads(Path(told.order).read_text()))
    else:
        found = measured(told.loader)
        if told.order:
            Path(told.order).write_text(json.dumps(found))
        for key in ("ids", "state"):
            del found[key]
    print(json.dumps(found | {"anonymous_mb": memory.most / 1e6}), flush=True)
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()

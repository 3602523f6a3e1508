"""A raw tree in the writing: its files, and a list of the traps that were planted in it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from cauldron.sample import content_hash

Rng = np.random.Generator
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One kind of trap in one source, and where the pipeline must find it.

    Args:
        trap: what was planted, in words.
        step: `read` (must change nothing), `quarantined`, `skipped` or `notes` of ingest, or the
            decision step that must drop the samples: `filter`, `dedup`, `decontaminate`.
        reasons: the reasons that are right; one of them must be given.
        names: ids of samples for decision steps, names of pictures, records or files otherwise.
    """

    source: str
    trap: str
    step: str
    reasons: tuple[str, ...]
    names: tuple[str, ...]


class Tree:
    """The raw folder of a demo: writes files below it and remembers what was planted.

    Args:
        folder: the folder below which each source has its own raw roots.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.planted: list[Planted] = []

    def write(self, path: str, payload: bytes) -> None:
        """Write a file; whether the tree is complete is told by its marker, not file by file."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(payload)

    def json(self, path: str, value: Any, *, bom: bool = False, crlf: bool = False) -> None:
        """Write indented JSON, with a byte order mark and Windows line ends when asked."""
        payload = orjson.dumps(value, option=orjson.OPT_INDENT_2)
        if crlf:
            payload = payload.replace(b"\n", b"\r\n")
        self.write(path, (BOM if bom else b"") + payload)

    def plant(
        self, source: str, trap: str, step: str, reasons: str | Iterable[str], *names: str
    ) -> None:
        """Remember a trap; the same trap of a source is remembered once, with all its names."""
        told = (reasons,) if isinstance(reasons, str) else tuple(reasons)
        for number, known in enumerate(self.planted):
            if (known.source, known.trap, known.step, known.reasons) == (source, trap, step, told):
                names = known.names + names
                del self.planted[number]
                break
        self.planted.append(Planted(source=source, trap=trap, step=step, reasons=told, names=names))

    def as_list(self) -> list[dict[str, Any]]:
        """Return the planted traps as plain values."""
        return [asdict(planted) for planted in self.planted]


def tar(members: Mapping[str, bytes]) -> bytes:
    """Return a tar of files by name, in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as written:
        for name, payload in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(payload)
            written.addfile(entry, io.BytesIO(payload))
    return out.getvalue()


def rng_of(seed: int, name: str) -> Rng:
    """Return the generator of one source: the same for the same seed, whatever else is written."""
    return np.random.Generator(np.random.PCG64(content_hash(seed, "demo", name)))


def one_of(rng: Rng, options: Any) -> Any:
    """Return one of the options, evenly."""
    return options[int(rng.integers(len(options)))]


def some_of(rng: Rng, options: Any, number: int) -> list[Any]:
    """Return distinct options in random order."""
    return [options[int(k)] for k in rng.permutation(len(options))[:number]]

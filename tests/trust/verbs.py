"""Every verb with a bad file in the place of each of its inputs, run in this process."""

from __future__ import annotations

import io
import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from typer.testing import CliRunner

from cauldron.cli.main import app

RECIPE = "schema_version: 1\nname: small\ningest: [{source: vsr, raw: [raw]}]\nrules: default\n"


def parquet(table: pa.Table) -> bytes:
    """Return a Parquet file."""
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def bad_files() -> dict[str, bytes]:
    """Return files that no verb asks for, by name."""
    table = parquet(pa.table({"id": ["a", None], "x": [1, 2], "messages": ["no", "list"]}))
    values: dict[str, Any] = {
        "null": None, "number": 1e999, "text": "words", "list": [], "lists": [[[]]], "object": {},
        "rows": [{"id": None}, 7, "x"], "keys": {"": {"": []}}, "long": {"name": "x" * 100_000},
    }  # fmt: skip
    made = {f"{name}.json": json.dumps(value).encode() for name, value in values.items()}
    return made | {
        "empty.json": b"",
        "noise.bin": bytes(range(256)) * 64,
        "zeros.json": bytes(4_096),
        "utf16.json": '{"a": 1}'.encode("utf-16"),
        "half.json": b'{"schema_version": 1, "name": "x", "shards": [',
        "deep.json": b"[" * 200_000,
        "surrogate.jsonl": b'{"prediction": "\\ud800", "references": ["\\udfff"]}\n',
        "invalid.jsonl": b'{"prediction": "\xff"}\n\n{"prediction": {}}\n[]\n',
        "nan.json": b'{"prediction": NaN, "references": -Infinity}',
        "odd.yaml": b"- a\n- {b: [c, !!python/object/apply:os.system ['true']]}\n",
        "keys.yaml": b"schema_version: 99\n? [a, b]\n: c\n",
        "types.yaml": b"schema_version: one\nname: [x]\ningest: {a: 1}\nmix: 7\nrules: {a: {}}\n",
        "bomb.yaml": b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "tabs.yaml": b"a:\t- b\n\t c: \x00",
        "deep.yaml": b"[" * 20_000,
        "date.yaml": b"schema_version: 1\nname: 2020-99-99\nseed: 0x\n",
        "other.parquet": table,
        "cut.parquet": table[:-20],
        "flipped.parquet": bytes(b ^ 0x55 if 20 < n < 60 else b for n, b in enumerate(table)),
        "page.html": b"<html>404</html>",
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(40),
    }


def arguments(bad: str, ok: dict[str, str], out: str) -> Iterator[list[str]]:
    """Yield command lines, each with a bad path in one place; all else is in order."""
    work, manifest, recipe = ok["work"], ok["manifest"], ok["recipe"]
    yield ["ingest", bad, ok["raw"], "-o", out]
    yield ["ingest", "vsr", bad, "-o", out]
    yield ["ingest", "pdf", bad, "-o", out]
    yield ["ingest", "warc", bad, "-o", out]
    yield ["ingest", "obelics", bad, "-o", out]
    yield ["fetch", "obelics", bad, "-o", out]
    yield ["fetch", "obelics", ok["raw"], "-o", out, "--opt-out", bad]
    yield ["measure", work, "--tokenizer", bad]
    yield ["measure", work, "--model", f"x={bad}"]
    yield ["filter", work, "--rules", bad]
    yield ["filter", work, "--block", bad]
    yield ["filter", work, "--allow", bad]
    yield ["index", f"X={bad}", "-o", f"{out}.parquet"]
    yield ["index", f"MMMU={bad}", "-o", f"{out}.parquet"]
    yield ["decontaminate", work, "--against", bad]
    yield ["mix", work, "--recipe", bad]
    yield ["run", bad, "-o", out]
    yield ["run", bad, "-o", out, "--dry-run"]
    for verb in ("measure", "filter", "dedup", "show", "stats", "report", "verify"):
        yield [verb, bad]
    yield ["why", bad, "a/b/c"]
    yield ["diff", manifest, bad]
    yield ["diff", bad, work]
    yield ["export", bad, out, "--to", "jsonl"]
    yield ["publish", bad, f"./{out}"]
    yield ["publish", manifest, f"{out}-p", "--recipe", bad]
    yield ["rebuild", bad, "-o", out]
    yield ["rebuild", ok["published"], "-o", out, "--raw", f"vsr={bad}"]
    yield ["score", bad, "--metric", "vqa_accuracy_official"]
    yield ["score", bad]
    yield ["train", bad, "-o", work]
    yield ["train", recipe, "-o", work, "--train", bad]
    yield ["ablate", bad, "-o", out]
    yield ["eval", bad, "--tasks", "docvqa", "--data", ok["raw"], "-o", f"{out}-e"]
    yield ["eval", bad]
    yield ["compare", bad, bad]
    yield ["bench-loader", bad, "--seconds", "0.1"]
    yield ["init", bad, "-o", f"{out}-i"]
    yield ["doctor", bad]


@contextmanager
def quietly() -> Iterator[None]:
    """Let no library write warnings or logs into the tests."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(before)


def end_of(line: list[str]) -> tuple[int, str]:
    """Run a command line in this process; return its exit code and what it told."""
    with quietly():
        done = CliRunner().invoke(app, line)
    return done.exit_code, done.stderr


def broken_manifests(manifest: Path) -> Iterator[tuple[str, bytes]]:
    """Yield a manifest with one value missing or of another type, whatever its depth."""
    whole = orjson.loads(manifest.read_bytes())
    for path in _paths(whole):
        for name, value in (("gone", _GONE), ("none", None), ("text", "x"), ("list", [[]])):
            yield f"{'.'.join(map(str, path))}:{name}", orjson.dumps(_changed(whole, path, value))


_GONE = object()


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in members:
        yield (*above, key)
        if isinstance(inner, dict | list) and len(above) < 3:
            yield from _paths(inner, (*above, key))


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    copied = dict(value) if isinstance(value, dict) else list(value)
    if len(path) > 1:
        copied[path[0]] = _changed(copied[path[0]], path[1:], new)
    elif new is _GONE:
        del copied[path[0]]
    else:
        copied[path[0]] = new
    return copied


def damaged_copies(work: Path, into: Path) -> Iterator[tuple[str, Path]]:
    """Yield copies of a work folder with one file of each kind cut, emptied or of other bytes."""
    kinds: dict[str, Path] = {}
    for path in sorted(work.rglob("*")):
        if path.is_file():
            kinds.setdefault(f"{path.relative_to(work).parts[0]}{path.suffix}", path)
    for kind, path in kinds.items():
        payload = path.read_bytes()
        for how, changed in {
            "cut": payload[: len(payload) // 2],
            "empty": b"",
            "noise": bytes(b ^ 0x5A for b in payload),
            "json": b'{"a": [null]}',
        }.items():
            copy = into / f"{kind}-{how}".replace("/", "_")
            shutil.copytree(work, copy)
            (copy / path.relative_to(work)).write_bytes(changed)
            yield f"{kind} {how}", copy

"""Rebuild: a published mixture whose bytes are not all there, made again out of raw downloads.

Sources that are published whole are copied; of the others the raw data is read as it was then, the
samples named by the ids are taken in their order, what was changed in them is changed again, and
every file must come out with the checksum that the manifest gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cauldron import steps
from cauldron.curate.edits import EDIT_COLUMNS, Edit
from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Job, perform_all
from cauldron.errors import CheckError, UsageError, near
from cauldron.mixture.manifest import folder_of, read_manifest
from cauldron.publish.entries import MANIFEST
from cauldron.publish.formats import FORMATS
from cauldron.publish.ids import row_hashes
from cauldron.publish.pieces import SPLITS, Piece, Shard
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256, open_parquet, read_table

WORK = ".work"
_HASHED = {
    "id": "another sample stands there",
    "text_sha256": "its text differs",
    "image_sha256": "its pictures differ",
}
BESIDE = ("README.md", "LICENSES.md", "croissant.json", "plots/shares.png", "plots/kept.png")


def rebuild(
    engine: Engine,
    published: str,
    raw: Mapping[str, Sequence[str]],
    out: str,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Write the whole mixture to a folder; what is there already is not made again.

    Args:
        published: the published folder or its manifest, at any URL (hf://datasets/owner/name).
        raw: folders of raw data of each source without bytes.
        out: a new folder, or one to go on with.

    Returns:
        `sources` with `rebuilt` or `copied` and the number of files, `files`, `manifest`.

    Raises:
        UsageError: if raw data of a source is not named, or none of its ids were published.
        CheckError: if a file does not come out as it was.
    """
    manifest, folder = read_manifest(published), folder_of(published)
    hidden = {s["name"]: s for s in manifest["sources"] if "ids" in s}
    needed = _needed(hidden)
    _check_named(raw, needed, manifest)
    jobs = [
        _copy_job(folder, out, shard)
        for source in manifest["sources"]
        if source["name"] not in hidden
        for key in SPLITS.values()
        for shard in source[key]
    ]
    for name in needed:
        _ingest(engine, manifest, name, raw[name], out, progress)
    sums = {name: work.checksums(files.join(out, WORK), name) for name in needed}
    for source in hidden.values():
        jobs += [_copy_job(folder, out, listed) for listed in source["ids"]]
        jobs += _rebuild_jobs(manifest, folder, source, out, sums)
    done = list(followed(perform_all(engine, jobs), "rebuild", len(jobs), progress))
    for name in (*BESIDE, MANIFEST):
        if files.exists(files.join(folder, name)):
            files.write_bytes(files.join(out, name), files.read_bytes(files.join(folder, name)))
    return {
        "sources": {
            s["name"]: "rebuilt" if s["name"] in hidden else "copied" for s in manifest["sources"]
        },
        "files": len(done),
        "manifest": files.join(out, MANIFEST),
    }


def _needed(hidden: Mapping[str, Any]) -> list[str]:
    """Return the sources of which raw data is read: those without bytes, and what they merge."""
    merged = [name for source in hidden.values() for name in source.get("merged_from", ())]
    return list(dict.fromkeys([*hidden, *merged]))


def _check_named(
    raw: Mapping[str, Sequence[str]], needed: Sequence[str], manifest: Mapping[str, Any]
) -> None:
    names = list(dict.fromkeys([*(s["name"] for s in manifest["sources"]), *needed]))
    for name in raw:
        if name not in names:
            raise UsageError(f"the mixture has no source '{name}'{near(name, names)}")
    missing = [name for name in needed if not raw.get(name)]
    if missing:
        wanted = " ".join(f"--raw {name}=DOWNLOADED" for name in missing)
        raise UsageError(f"no raw data named for: {', '.join(missing)}", hint=wanted)


def _ingest(
    engine: Engine,
    manifest: Mapping[str, Any],
    name: str,
    roots: Sequence[str],
    out: str,
    progress: Progress,
) -> None:
    """Read a source as it was read for the mixture, all splits in the same order."""
    told = [entry for entry in manifest.get("ingest", ()) if entry["source"] == name]
    if not told:
        raise UsageError(f"the manifest does not tell how '{name}' was read")
    for entry in told:
        steps.ingest(
            engine,
            files.join(out, WORK),
            name,
            roots,
            split=entry["split"],
            form=entry["form"],
            limit=entry.get("limit"),
            seed=entry["seed"],
            prompts=entry["prompts"],
            options={k: str(v) for k, v in (entry.get("options") or {}).items()},
            max_reject_share=1.0,
            progress=progress,
        )


def _copy_job(folder: str, out: str, shard: Mapping[str, Any]) -> Job:
    target = files.join(out, shard["url"])
    return Job(
        key=key_of("copy", shard["sha256"]),
        receipt=_receipt(out, shard["url"]),
        outputs=(target,),
        function=_copy,
        arguments=(files.join(folder, shard["url"]), target, dict(shard)),
    )


def _receipt(out: str, url: str) -> str:
    return files.join(out, WORK, "receipts", url.replace("/", "-") + ".json")


def _copy(source: str, target: str, shard: dict[str, Any]) -> dict[str, Any]:
    with files.open_input(source) as found, files.open_output(target) as written:
        while block := found.read(1 << 20):
            written.write(block)
    if written.sha256 != shard["sha256"]:
        files.remove(target)
        raise CheckError(
            "is not what was published: its sha256 differs",
            place=files.redacted(source),
            hint="the same command fetches it again",
        )
    return {"url": shard["url"]}


def _rebuild_jobs(
    manifest: Mapping[str, Any],
    folder: str,
    source: Mapping[str, Any],
    out: str,
    sums: Mapping[str, Mapping[str, str]],
) -> Iterator[Job]:
    """Pair every data file with its file of ids: they were cut alike."""
    shards = [shard for key in SPLITS.values() for shard in source[key]]
    form = manifest["published"]["form"]
    for shard, listed in zip(shards, source["ids"], strict=True):
        target = files.join(out, shard["url"])
        yield Job(
            key=key_of("rebuild", 2, shard["sha256"], listed["sha256"], form, sums),
            receipt=_receipt(out, shard["url"]),
            outputs=(target,),
            function=_rebuild_file,
            arguments=(
                form,
                source["name"],
                files.join(out, WORK),
                files.join(folder, listed["url"]),
                target,
                dict(shard),
            ),
        )


def _rebuild_file(
    form: str, source: str, place: str, ids_url: str, target: str, shard: dict[str, Any]
) -> dict[str, Any]:
    wanted = read_table(ids_url)
    shards, missing = _places(place, source, wanted)
    if missing:
        raise CheckError(
            f"{len(missing)} samples are not in the raw data, the first: {', '.join(missing[:5])}",
            place=shard["url"],
            hint=f"the raw data of '{source}' is another than the publisher's",
        )
    rows = sum(part.size for part in shards)
    piece = Piece(
        source=source, split="train", number=0, total=1, start=0, stop=rows, shards=tuple(shards)
    )
    FORMATS[form].write(piece, target, place)
    if file_sha256(target) != shard["sha256"]:
        files.remove(target)
        raise CheckError(
            f"does not come out as it was published: {_difference(piece, wanted, ids_url)}",
            place=shard["url"],
            hint="its raw data has changed since, or the copy was damaged",
        )
    return {"url": shard["url"]}


def _places(place: str, source: str, wanted: pa.Table) -> tuple[list[Shard], list[str]]:
    """Return where the wanted samples stand, in the order of the parts, and which are missing."""
    found: list[Shard] = []
    present = np.zeros(len(wanted), dtype=bool)
    edits = _edits(wanted)
    for part in work.parts(place, source):
        url = work.samples(place, source, part)
        ids = read_table(url, ["id"])["id"].combine_chunks()
        at = pc.index_in(wanted["id"], value_set=ids)
        present |= at.is_valid().to_numpy()
        rows = np.sort(at.drop_null().to_numpy())
        if len(rows):
            places = enumerate(at.to_pylist())
            own = {row: edits[k] for k, row in places if row is not None and k in edits}
            found.append(Shard(url=url, size=len(rows), key=part, rows=rows, edits=own, work=place))
    missing: list[str] = wanted["id"].filter(pa.array(~present)).to_pylist()
    return found, missing


def _edits(wanted: pa.Table) -> dict[int, Edit]:
    columns = wanted.select([name for name in EDIT_COLUMNS if name in wanted.column_names])
    told = enumerate(columns.to_pylist())
    return {number: edit for number, row in told if (edit := Edit.of_row(row))}


def _difference(piece: Piece, wanted: pa.Table, ids_url: str) -> str:
    """Say in which sample a file differs from the one that was published, or that none does."""
    published = iter(wanted.to_pylist())
    for table in piece.tables():
        for sample, told in zip(table.to_pylist(), published, strict=False):
            made = row_hashes(sample)
            for column, difference in _HASHED.items():
                if made[column] != told[column]:
                    return f"{told['id']}: {difference}"
    with open_parquet(ids_url) as file:
        writer = file.metadata.created_by
    return f"its samples are equal; it was written with {writer}, here with {pa.cpp_version}"

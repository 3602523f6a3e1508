"""Rebuild: a published mixture whose bytes are not all there, made again out of raw downloads.

Sources that are published whole are copied; of the others the raw data is read as it was then, the
samples named by the ids are taken in their order, and every file must come out with the checksum
that the manifest gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cauldron import steps
from cauldron.engine.base import Engine
from cauldron.engine.receipts import Job, perform_all
from cauldron.errors import CheckError, UsageError, near
from cauldron.mixture.manifest import folder_of, read_manifest
from cauldron.publish.entries import MANIFEST
from cauldron.publish.formats import FORMATS
from cauldron.publish.pieces import SPLITS, Piece, Shard
from cauldron.steps import Progress, followed, quiet
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256, read_table

WORK = ".work"
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
    _check_named(raw, hidden, manifest)
    jobs = [
        _copy_job(folder, out, shard)
        for source in manifest["sources"]
        if source["name"] not in hidden
        for key in SPLITS.values()
        for shard in source[key]
    ]
    for name, source in hidden.items():
        _ingest(engine, manifest, name, raw[name], out, progress)
        jobs += _rebuild_jobs(manifest, folder, source, out)
    done = list(followed(perform_all(engine, jobs), "rebuild", len(jobs), progress))
    _require_equal(done)
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


def _check_named(
    raw: Mapping[str, Sequence[str]], hidden: Mapping[str, Any], manifest: Mapping[str, Any]
) -> None:
    names = [source["name"] for source in manifest["sources"]]
    for name in raw:
        if name not in names:
            raise UsageError(f"the mixture has no source '{name}'{near(name, names)}")
    missing = [name for name in hidden if not raw.get(name)]
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
    told = [e for e in manifest.get("published", {}).get("ingest", ()) if e["source"] == name]
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
    return {"url": shard["url"], "wanted": shard["sha256"], "sha256": written.sha256}


def _rebuild_jobs(
    manifest: Mapping[str, Any], folder: str, source: Mapping[str, Any], out: str
) -> Iterator[Job]:
    """Pair every data file with its file of ids: they were cut alike."""
    shards = [shard for key in SPLITS.values() for shard in source[key]]
    form = manifest["published"]["form"]
    place = files.join(out, WORK)
    sums = steps.checksums(place, source["name"])
    for shard, listed in zip(shards, source["ids"], strict=True):
        target = files.join(out, shard["url"])
        yield Job(
            key=key_of("rebuild", shard["sha256"], form, sums),
            receipt=_receipt(out, shard["url"]),
            outputs=(target,),
            function=_rebuild_file,
            arguments=(
                form,
                source["name"],
                place,
                files.join(folder, listed["url"]),
                target,
                dict(shard),
            ),
        )


def _rebuild_file(
    form: str, source: str, place: str, ids_url: str, target: str, shard: dict[str, Any]
) -> dict[str, Any]:
    wanted = read_table(ids_url, ["id"])["id"]
    shards, missing = _places(place, source, wanted)
    result = {"url": shard["url"], "source": source, "wanted": shard["sha256"]}
    if missing:
        return {**result, "sha256": "", "missing": missing[:5], "n_missing": len(missing)}
    rows = sum(part.size for part in shards)
    piece = Piece(
        source=source, split="train", number=0, total=1, start=0, stop=rows, shards=tuple(shards)
    )
    FORMATS[form].write(piece, target, place)
    return {**result, "sha256": file_sha256(target)}


def _places(place: str, source: str, wanted: pa.ChunkedArray) -> tuple[list[Shard], list[str]]:
    """Return where the wanted samples stand, in the order of the parts, and which are missing."""
    found: list[Shard] = []
    present = np.zeros(len(wanted), dtype=bool)
    for part in work.parts(place, source):
        url = work.samples(place, source, part)
        ids = read_table(url, ["id"])["id"].combine_chunks()
        at = pc.index_in(wanted, value_set=ids)
        mask = at.is_valid().to_numpy()
        rows = np.sort(at.drop_null().to_numpy())
        present |= mask
        if len(rows):
            found.append(Shard(url=url, size=len(rows), key=part, rows=rows))
    missing: list[str] = wanted.filter(pa.array(~present)).to_pylist()
    return found, missing


def _require_equal(done: Sequence[Mapping[str, Any]]) -> None:
    for result in done:
        if result.get("n_missing"):
            raise CheckError(
                f"{result['n_missing']} samples are not in the raw data, the first: "
                f"{', '.join(result['missing'])}",
                place=result["url"],
                hint=f"the raw data of '{result['source']}' is another than the publisher's",
            )
        if result["sha256"] != result["wanted"]:
            raise CheckError(
                "does not come out as it was published (sha256 differs)",
                place=result["url"],
                hint="its raw data has changed since, or the copy was damaged",
            )

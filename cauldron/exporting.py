"""Export: the samples of a manifest in another format, piece by piece, resumable."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Job, perform_all
from cauldron.errors import UsageError
from cauldron.publish.formats import HIDDEN, VERSION, Format, format_named, write_piece
from cauldron.publish.pieces import Piece, pieces
from cauldron.storage import files
from cauldron.storage.keys import key_of

SUMMARY = "export.json"


def export(
    engine: Engine, manifest: str, to: str, dest: str, progress: Progress = quiet
) -> dict[str, Any]:
    """Write the samples of a manifest to a folder; what is there already is not written again.

    Returns:
        What `export.json` says: `format`, `files` with rows and checksums, `sources` with samples
        written and left out by reason, and `totals`.

    Raises:
        UsageError: for an unknown format, or a folder that holds something else.
        StorageError: if the manifest or its samples cannot be read.
    """
    form = format_named(to)
    before = _before(dest, to)
    files.sweep(dest)
    files.require_free(dest)
    cut = pieces(manifest, form.piece_bytes)
    jobs = [_job(form, piece, dest) for piece in cut]
    files.write_json(files.join(dest, HIDDEN, "format.json"), {"format": to})
    results = [
        {key: value for key, value in result.items() if key != "resumed"}
        for result in followed(perform_all(engine, jobs), "export", len(jobs), progress)
    ]
    beside = form.beside(dest, results) if form.beside else []
    summary = _summary(to, results, beside)
    _remove_stale(dest, before, summary)
    files.write_json(files.join(dest, SUMMARY), summary)
    return summary


def _before(dest: str, to: str) -> dict[str, Any]:
    """Return the summary of an earlier export to this folder.

    Raises:
        UsageError: if the folder holds an export in another format, or other files.
    """
    mark = files.join(dest, HIDDEN, "format.json")
    if files.exists(mark):
        held = files.read_json(mark).get("format")
        if held != to:
            raise UsageError(f"holds an export to {held}", place=dest, hint="name another folder")
        url = files.join(dest, SUMMARY)
        return dict(files.read_json(url)) if files.exists(url) else {}
    if set(files.list_names(dest)) - {HIDDEN}:  # an export that was killed at once left only that
        raise UsageError("not empty, and no export of ours", place=dest, hint="name a new folder")
    return {}


def _job(form: Format, piece: Piece, dest: str) -> Job:
    name = f"{piece.source}-{piece.split}-{piece.number:05d}.json"
    return Job(
        key=key_of("export", form.name, VERSION, piece.key),
        receipt=files.join(dest, HIDDEN, "receipts", name),
        outputs=(files.join(dest, form.file(piece)),),
        function=write_piece,
        arguments=(form.name, piece, dest),
    )


def _summary(to: str, results: list[dict[str, Any]], beside: list[str]) -> dict[str, Any]:
    sources: dict[str, dict[str, Any]] = {}
    for result in results:
        counts = sources.setdefault(result["source"], {"left_out": Counter()})
        counts[result["split"]] = counts.get(result["split"], 0) + result["rows"]
        counts["left_out"].update(result["left_out"])
    written = [result for result in results if result["rows"]]
    return {
        "format": to,
        "sources": {
            name: {**counts, "left_out": dict(sorted(counts["left_out"].items()))}
            for name, counts in sources.items()
        },
        "files": written,
        "beside": sorted(beside),
        "totals": {
            "samples": sum(result["rows"] for result in written),
            "left_out": sum(sum(r["left_out"].values()) for r in results),
            "size_bytes": sum(result["size_bytes"] for result in written),
        },
    }


def _remove_stale(dest: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Remove files that an earlier export wrote here and this one does not name."""

    def named(summary: dict[str, Any]) -> set[str]:
        return {f["file"] for f in summary.get("files", ())} | set(summary.get("beside", ()))

    for name in sorted(named(before) - named(now)):
        files.remove(files.join(dest, name))

"""A look at the machine: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from cauldron.errors import CauldronError
from cauldron.storage import files
from cauldron.storage.cores import cores

PARTS = {
    "pdf": (("pymupdf", "read PDF files"),),
    "train": (("torch", "train and evaluate"), ("transformers", "train and evaluate")),
    "hub": (("datasets", "read back what is published"), ("huggingface_hub", "the hub")),
    "s3": (("s3fs", "paths that begin with s3://"),),
    "ray": (("ray", "run on a cluster"),),
    "svg": (("resvg_py", "paint SVG"),),
    "fast": (("numba", "faster near-duplicates"), ("simplejpeg", "faster JPEG decoding")),
}
"""Extras, what they bring, and what it is for."""

SCRIPTS = {
    "Latin": "A", "Greek": "α", "Cyrillic": "Ж", "Arabic": "ع", "Hebrew": "א", "Hindi": "क",
    "Bengali": "ক", "Tamil": "த", "Thai": "ก", "Chinese": "中", "Japanese": "あ", "Korean": "한",
}  # fmt: skip
"""A letter of each script that tables are often written in."""

FEW_BYTES = 5 << 30

Row = dict[str, str]


def checkup(work: str | None = None) -> list[Row]:
    """Return rows of `state` (ok, note or bad), `check`, `found` and `to_do`.

    Args:
        work: a folder, at any URL, that is checked for room and for being writable.
    """
    rows = [_python(), _cores(), *_place(work or "."), _fonts(), *_parts(), _token()]
    return rows


def _row(state: str, check: str, found: str, to_do: str = "") -> Row:
    return {"state": state, "check": check, "found": found, "to_do": to_do}


def _python() -> Row:
    version = importlib.metadata.version("cauldron")
    told = f"cauldron {version}, Python {platform.python_version()}, {platform.system()}"
    old = sys.version_info < (3, 11)
    return _row("bad" if old else "ok", "version", told, "Python 3.11 or later" if old else "")


def _cores() -> Row:
    return _row("ok", "processor", f"{cores()} cores; --workers takes all of them by default")


def _place(work: str) -> list[Row]:
    if not files.is_local(work):
        return [_store(work)]
    folder = files.local_path(work)
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".cauldron-"):
            pass
    except OSError as error:
        to_do = "another -o, or the right to write"
        return [_row("bad", "work folder", f"{folder}: {error.strerror}", to_do)]
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):.1f} GiB free at {folder}"
    few = free < FEW_BYTES
    return [_row("note" if few else "ok", "disk", told, "samples hold pictures" if few else "")]


def _store(url: str) -> Row:
    shown = files.redacted(url)
    probe = files.join(url, ".cauldron-doctor")
    try:
        files.write_bytes(probe, b"doctor")
        read = files.read_bytes(probe) == b"doctor"
        files.remove(probe)
    except CauldronError as error:
        return _row("bad", "work folder", str(error), "access, region, endpoint")
    return _row("ok" if read else "bad", "work folder", f"{shown} can be written and read")


def _fonts() -> Row:
    from cauldron.media.fonts import FAMILIES, face_for
    from cauldron.media.images import ImageError

    missing = []
    for script, letter in SCRIPTS.items():
        try:
            face_for(letter, FAMILIES[0], False)
        except (ImageError, CauldronError):
            missing.append(script)
    if not missing:
        return _row("ok", "fonts", "tables are drawn in every script")
    to_do = "install fonts of these scripts (fonts-noto, fonts-noto-cjk), or the pdf extra"
    return _row("note", "fonts", f"none for {', '.join(missing)}", to_do)


def _parts() -> list[Row]:
    rows = []
    for extra, parts in PARTS.items():
        found = {name: _version(name) for name, _ in parts}
        told = ", ".join(f"{name} {version}" for name, version in found.items() if version)
        absent = [f"{name} ({use})" for name, use in parts if not found[name]]
        if absent:
            to_do = f"pip install 'cauldron[{extra}]'"
            rows.append(_row("note", extra, f"without {', '.join(absent)}", to_do))
        else:
            rows.append(_row("ok", extra, told))
    return rows


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _token() -> Row:
    """Say whether there is a token for the hub; its text is not even read here."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    if os.environ.get("HF_TOKEN"):
        return _row("ok", "hub token", "in the environment (HF_TOKEN)")
    if (home / "token").is_file():
        return _row("ok", "hub token", "from hf auth login")
    return _row("note", "hub token", "none", "hf auth login, for gated sets and for publishing")

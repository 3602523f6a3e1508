"""Files on any fsspec URL: reading, listing, and writing that is never seen half done.

Local writes go to a temporary name in the same folder, are flushed to disk and renamed. To object
stores a finished local file is uploaded: an object is visible only when its upload is complete.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import io
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

import orjson

from cauldron.errors import CauldronError, StorageError
from cauldron.storage.hashing import HashingFile
from cauldron.storage.versions import JSON_VERSION, refuse_newer

TEMPORARY = ".partial"
_BLOCK = 1 << 20
_SYNCS_AT_ONCE = 8  # the disk brings many small files down together
RESERVE_BYTES = 32 << 20
_ADVICE = {
    errno.ENOSPC: "free some space, then the same command goes on",
    errno.EDQUOT: "the quota is used up; free some space, then the same command goes on",
    errno.EFBIG: "files may not be that large here (ulimit -f)",
    errno.EROFS: "choose another folder: this one is read-only",
    errno.EACCES: "choose another folder, or change who may write here",
    errno.EPERM: "choose another folder, or change who may write here",
}


def is_local(url: str) -> bool:
    """Say whether a URL is a path on this machine."""
    return "://" not in url or url.startswith("file://")


def local_path(url: str) -> Path:
    """Return the path of a local URL."""
    return Path(url.removeprefix("file://"))


def join(url: str, *names: str) -> str:
    """Join names to a URL or path with single slashes."""
    return "/".join([url.rstrip("/") or "/", *(n.strip("/") for n in names)])


def redacted(url: str) -> str:
    """Return a URL without user, password and query, fit for messages and manifests."""
    if is_local(url):
        return url
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the path inside it.

    Raises:
        StorageError: if the protocol is unknown or its package is missing.
    """
    import fsspec  # takes long to import, and nothing local needs it

    try:
        fs, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise StorageError(f"cannot open: {error}", place=redacted(url)) from error
    return fs, str(path)


@contextlib.contextmanager
def reported(url: str, doing: str) -> Iterator[None]:
    """Turn an error of the place into a `StorageError` that names it.

    The libraries behind remote URLs raise what they like, so there every error counts.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(
            f"cannot {doing}: no such file or folder", place=redacted(url)
        ) from error
    except OSError as error:
        said = f"cannot {doing}: {_reason(error)}"
        raise StorageError(said, place=redacted(url), hint=_advice(error)) from error
    except CauldronError:
        raise
    except Exception as error:
        if is_local(url):
            raise
        raise StorageError(f"cannot {doing}: {error}", place=redacted(url)) from error


def exists(url: str) -> bool:
    """Say whether a file or folder is there."""
    if is_local(url):
        return local_path(url).exists()
    fs, path = filesystem(url)
    with reported(url, "look up"):
        return bool(fs.exists(path))


def is_file(url: str) -> bool:
    """Say whether a URL is a file."""
    if is_local(url):
        return local_path(url).is_file()
    fs, path = filesystem(url)
    with reported(url, "look up"):
        return bool(fs.isfile(path))


def size_bytes(url: str) -> int:
    """Return the size of a file."""
    with reported(url, "read"):
        if is_local(url):
            return local_path(url).stat().st_size
        fs, path = filesystem(url)
        return int(fs.size(path))


def open_input(url: str) -> IO[bytes]:
    """Open a file for reading."""
    with reported(url, "read"):
        if is_local(url):
            return local_path(url).open("rb")
        fs, path = filesystem(url)
        opened: IO[bytes] = io.BufferedReader(fs.open(path, "rb"), _BLOCK)
        return opened


def read_bytes(url: str) -> bytes:
    """Read a whole file."""
    with reported(url, "read"), open_input(url) as file:
        return file.read()


@contextlib.contextmanager
def open_output(url: str) -> Iterator[HashingFile]:
    """Open a file for writing that appears under its name only when the block ends well.

    Raises:
        StorageError: if the place cannot be written.
    """
    if not is_local(url):
        with _spooled(url) as file:
            yield file
        return
    path = local_path(url)
    temporary = _temporary(path)
    output: HashingFile | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            output = HashingFile(file, temporary)
            yield output
            output.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        discard(temporary)
        raise _unwritten(url, error, output.size_bytes if output else 0) from error
    except BaseException as error:
        discard(temporary)
        if output and output.error and isinstance(error, Exception):
            raise _unwritten(url, output.error, output.size_bytes) from error
        raise


@contextlib.contextmanager
def beside(url: str) -> Iterator[Path]:
    """Give a temporary folder on the disk of a local place, for files on their way to it."""
    if not is_local(url):
        with tempfile.TemporaryDirectory(prefix="cauldron-") as folder:
            yield Path(folder)
        return
    temporary = _temporary(local_path(url))
    with reported(url, "write"):
        temporary.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    finally:
        discard(temporary)


def bring(path: Path, url: str) -> None:
    """Bring a finished file of this machine to its place; a local one only changes its name.

    Raises:
        StorageError: if the place cannot be written.
    """
    if not is_local(url):
        with path.open("rb") as source, open_output(url) as out:
            shutil.copyfileobj(source, out, 16 << 20)
        return
    target = local_path(url)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(path.parent.stat().st_mode & 0o666)  # some writers keep theirs to themselves
        _sync(path)
        path.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise _unwritten(url, error, path.stat().st_size if path.exists() else 0) from error


def _temporary(path: Path) -> Path:
    """Return the name that a file of this process has until it is complete."""
    return path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}{TEMPORARY}")


def discard(temporary: Path) -> None:
    """Remove what was half written; where that fails too, the next run sweeps it away."""
    with contextlib.suppress(OSError):
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink()


def require_free(url: str) -> None:
    """Check that a local place has room for more than what a run writes last, its manifest.

    Raises:
        StorageError: if fewer than `RESERVE_BYTES` are free.
    """
    if is_local(url) and (free := free_bytes(url)) < RESERVE_BYTES:
        raise StorageError(
            f"the disk is full: {free:,} bytes are free, {RESERVE_BYTES:,} are kept in reserve",
            place=url,
            hint="free some space or choose another folder",
        )


def sweep(url: str) -> None:
    """Remove what killed processes of this machine left half written in a local folder."""
    for folder, folders, names in os.walk(local_path(url)) if is_local(url) else ():
        for name in (*folders, *names):
            if _is_left(name):
                discard(Path(folder, name))


def sweep_beside(url: str) -> None:
    """Remove what killed processes of this machine left of one local file."""
    path = local_path(url).absolute()
    for name in os.listdir(path.parent) if is_local(url) and path.parent.is_dir() else ():
        if name.startswith(f"{path.name}.") and _is_left(name):
            discard(path.with_name(name))


def _is_left(name: str) -> bool:
    process = name.removesuffix(TEMPORARY).rpartition(f".{socket.gethostname()}-")[2]
    return name.endswith(TEMPORARY) and process.isdigit() and not _is_alive(int(process))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


def _unwritten(url: str, error: OSError, size: int) -> StorageError:
    free = ""
    with contextlib.suppress(OSError):
        free = f", {free_bytes(url):,} bytes are free"
    told = f"cannot write: {_reason(error)} (after {size:,} bytes{free})"
    return StorageError(told, place=url, hint=_advice(error))


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _advice(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0, "")


def free_bytes(url: str) -> int:
    """Return the bytes that may still be written to the file system of a local path."""
    path = local_path(url).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@contextlib.contextmanager
def _spooled(url: str) -> Iterator[HashingFile]:
    """Write to a local file first and upload it whole: a store never sees half of it."""
    fs, remote_path = filesystem(url)
    place = tempfile.gettempdir()
    with reported(place, "write"), tempfile.TemporaryDirectory(prefix="cauldron-") as folder:
        spool = Path(folder, "upload")
        with spool.open("wb") as file:
            output = HashingFile(file, spool)
            yield output
            output.flush()
        with reported(url, "write"):
            fs.makedirs(remote_path.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(spool), remote_path)


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(url: str, payload: bytes | memoryview) -> None:
    """Write a whole file atomically."""
    with open_output(url) as file:
        file.write(payload)


def write_all(payloads: Iterable[tuple[str, bytes | memoryview]]) -> None:
    """Write whole files; on this machine none appears under its name before all are on disk.

    While some are flushed to the disk the next are made, and each folder is flushed once.

    Args:
        payloads: URL and content of each.

    Raises:
        StorageError: if a place cannot be written.
    """
    waiting: list[tuple[Path, Path, Future[None]]] = []
    with contextlib.ExitStack() as undone, ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
        for url, payload in payloads:
            if not is_local(url):
                write_bytes(url, payload)
                continue
            path = local_path(url)
            undone.callback(discard, temporary := _temporary(path))
            with _written_or_told(url, len(payload)):
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(payload)
            waiting.append((path, temporary, pool.submit(_sync, temporary)))
        for path, _, synced in waiting:
            with _written_or_told(str(path), 0):
                synced.result()
        for path, temporary, _ in waiting:
            with _written_or_told(str(path), 0):
                temporary.replace(path)
        for folder in {path.parent for path, _, _ in waiting}:
            _sync(folder)
        undone.pop_all()


@contextlib.contextmanager
def _written_or_told(url: str, size: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritten(url, error, size) from error


def read_json(url: str) -> Any:
    """Read a JSON file.

    Raises:
        StorageError: if it is missing or not JSON, or states a version newer than is known.
    """
    try:
        value = orjson.loads(read_bytes(url))
    except orjson.JSONDecodeError as error:
        raise StorageError(f"not JSON: {error}", place=redacted(url)) from error
    if isinstance(value, dict) and "schema_version" in value:
        refuse_newer("a file of", value["schema_version"], JSON_VERSION, redacted(url))
    return value


def write_json(url: str, value: Any) -> None:
    """Write JSON atomically, keys sorted, so that equal values give equal bytes."""
    write_bytes(url, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Return the JSON that `write_json` writes."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(value, option=options)


def list_names(url: str, suffix: str = "") -> list[str]:
    """Return the sorted names in a folder that end in `suffix`; none when it is absent."""
    if is_local(url):
        path = local_path(url)
        names = os.listdir(path) if path.is_dir() else []
    else:
        fs, path_text = filesystem(url)
        with reported(url, "list"):
            found = fs.ls(path_text, detail=False) if fs.isdir(path_text) else []
        names = [PurePosixPath(name).name for name in found]
    return sorted(n for n in names if n.endswith(suffix) and not n.endswith(TEMPORARY))


def find_files(url: str, pattern: str = "*") -> list[str]:
    """Return the sorted relative paths of all files below a folder whose path fits a pattern."""
    if is_local(url):
        root = local_path(url)
        paths = [
            Path(folder, name).relative_to(root).as_posix()
            for folder, _, names in os.walk(root)
            for name in names
        ]
    else:
        fs, path_text = filesystem(url)
        with reported(url, "list"):
            paths = [p[len(path_text) :].lstrip("/") for p in fs.find(path_text)]
    return sorted(p for p in paths if fnmatch.fnmatchcase(p, pattern))


def remove(url: str) -> None:
    """Remove a file or folder; nothing happens when it is absent."""
    if is_local(url):
        with reported(url, "remove"):
            _remove_here(local_path(url))
        return
    fs, path = filesystem(url)
    with reported(url, "remove"):
        fs.invalidate_cache()
        if fs.exists(path):
            fs.rm(path, recursive=True)


def _remove_here(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

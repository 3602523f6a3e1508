"""Short checks of the promises that matter most, with real files on the user's own machine.

Each makes something hostile or cuts something off in a temporary folder, and says what came of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from cauldron.errors import CauldronError
from cauldron.storage import files

Row = dict[str, str]
_RECORDS = 60


def self_test() -> list[Row]:
    """Run all checks; return rows of `state` (ok, note or bad), `check`, `found` and `to_do`."""
    rows = []
    for name, check in _CHECKS.items():
        with tempfile.TemporaryDirectory(prefix="cauldron-self-test-") as folder:
            start = time.monotonic()
            try:
                state, found = "ok", check(Path(folder))
            except _Skipped as error:
                state, found = "note", str(error)
            except Exception as error:
                state, found = "bad", f"{type(error).__name__}: {error}"[:300]
        took = f"{found} ({time.monotonic() - start:.1f} s)"
        to_do = "report this, with your platform" if state == "bad" else ""
        rows.append({"state": state, "check": name, "found": took, "to_do": to_do})
    return rows


class _Skipped(Exception):
    """A check whose optional part is not installed."""


class _Failed(Exception):
    """A promise that does not hold here."""


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Failed(otherwise)


def _picture(folder: Path) -> str:
    """A picture of 900 Mpx in a few bytes is refused by its header; a cut one is told."""
    from cauldron.media.images import ImageError, open_rgb

    head = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head
    bomb += struct.pack(">I", zlib.crc32(head)) + b"\0\0\0\0IEND\xaeB`\x82"
    out = io.BytesIO()
    Image.effect_noise((160, 120), 60).save(out, "JPEG")
    reasons = []
    for data in (bomb, out.getvalue()[: out.tell() // 2], b"%!PS-Adobe-3.0 EPSF-3.0\n"):
        try:
            open_rgb(data)
            reasons.append("opened")
        except ImageError as error:
            reasons.append(error.reason)
    expected = ["image_too_large", "image_truncated", "image_not_identified"]
    _require(reasons == expected, f"a bomb, a cut and a foreign file ended as {reasons}")
    return "a bomb, a cut and a foreign file are refused"


def _document(folder: Path) -> str:
    """A PDF whose tree of pages is a ring ends as an error, and the next file is read."""
    from cauldron.media.pdf import PdfError, PdfFacts, is_available, read_pages

    if not is_available():
        raise _Skipped("PDF files are not read without cauldron[pdf]")
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 9>>"]
    data = b"%PDF-1.7\n"
    for number, body in enumerate(objects, start=1):
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    data += b"trailer<</Root 1 0 R>>\n"
    try:
        pages = len(list(read_pages(data, PdfFacts())))
    except PdfError as error:
        return f"a ring of pages is refused: {error.reason}"
    return f"a ring of pages gives {pages} pages"


def _archive(folder: Path) -> str:
    """A member that leads outside is not written; a link is not followed."""
    from cauldron.readers.raw import Raw

    raw = folder / "raw"
    raw.mkdir()
    with tarfile.open(raw / "bad.tar", "w") as made:
        for name, kind in (("../outside.txt", tarfile.REGTYPE), ("link.txt", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/hostname"
            made.addfile(info)
    reader = Raw([str(raw)])
    try:
        for found in reader.find("*.txt"):
            reader.read(found.url)
            raise _Failed(f"{found.path} was read")
    except CauldronError:
        pass
    _require([p.name for p in folder.iterdir()] == ["raw"], "something was written outside")
    return "links and paths that lead outside are refused"


def _network(folder: Path) -> str:
    """Addresses of this machine and of clouds' metadata are not asked."""
    from cauldron.web.guard import FetchError, Guard

    for host in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]"):
        try:
            Guard().target(f"http://{host}/")
        except FetchError:
            continue
        raise _Failed(f"{host} would be asked")
    return "private addresses are not asked"


def _secrets(folder: Path) -> str:
    """A token in an address is taken out of messages."""
    from cauldron.redaction import without_secrets

    shown = without_secrets("GET https://me:canary@host.example/a?token=canary")
    _require("canary" not in shown, "a token would be shown")
    return "tokens are taken out of messages"


def _raw(folder: Path) -> Path:
    raw = folder / "raw"
    raw.mkdir()
    rows = []
    for number in range(_RECORDS):
        Image.effect_noise((200, 150), 50).save(raw / f"{number}.png")
        rows.append(f'{{"image": "{number}.png"}}\n')
    (raw / "a.jsonl").write_text("".join(rows))
    own = "name: own\nimages: '{image}'\nturns: [{user: 'What is it?', assistant: Noise.}]\n"
    (folder / "own.yaml").write_text(own)
    return raw


def _command(folder: Path, work: str, workers: int = 1) -> list[str]:
    own, raw = str(folder / "own.yaml"), str(folder / "raw")
    line = [sys.executable, "-m", "cauldron", "ingest", own, raw, "-o", str(folder / work)]
    return [*line, "--workers", str(workers), "--json"]


def _bytes(work: Path) -> str:
    parts = sorted(work.glob("samples/*/*"))
    _require(bool(parts), "nothing was written")
    return hashlib.sha256(b"".join(p.read_bytes() for p in parts)).hexdigest()


def _resume(folder: Path) -> str:
    """Runs that are killed go on to the bytes of an undisturbed run."""
    _raw(folder)
    subprocess.run(_command(folder, "whole"), check=True, capture_output=True)
    killed = 0
    for wait_s in (0.3, 0.6, 0.9):
        with subprocess.Popen(
            _command(folder, "cut"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            try:
                run.wait(wait_s)
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                killed += 1
    subprocess.run(_command(folder, "cut"), check=True, capture_output=True)
    same = _bytes(folder / "whole") == _bytes(folder / "cut")
    _require(same, "a run that was killed ended with other bytes")
    return f"{killed} of 3 runs killed, then the bytes of an undisturbed run"


def _lock(folder: Path) -> str:
    """Of two runs on one work folder one leaves with a message."""
    from cauldron.storage.work import locked

    work = str(folder / "work")
    code = (
        "import sys\nfrom cauldron.errors import CauldronError\n"
        "from cauldron.storage.work import locked\n"
        "try:\n    with locked(sys.argv[1]): pass\n"
        "except CauldronError as error: sys.exit(10 + error.exit_code)\n"
    )
    with locked(work):
        second = subprocess.run([sys.executable, "-c", code, work], capture_output=True).returncode
    after = subprocess.run([sys.executable, "-c", code, work], capture_output=True).returncode
    _require(
        second > 10 and after == 0, f"the second run ended with {second}, a later with {after}"
    )
    return "a second run on one folder is refused, a later one is not"


def _determinism(folder: Path) -> str:
    """One and two workers, two hash seeds, time zones and locales give equal bytes."""
    _raw(folder)
    seen = {}
    for number, (workers, zone, seed) in enumerate(((1, "UTC", "0"), (2, "Asia/Tokyo", "7"))):
        env = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C"}
        line = _command(folder, f"w{number}", workers)
        subprocess.run(line, check=True, capture_output=True, env=env)
        seen[_bytes(folder / f"w{number}")] = workers
    _require(len(seen) == 1, "two runs gave other bytes")
    return "one and two workers, two hash seeds and time zones give equal bytes"


def _full(folder: Path) -> str:
    """A place that takes no more bytes gives an error, and leaves no half file."""
    if os.name != "posix":
        raise _Skipped("limits on files are not known here")
    code = (
        "import resource, signal, sys\nfrom cauldron.errors import StorageError\n"
        "from cauldron.storage import files\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: files.write_bytes(sys.argv[1], bytes(5000))\n"
        "except StorageError: sys.exit(7)\n"
    )
    target = folder / "place" / "a.bin"
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True)
    _require(done.returncode == 7, done.stderr.decode("utf-8", "replace")[-200:])
    _require(not files.list_names(str(target.parent)), "half a file was left")
    return "a write that finds no room is an error and leaves nothing"


_CHECKS: dict[str, Callable[[Path], str]] = {
    "hostile pictures": _picture,
    "hostile PDF": _document,
    "hostile archive": _archive,
    "private addresses": _network,
    "secrets": _secrets,
    "no room": _full,
    "two runs at once": _lock,
    "kill and resume": _resume,
    "equal bytes": _determinism,
}

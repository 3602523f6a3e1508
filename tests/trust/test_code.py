"""Threats 10, 11 and 25: code that comes with data, recipes of strangers, and dependencies."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import os
import pickle
import re
import subprocess
import sys
import threading
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from cauldron.config import load_yaml
from cauldron.errors import CauldronError, RecipeError
from cauldron.readers import npz_arrays
from cauldron.readers.raw import Raw
from tests.conftest import picture
from tests.trust.commands import cauldron, told

ROOT = Path(__file__).parents[2]
BANNED = {
    "modules of pickles": r"\b(import|from)\s+(c?[Pp]ickle|marshal|shelve|dill|joblib)\b",
    "a YAML loader that makes objects": r"yaml\.(load|unsafe_load|full_load)\b|(Unsafe|Full)Loader",
    "torch.load without weights_only": r"torch\.load\((?![^)]*weights_only=True)",
    "code of a model repository": r"trust_remote_code\s*=\s*True",
    "arrays with pickles": r"allow_pickle\s*=\s*True",
    "evaluated text": r"(?<![\w.])(eval|exec)\(|os\.system|shell\s*=\s*True",
}


class Evil:
    """Touches a canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.canary,))


@pytest.mark.parametrize("what", sorted(BANNED))
def test_threat_10_no_code_comes_from_data(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "cauldron").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(BANNED[what], line) and "opens a saved model with" not in line
    ]
    assert found == []


def test_threat_10_the_linter_bans_the_names(tmp_path: Path) -> None:
    bad = (
        "import pickle\nimport marshal\nimport dill\nimport yaml\nimport json\nimport os\n"
        "pickle.loads(b'')\nmarshal.loads(b'')\ndill.loads(b'')\nyaml.load('')\n"
        "yaml.unsafe_load('')\neval('1')\nos.system('true')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"),
         "--output-format", "concise", "--stdin-filename", str(ROOT / "cauldron" / "bad.py"), "-"],
        input=bad, capture_output=True, text=True,
    )  # fmt: skip
    lines = {int(n) for n in re.findall(r"bad\.py:(\d+):\d+: (?:S|TID)\d+", done.stdout)}
    assert lines >= {1, 2, 3, 7, 8, 9, 10, 11, 12, 13}, done.stdout


def test_threat_10_a_pickle_among_the_raw_data_is_never_opened(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = pickle.dumps(Evil(canary))
    raw = tmp_path / "raw"
    raw.mkdir()
    out = io.BytesIO()
    np.save(out, np.array([Evil(canary)], object), allow_pickle=True)
    with zipfile.ZipFile(raw / "a.npz", "w") as archive:
        archive.writestr("a.npy", out.getvalue())
    for name in ("a.pkl", "a.jsonl", "a.json", "a.pt", "pytorch_model.bin", "a.png", "a.tar"):
        (raw / name).write_bytes(evil)
    table = pa.table({"text": [evil.decode("latin-1")], "image": [evil]})
    pq.write_table(table, raw / "a.parquet")
    assert npz_arrays((raw / "a.npz").read_bytes()) == {}
    for files in ("*.jsonl", "*.json", "*.parquet"):
        own = {"name": "own", "files": files, "text": "{text}", "images": "{image}"}
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
        done = cauldron(
            "ingest", tmp_path / "own.yaml", raw, "-o", tmp_path / "work", "--max-rejects", "1"
        )
        told(done, 0, 2, 3, 4)
    assert not canary.exists()
    pickle.loads(evil)
    assert canary.exists()  # the pickle would have told


def test_threat_10_a_checkpoint_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs cauldron[train]")
    canary = tmp_path / "canary"
    torch.save(Evil(canary), tmp_path / "state.pt")
    with pytest.raises(pickle.UnpicklingError, match=r"[Ww]eights"):
        torch.load(tmp_path / "state.pt", weights_only=True)
    assert not canary.exists()


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
)
STRANGE = {
    "an alias bomb": (BOMB, "aliases"),
    "an object": ("a: !!python/object/apply:os.system ['touch canary']\n", "constructor"),
    "a module": ("a: !!python/module:os\n", "constructor"),
    "a function": ("a: !function os.system\n", "constructor"),
    "a large file": ("a: " + "x" * (1 << 20), "larger than"),
    "deep nesting": ("[" * 200_000, "nested deeper"),
    "deep keys": ("".join(f"{' ' * n}a:\n" for n in range(300)), "nested deeper"),
}


@pytest.mark.parametrize("what", sorted(STRANGE))
def test_threat_11_a_recipe_of_a_stranger_runs_nothing(what: str, tmp_path: Path) -> None:
    text, message = STRANGE[what]
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_yaml(str(tmp_path / "recipe.yaml"))


@pytest.mark.parametrize("pattern", ["../*.jsonl", "/etc/*", "a/../../*.jsonl", "**/../../*"])
def test_threat_11_patterns_stay_below_their_root(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_text('{"text": "CANARY"}\n')
    (tmp_path / "raw" / "a").mkdir(parents=True)
    (tmp_path / "raw" / "a" / "b.jsonl").write_text('{"text": "fine"}\n')
    raw = Raw([str(tmp_path / "raw")])
    for found in raw.find(pattern):
        assert found.url.startswith(f"{tmp_path}/raw/"), found


@pytest.mark.parametrize(
    "place", ["../secret.png", "/etc/passwd", "a/../../secret.png", "file:///etc/passwd", "~/x"]
)
def test_threat_11_pictures_named_by_records_stay_below_their_root(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    raw = tmp_path / "raw"
    (raw / "a").mkdir(parents=True)
    (raw / "a" / "rows.jsonl").write_text(json.dumps({"image": place}) + "\n")
    with contextlib.suppress(CauldronError):
        assert Raw([str(raw)]).picture([place, f"{raw}/{place}"], 10**6, f"{raw}/a") is None
    own = "name: own\nimages: '{image}'\nturns: [{user: a, assistant: b}]\n"
    (tmp_path / "own.yaml").write_text(own)
    work = tmp_path / "work"
    done = cauldron("ingest", tmp_path / "own.yaml", raw, "-o", work, "--max-rejects", "1")
    told(done, 0)
    assert not list(work.rglob("part-*.parquet"))


def test_threat_25_dependencies_are_few_bounded_and_locked_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert len(project["dependencies"]) <= 20
    extras = project["optional-dependencies"]
    assert any(re.fullmatch(r"pymupdf>=[\d.]+,<\d+", d) for d in extras["pdf"])
    constraints = (ROOT / "constraints.txt").read_text("utf-8").split()
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!-]+", line) for line in constraints)
    locked = (ROOT / "requirements.lock").read_text("utf-8")
    pattern = r"^([\w.-]+)==(\S+)[^\n]* \\\n((?: +--hash=sha256:[0-9a-f]{64}.*\n)+)"
    blocks = re.findall(pattern, locked, re.M)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in constraints}
    named = {name.lower().replace("_", "-").replace(".", "-") for name, _, _ in blocks}
    assert len(blocks) > 100 and locked.count("==") == len(blocks)
    assert {"pymupdf", "pillow", "pyarrow", "polars", "orjson"} <= named & pinned


def test_threat_25_the_audit_is_part_of_the_check() -> None:
    make = (ROOT / "Makefile").read_text("utf-8")
    check = make[make.index("\ncheck:") : make.index("\nfmt:")]
    assert "audit" in check


LOCK = "orjson==3.9.0 --hash=sha256:{0}\npillow==9.0.0 --hash=sha256:{0}\n".format("0" * 64)
WEAK = {
    "id": "GHSA-canary", "modified": "2024-01-01T00:00:00Z", "details": "a weakness",
    "affected": [{
        "package": {"name": "pillow", "ecosystem": "PyPI"}, "versions": ["9.0.0"],
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "10.0.1"}]}],
    }],
}  # fmt: skip


class Advisories(http.server.BaseHTTPRequestHandler):
    """A service that knows one weakness of one package."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = {"vulns": [WEAK]} if asked["package"]["name"] in self.server.weak else {}  # type: ignore[attr-defined]
        body = json.dumps(known).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        return None


def audited(folder: Path, weak: set[str], strict: bool = False) -> subprocess.CompletedProcess[str]:
    """Audit a lock file at a service on this machine; without weak packages it is gone."""
    (folder / "lock").write_text(LOCK)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        server.weak = weak  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{server.server_port}/v1/query"
        env = {**os.environ, "AUDIT_URL": url, "AUDIT": "strict" if strict else ""}
        command = [sys.executable, str(ROOT / "tools" / "audit.py"), str(folder / "lock")]
        if not weak:
            server.server_close()
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        if weak:
            server.shutdown()
    return done


def test_threat_25_a_known_weakness_fails_the_audit_by_name(tmp_path: Path) -> None:
    pytest.importorskip("pip_audit")
    done = audited(tmp_path, {"pillow"})
    assert done.returncode == 1
    assert done.stderr == "audit: pillow 9.0.0: GHSA-canary; mended in 10.0.1\n"
    done = audited(tmp_path, {"nothing of this"})
    assert done.returncode == 0 and "no known weakness in 2 packages" in done.stdout


@pytest.mark.slow
def test_threat_25_an_audit_that_cannot_ask_says_so_and_fails_where_it_must(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pip_audit")
    done = audited(tmp_path, set())
    assert done.returncode == 0 and done.stderr.startswith("audit: NOT CHECKED"), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert audited(tmp_path, set(), strict=True).returncode == 1

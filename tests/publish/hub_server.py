"""A small dataset hub on the loopback: what the real clients call, and faults on demand.

Repositories live in memory: commits of files, branches, pull requests, large objects by sha256.
`faults` maps the name of a call to the faults of its next requests: "429", "500", "503", "cut"
(no answer), "late cut" (done, but no answer), "wrong hash" (a refused upload), "lost" (an upload
that is answered and forgotten).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LICENSES = {"apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "other", "unknown"}
TASKS = {"visual-question-answering", "image-text-to-text", "image-to-text"}
SIZES = re.compile(r"n<1K|1K<n<10K|10K<n<100K|100K<n<1M|1M<n<10M|10M<n<100M|100M<n<1B|n>1B.*")


@dataclass
class File:
    """A file of a commit."""

    payload: bytes
    lfs: bool

    @property
    def entry(self) -> dict[str, Any]:
        blob = hashlib.sha1(b"blob %d\0" % len(self.payload) + self.payload).hexdigest()
        found: dict[str, Any] = {"type": "file", "oid": blob, "size": len(self.payload)}
        if self.lfs:
            sha = hashlib.sha256(self.payload).hexdigest()
            found["lfs"] = {"oid": sha, "size": len(self.payload), "pointerSize": 134}
        return found

    @property
    def etag(self) -> str:
        return str(self.entry["lfs"]["oid"] if self.lfs else self.entry["oid"])


@dataclass
class Repo:
    """A dataset repository."""

    private: bool
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def add(self, ref: str, files: dict[str, File], message: str) -> str:
        seed = json.dumps([self.refs.get(ref, ""), message, len(self.commits)]).encode()
        sha = hashlib.sha1(seed).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        self.log.append(f"{ref}: {message}")
        return sha

    def files(self, revision: str) -> dict[str, File]:
        return self.commits[self.refs.get(revision, revision)]

    def knows(self, revision: str) -> bool:
        return revision in self.refs or revision in self.commits


class Hub:
    """The state of the server, and its address."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.calls: list[str] = []
        self.headers: list[str] = []
        self.lock = threading.RLock()
        self.url = ""

    def next_fault(self, call: str) -> str:
        with self.lock:
            self.calls.append(call)
            waiting = self.faults.get(call)
            return waiting.pop(0) if waiting else ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: Any) -> None:
        return None

    def _route(self) -> None:
        self.answered = False
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.hub.headers.append(self.headers.get("Authorization") or "")
        split = urlsplit(self.path)
        self.query = {k: v[0] for k, v in parse_qs(split.query).items()}
        path = unquote(split.path)
        for method, pattern, name in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method.split():
                self.fault = self.hub.next_fault(name)
                if self._failed():
                    return
                with self.hub.lock:
                    getattr(self, f"_{name}")(*match.groups())
                return
        self._error(404, "EntryNotFound", "no such call")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _route

    def _failed(self) -> bool:
        if self.fault == "cut":
            self._cut()
        elif self.fault.isdigit():
            extra = {"Retry-After": "0"} if self.fault == "429" else {}
            self._send(int(self.fault), b'{"error":"try again"}', extra)
        else:
            return False
        return True

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def _send(
        self, status: int, payload: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        if self.fault == "late cut":
            return self._cut()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if not headers or "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, text: str) -> None:
        self.fault = getattr(self, "fault", "")
        payload = json.dumps({"error": text}).encode()
        self._send(status, payload, {"X-Error-Code": code, "X-Error-Message": text})

    def _repo(self, name: str, revision: str = "main") -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and not self.headers.get("Authorization")):
            self._error(401 if repo is None else 403, "RepoNotFound", "Repository not found")
            return None
        if not repo.knows(revision):
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repo

    def _create(self) -> None:
        told = json.loads(self.body)
        owner = told.get("organization") or "me"
        name = f"{owner}/{told['name']}"
        if not self.headers.get("Authorization"):
            return self._error(401, "", "Invalid credentials")
        if name in self.hub.repos:
            url = f"{self.hub.url}/datasets/{name}"
            return self._json({"error": "You already created this dataset repo", "url": url}, 409)
        repo = Repo(private=told.get("visibility") == "private" or bool(told.get("private")))
        lfs = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
        repo.add("main", {".gitattributes": File(lfs, False)}, "initial commit")
        self.hub.repos[name] = repo
        self._json({"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def _whoami(self) -> None:
        self._json({"name": "me", "type": "user", "orgs": [], "auth": {"type": "access_token"}})

    def _yaml(self) -> None:
        told = json.loads(self.body)
        head = re.match(r"---\s*\n(.*?)\n---\s*\n", told["content"], re.S)
        errors = _yaml_errors(head.group(1)) if head else []
        status = 400 if errors else 200
        self._json({"errors": [{"message": e} for e in errors], "warnings": []}, status)

    def _preupload(self, name: str, revision: str) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        held = repo.files(revision)
        listed = [
            {
                "path": file["path"],
                "uploadMode": "lfs"
                if file["path"].endswith((".parquet", ".png", ".idx")) or file["size"] > 10 << 20
                else "regular",
                "shouldIgnore": False,
                "oid": held[file["path"]].etag if file["path"] in held else None,
            }
            for file in json.loads(self.body)["files"]
        ]
        self._json({"files": listed})

    def _batch(self, name: str) -> None:
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            entry: dict[str, Any] = dict(wanted)
            if wanted["oid"] not in self.hub.objects:
                href = f"{self.hub.url}/lfs/{wanted['oid']}"
                entry["actions"] = {"upload": {"href": href}}
            objects.append(entry)
        self._json({"transfer": "basic", "objects": objects})

    def _put(self, oid: str) -> None:
        if self.fault == "wrong hash" or hashlib.sha256(self.body).hexdigest() != oid:
            return self._error(422, "", "content does not have that hash")
        if self.fault != "lost":
            self.hub.objects[oid] = self.body
        self._send(200)

    def _commit(self, name: str, revision: str) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        lines = [json.loads(line) for line in self.body.splitlines() if line]
        head = lines[0]["value"]
        parent = head.get("parentCommit")
        if parent and parent != repo.refs[revision]:
            return self._error(412, "", "A commit has happened since. Please refresh and try again")
        files = dict(repo.files(revision))
        for line in lines[1:]:
            kind, value = line["key"], line["value"]
            if kind == "file":
                files[value["path"]] = File(base64.b64decode(value["content"]), False)
            elif kind == "lfsFile":
                if value["oid"] not in self.hub.objects:
                    return self._error(400, "", "LFS pointer points to a file that does not exist")
                files[value["path"]] = File(self.hub.objects[value["oid"]], True)
            elif kind == "deletedFile":
                del files[value["path"]]
        ref = f"refs/pr/{1 + sum(r.startswith('refs/pr/') for r in repo.refs)}"
        ref = ref if self.query.get("create_pr") else revision
        sha = repo.add(ref, files, head["summary"])
        url = f"{self.hub.url}/datasets/{name}"
        self._json(
            {
                "commitUrl": f"{url}/commit/{sha}",
                "commitOid": sha,
                "success": True,
                "pullRequestUrl": f"{url}/discussions/{ref.rpartition('/')[2]}",
            }
        )

    def _branch(self, name: str, branch: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        if branch in repo.refs:
            return self._json({"error": "Reference already exists"}, 409)
        start = (json.loads(self.body or b"{}") or {}).get("startingPoint") or "main"
        repo.refs[branch] = repo.refs.get(start, start)
        self._json({})

    def _refs(self, name: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        branches = [
            {"name": r, "ref": f"refs/heads/{r}", "targetCommit": s}
            for r, s in repo.refs.items()
            if not r.startswith("refs/")
        ]
        self._json({"branches": branches, "tags": [], "converts": [], "pullRequests": []})

    def _info(self, name: str, revision: str | None = None) -> None:
        repo = self._repo(name, revision or "main")
        if repo is None:
            return
        files = repo.files(revision or "main")
        sha = repo.refs.get(revision or "main", revision)
        siblings = [{"rfilename": path} for path in sorted(files)]
        self._json(
            {
                "_id": "0",
                "id": name,
                "sha": sha,
                "private": repo.private,
                "gated": False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": siblings,
                "lastModified": "2026-01-01T00:00:00.000Z",
            }
        )

    def _tree(self, name: str, revision: str, below: str | None = None) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        start = f"{below.strip('/')}/" if below and below.strip("/") else ""
        recursive = self.query.get("recursive", "").lower() in ("true", "1")
        entries: dict[str, dict[str, Any]] = {}
        for path, file in sorted(repo.files(revision).items()):
            if not path.startswith(start):
                continue
            names = path[len(start) :].split("/")
            for depth in range(1, len(names)):
                folder = start + "/".join(names[:depth])
                tree = {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder}
                if recursive or depth == 1:
                    entries.setdefault(folder, tree)
            if recursive or len(names) == 1:
                entries[path] = {**file.entry, "path": path}
        if start and not entries:
            return self._error(404, "EntryNotFound", f"{below} does not exist")
        self._json(list(entries.values()))

    def _paths(self, name: str, revision: str) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        if self.headers.get("Content-Type", "").startswith("application/json"):
            wanted = json.loads(self.body)["paths"]
        else:
            wanted = parse_qs(self.body.decode()).get("paths", [])
        files = repo.files(revision)
        listed = []
        for path in [wanted] if isinstance(wanted, str) else wanted:
            path = path.strip("/")
            if path in files:
                listed.append({**files[path].entry, "path": path})
            elif any(p.startswith(f"{path}/") for p in files):
                listed.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": path})
        self._json(listed)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        file = repo.files(revision).get(path)
        if file is None:
            return self._error(404, "EntryNotFound", f"{path} does not exist")
        headers = {
            "ETag": f'"{file.etag}"',
            "X-Repo-Commit": repo.refs.get(revision, revision),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted is None:
            payload, status = file.payload, 200
        else:
            start, end = int(wanted[1]), int(wanted[2] or len(file.payload) - 1)
            payload, status = file.payload[start : end + 1], 206
            headers["Content-Range"] = f"bytes {start}-{end}/{len(file.payload)}"
        self._send(status, payload, {**headers, "Content-Length": str(len(payload))})


_NAME = r"([^/]+/[^/]+)"
_ROUTES = [
    ("POST", r"/api/repos/create", "create"),
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/validate-yaml", "yaml"),
    ("POST", rf"/api/datasets/{_NAME}/preupload/(.+)", "preupload"),
    ("POST", rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/lfs/([0-9a-f]{64})", "put"),
    ("POST", rf"/api/datasets/{_NAME}/commit/(.+)", "commit"),
    ("POST", rf"/api/datasets/{_NAME}/branch/(.+)", "branch"),
    ("GET", rf"/api/datasets/{_NAME}/refs", "refs"),
    ("GET", rf"/api/datasets/{_NAME}/revision/(.+)", "info"),
    ("GET", rf"/api/datasets/{_NAME}/tree/([^/]+)(/.*)?", "tree"),
    ("POST", rf"/api/datasets/{_NAME}/paths-info/(.+)", "paths"),
    ("GET", rf"/api/datasets/{_NAME}", "info"),
    ("GET HEAD", rf"/datasets/{_NAME}/resolve/([^/]+)/(.+)", "resolve"),
]


def _yaml_errors(head: str) -> list[str]:
    """Return what the hub would say about the head of a dataset card."""
    try:
        told = yaml.safe_load(head)
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    errors = []
    licenses = told.get("license", "unknown")
    for name in [licenses] if isinstance(licenses, str) else licenses:
        if name not in LICENSES:
            errors.append(f"license {name!r} is not known")
    if licenses == "other" and not told.get("license_name"):
        errors.append("license_name is needed with license other")
    errors += [f"task {t!r}" for t in told.get("task_categories", []) if t not in TASKS]
    errors += [f"size {s!r}" for s in told.get("size_categories", []) if not SIZES.fullmatch(s)]
    languages = told.get("language", [])
    listed = [languages] if isinstance(languages, str) else languages
    errors += [
        f"language {n!r}" for n in listed if not re.fullmatch(r"[a-z]{2,3}|multilingual", str(n))
    ]
    for config in told.get("configs", []):
        if not re.fullmatch(r"[^<>:/\\|?*]+", config.get("config_name", "")):
            errors.append("a config has no good name")
        for data in config.get("data_files", []):
            if set(data) != {"split", "path"} or not re.fullmatch(r"\w+(\.\w+)*", data["split"]):
                errors.append(f"data_files {data!r}")
    return errors


@contextlib.contextmanager
def running() -> Iterator[Hub]:
    """Run a hub for a block."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

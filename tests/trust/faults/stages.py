"""Every verb that writes, on a small work folder, and what it leaves when nothing disturbs it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import safetensors.numpy

from tests.train.conftest import SMALL
from tests.trees import noise, recipe, tabmwp_tree, vsr_tree
from tests.trust.commands import Done, told
from tests.trust.faults.device import Device
from tests.trust.faults.network import Network

# one ingest is done by a worker, all else by the command's own process, which takes a tenth of it
CHAIN: dict[str, list[str]] = {
    "ingest": ["ingest", "vsr", "{raw}/vsr", "-o", "{work}", "--workers", "0"],
    "ingest_more": ["ingest", "tabmwp", "{raw}/tabmwp", "-o", "{work}", "--workers", "1"],
    "measure": ["measure", "{work}", "--workers", "0"],
    "filter": ["filter", "{work}", "--workers", "0"],
    "dedup": ["dedup", "{work}", "--text", "minhash", "--images", "phash", "--workers", "0"],
    "decontaminate": ["decontaminate", "{work}", "--against", "{raw}/bench.tsv", "--workers", "0"],
    "mix": ["mix", "{work}", "--recipe", "{raw}/selected.yaml", "--name", "m", "--workers", "0"],
}
MIXTURE, REPO = "{work}/mixture/m", "me/small"
LEAVES: dict[str, list[str]] = {
    "materialize": ["mix", "{work}", "--recipe", "{raw}/recipe.yaml", "--name", "m"],
    "report": ["report", "{work}"],
    "index": ["index", "{raw}/bench.tsv", "-o", "{root}/bench.parquet", "--workers", "0"],
    "publish": ["publish", MIXTURE, "{root}/published", "--workers", "0"],
    "publish_hub": ["publish", MIXTURE, REPO, "--workers", "0"],
    "publish_ids": [
        *("publish", MIXTURE, "{root}/published", "--without-bytes", "vsr", "--workers", "0"),
    ],
    "rebuild": [
        *("rebuild", "{root}/published", "--raw", "vsr={raw}/vsr", "-o", "{root}/whole"),
        *("--workers", "0"),
    ],
    "fetch": [
        *("fetch", "obelics", "{raw}/pages", "-o", "{root}/pictures", "--no-robots"),
        *("--per-host", "1000", "--at-once", "1", "--allow-network", "127.0.0.0/8"),
    ],
    "train": ["train", "{raw}/trained.yaml", "-o", "{work}"],
    "init": ["init", "{raw}/own", "-o", "{root}/own", "--yes"],
    **{
        f"export_{form}": ["export", MIXTURE, "{root}/out", "--to", form, "--workers", "0"]
        for form in ("samples", "hub", "trl", "jsonl", "llava", "webdataset", "energon", "mds")
    },
}
TRAINED = {
    **SMALL,
    **{"steps": 4, "batch": 4, "checkpoint_every": 2, "validate_every": 2, "keep": 1},
}
STAGES = {**CHAIN, **LEAVES}
BEFORE = {
    **dict(zip(list(CHAIN)[1:], CHAIN, strict=False)),
    **dict.fromkeys(LEAVES, list(CHAIN)[-1]),
    "rebuild": "publish_ids",
}
"""The stage that each begins after."""

TIMES = ("step_s", "waited_s", "wait_share", "tokens_per_s", "images_per_s", "tflops", "mfu")

_PID = re.compile(r"\.[^/]*-\d+(\.partial)$")


def points(calls: list[str]) -> dict[int, str]:
    """Return the numbers of the calls at which a step begins or ends, with their names.

    Of many calls of one name in a row these are the first and the last.
    """
    named = [_PID.sub(r"\1", call) for call in calls]
    around = zip(["", *named], named, [*named[1:], ""], strict=False)
    return {n: own for n, (last, own, new) in enumerate(around, 1) if last != own or own != new}


@dataclass(frozen=True, slots=True)
class Stages:
    """Stages on a device: each is begun from a copy of what the earlier ones left."""

    device: Device
    kept: Path
    network: Network

    def run(self, stage: str) -> Done:
        """Run the command of a stage."""
        root = self.device.root
        places = {"root": root, "work": root / "work", "raw": self.kept / "raw"}
        return self.device.warm.run(*(a.format(**places) for a in STAGES[stage]))

    def begin(self, stage: str) -> None:
        """Put the device where the stage begins."""
        before = BEFORE.get(stage)
        begun = self.kept / f"after-{before}"
        if before and not begun.exists():
            self.begin(before)
            told(self.run(before), 0)
            shutil.copytree(self.device.root, begun)
        self.device.arm()
        self.network.hub.repos.clear()
        shutil.rmtree(self.device.root, ignore_errors=True)
        if before:
            shutil.copytree(begun, self.device.root)
        else:
            self.device.root.mkdir()

    def hashes(self) -> dict[str, str]:
        """Return the sha256 of all files that a run leaves on the device and on the hub."""
        found = hashes(self.device.root)
        for name, repo in self.network.hub.repos.items():
            files = repo.files("main").items()
            found |= {f"{name}/{path}": file.etag for path, file in files}
            found[name] = f"{len(repo.log)} commits"
        return found

    def undisturbed(self, stage: str) -> tuple[dict[str, str], list[str]]:
        """Return the hashes of all files after the stage, and the calls it takes."""
        self.begin(stage)
        told(self.run(stage), 0)
        calls = self.device.calls()
        return self.hashes(), calls


def stages(device: Device, place: Path, network: Network) -> Stages:
    """Write the raw data that the stages begin with."""
    raw = place / "raw"
    vsr_tree(raw / "vsr", 14)
    tabmwp_tree(raw / "tabmwp", 5)
    settings = {"by": "samples", "validation": {"share": 0.2}}
    for name, materialize in (("selected", False), ("recipe", True)):
        recipe(place, mix={**settings, "materialize": materialize}).rename(raw / f"{name}.yaml")
    picture = base64.b64encode(noise(3)).decode()
    question = "The cat number 3 is left of the dog."
    (raw / "bench.tsv").write_text(f"index\tquestion\timage\n0\t{question}\t{picture}\n")
    recipe(place, name="m", train=TRAINED).rename(raw / "trained.yaml")
    (raw / "own").mkdir()
    (raw / "own/a.jsonl").write_text('{"question": "Is it?", "answer": "Yes"}\n')
    network.pages(raw / "pages")
    return Stages(device, place, network)


def hashes(root: Path) -> dict[str, str]:
    """Return the sha256 of all files that a run leaves, but for its lock and caches."""
    found = (p for p in sorted(root.rglob("*")) if p.is_file() and ".lock" not in p.name)
    return {str(p.relative_to(root)): hashlib.sha256(timeless(p)).hexdigest() for p in found}


def timeless(path: Path) -> bytes:
    """Return what a file says besides how long a run took and what was there before it.

    A log that lines are added to may hold one that a kill cut off, and the same line twice.
    """
    payload = path.read_bytes()
    if path.name not in ("log.jsonl", "fetched.jsonl", "done.json", "report.json"):
        return payload
    said = []
    for line in payload.splitlines() if path.suffix == ".jsonl" else [payload]:
        with contextlib.suppress(orjson.JSONDecodeError):
            said.append(_without_times(orjson.loads(line)))
    return b"\n".join(sorted(set(said)))


def _without_times(told: dict[str, Any]) -> bytes:
    result = told.get("train", {}).get("result", {})
    for held, names in ((told, (*TIMES, "run")), (result, ("seconds", "waited_seconds"))):
        for name in names:
            held.pop(name, None)
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def unreadable(root: Path) -> list[str]:
    """Return the files that are broken under the name that others read them by."""
    broken = []
    for path in root.rglob("*"):
        if ".partial/" in f"{path}/":
            continue
        try:
            if path.suffix == ".parquet":
                pq.read_table(path)
            elif path.suffix == ".json":
                orjson.loads(path.read_bytes())
            elif path.suffix == ".safetensors":
                safetensors.numpy.load_file(path)
            elif path.suffix == ".pt":
                assert zipfile.ZipFile(path).testzip() is None
        except Exception as error:
            broken.append(f"{path}: {error}")
    return broken

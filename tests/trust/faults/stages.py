"""Every verb that writes, on a small work folder, and what it leaves when nothing disturbs it."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from tests.trees import noise, recipe, tabmwp_tree, vsr_tree
from tests.trust.commands import Done, told
from tests.trust.faults.device import Device

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
MIXTURE = "{work}/mixture/m"
LEAVES: dict[str, list[str]] = {
    "materialize": ["mix", "{work}", "--recipe", "{raw}/recipe.yaml", "--name", "m"],
    "report": ["report", "{work}"],
    "publish": ["publish", MIXTURE, "{root}/published", "--workers", "0"],
    **{
        f"export_{form}": ["export", MIXTURE, "{root}/out", "--to", form, "--workers", "0"]
        for form in ("samples", "jsonl", "webdataset", "energon", "mds")
    },
}
STAGES = {**CHAIN, **LEAVES}


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

    def run(self, stage: str) -> Done:
        """Run the command of a stage."""
        root = self.device.root
        places = {"root": root, "work": root / "work", "raw": self.kept / "raw"}
        return self.device.warm.run(*(a.format(**places) for a in STAGES[stage]))

    def begin(self, stage: str) -> None:
        """Put the device where the stage begins."""
        before = list(CHAIN)[: list(CHAIN).index(stage)] if stage in CHAIN else list(CHAIN)
        begun = self.kept / f"after-{before[-1]}" if before else None
        if begun and not begun.exists():
            self.begin(before[-1])
            told(self.run(before[-1]), 0)
            shutil.copytree(self.device.root, begun)
        self.device.arm()
        shutil.rmtree(self.device.root, ignore_errors=True)
        if begun:
            shutil.copytree(begun, self.device.root)
        else:
            self.device.root.mkdir()

    def undisturbed(self, stage: str) -> tuple[dict[str, str], list[str]]:
        """Return the hashes of all files after the stage, and the calls it takes."""
        self.begin(stage)
        told(self.run(stage), 0)
        calls = self.device.calls()
        return hashes(self.device.root), calls


def stages(device: Device, place: Path) -> Stages:
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
    return Stages(device, place)


def hashes(root: Path) -> dict[str, str]:
    """Return the sha256 of all files that a run leaves, but for its lock and caches."""
    found = (p for p in sorted(root.rglob("*")) if p.is_file() and ".lock" not in p.name)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def unreadable(root: Path) -> list[str]:
    """Return the files that are broken under the name that others read them by."""
    broken = []
    for path in root.rglob("*"):
        try:
            if path.suffix == ".parquet":
                pq.read_table(path)
            elif path.suffix == ".json":
                orjson.loads(path.read_bytes())
        except Exception as error:
            broken.append(f"{path}: {error}")
    return broken

"""The examples for clusters name things that are there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cauldron.cli.main import app

EXAMPLES = Path(__file__).parents[2] / "examples"


def flags(command: str) -> set[str]:
    """Return the options that a command has."""
    group = typer.main.get_command(app)
    found: Any = group.commands[command]  # type: ignore[attr-defined]
    return {name for parameter in found.params for name in parameter.opts}


def test_the_job_for_kuberay_is_whole() -> None:
    job = yaml.safe_load((EXAMPLES / "kuberay" / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    words = job["spec"]["entrypoint"].split()
    assert words[:2] == ["cauldron", "run"]
    assert {w for w in words if w.startswith("-")} <= flags("run")
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod.get("volumes", ())}
        for container in pod["containers"]:
            assert container["image"] and container["resources"]["limits"]["memory"]
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    recipe = re.search(r"(\S+)/recipe\.yaml", job["spec"]["entrypoint"])
    mounts = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert recipe and recipe[1] in [mount["mountPath"] for mount in mounts]


@pytest.mark.parametrize("name", ["shards.sh", "ray.sh"])
def test_the_scripts_for_slurm_are_sound_and_name_options_that_exist(name: str) -> None:
    path = EXAMPLES / "slurm" / name
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text()
    own = re.findall(r"(?:exec cauldron|cauldron) \"\$@\" (.*(?:\\\n.*)?)", text)
    named = set(re.findall(r"(--[a-z-]+)", own[0]))
    wanted = ("ingest", "measure", "dedup") if name == "shards.sh" else ("run", "dedup")
    assert named and all(named <= flags(command) for command in wanted)

"""Threats 18 and 19: the run is killed at, or the place fails at, each step of every writing verb.

A library between the process and the C library counts the calls that change files; call n ends the
whole run or fails. Afterwards nothing is broken under its own name, and the same command gives the
bytes of a run that nothing disturbed.
"""

from __future__ import annotations

import contextlib
import errno
import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trust.faults.device import KILL, device
from tests.trust.faults.network import network
from tests.trust.faults.stages import STAGES, Stages, points, stages, unreadable

ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS)
SLOW = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """The stages on a device whose calls can fail."""
    with (
        in_memory(tmp_path_factory) as folder,
        network() as servers,
        device(folder, **servers.environment) as found,
    ):
        yield stages(found, folder, servers)


@contextlib.contextmanager
def in_memory(other: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder whose files take no time to flush, where the machine has such."""
    if not Path("/dev/shm").is_dir():
        yield other.mktemp("faults")
        return
    with tempfile.TemporaryDirectory(prefix="cauldron-faults-", dir="/dev/shm") as folder:
        yield Path(folder)


def goes_on(place: Stages, stage: str, good: dict[str, str], after: str) -> None:
    """Check that nothing is broken, and that the same command gives the same bytes."""
    root = place.device.root
    assert unreadable(root) == [], after
    place.device.arm()
    again = place.run(stage)
    assert again.returncode == 0, (after, again.stderr)
    assert place.hashes() == good, after


def killed(place: Stages, stage: str, good: dict[str, str], number: int, name: str) -> None:
    place.begin(stage)
    place.device.arm(number, KILL)
    assert place.run(stage).returncode == -signal.SIGKILL, name
    goes_on(place, stage, good, f"killed at call {number}, {name}")


def failed(place: Stages, stage: str, good: dict[str, str], number: int, error: int) -> None:
    """Check one failing call: exit 4 (3 where the run itself found something left out), one line.

    Making a folder that is there already may fail: that disturbs nothing.
    """
    place.begin(stage)
    place.device.arm(number, error, lasts=error == errno.ENOSPC)
    done = place.run(stage)
    name = place.device.calls()[number - 1]  # of several threads the order is not always the same
    after = f"{errno.errorcode[error]} at call {number}, {name}: {done.stderr}"
    harmless = name.startswith(("mkdir ", "unlink ", "rmdir "))
    if done.returncode == 0 and harmless:
        assert place.hashes() == good, after
        return
    assert done.returncode in (3, 4), after
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and "Traceback" not in done.stderr, after
    goes_on(place, stage, good, after)


@pytest.mark.parametrize(
    "stage", ["ingest", pytest.param("materialize", marks=[pytest.mark.slow]), "publish"]
)
def test_threat_18_and_19_a_disturbed_step_goes_on_to_the_same_bytes(
    place: Stages, stage: str
) -> None:
    good, calls = place.undisturbed(stage)
    named = points(calls)
    first, second = random.Random(stage).sample(sorted(named), 2)
    killed(place, stage, good, first, named[first])
    failed(place, stage, good, second, errno.ENOSPC)


def test_threat_18_a_file_is_on_disk_before_it_has_its_name(place: Stages) -> None:
    """What is renamed was flushed before, and its folder is flushed afterwards."""
    _, calls = place.undisturbed("ingest")
    for number, call in enumerate(calls):
        verb, _, path = call.partition(" ")
        if verb != "rename":
            continue
        own = [c.partition(" ")[0] for c in calls[:number] if f" {path}." in c]
        assert own[-2:] == ["write", "fsync"], (call, own)
        assert f"fsync {path.rpartition('/')[0]}" in calls[number:], call


@pytest.mark.parametrize("stage", [pytest.param(s, marks=SLOW) for s in STAGES])
def test_threat_18_killed_at_every_named_point(place: Stages, stage: str) -> None:
    good, calls = place.undisturbed(stage)
    for number, name in points(calls).items():
        killed(place, stage, good, number, name)


@pytest.mark.parametrize("stage", [pytest.param(s, marks=SLOW) for s in STAGES])
def test_threat_19_call_n_fails_for_each_n_until_the_run_passes(place: Stages, stage: str) -> None:
    good, calls = place.undisturbed(stage)
    for number in range(1, len(calls) + 1):
        failed(place, stage, good, number, ERRORS[number % len(ERRORS)])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("error", ERRORS)
def test_threat_19_every_call_of_a_step_fails_in_every_way(place: Stages, error: int) -> None:
    good, calls = place.undisturbed("filter")
    for number in range(1, len(calls) + 1):
        failed(place, "filter", good, number, error)


def test_threat_19_the_message_names_path_bytes_and_advice(place: Stages) -> None:
    _, calls = place.undisturbed("filter")
    number = next(n for n, call in enumerate(calls, 1) if call.startswith("write /work/decisions"))
    place.begin("filter")
    place.device.arm(number, errno.ENOSPC, lasts=True)
    done = place.run("filter")
    assert done.returncode == 4
    told = f"error: {place.device.root}/work/decisions/filter/"
    assert done.stderr.startswith(told) and "No space left on device" in done.stderr
    assert " bytes are free" in done.stderr and "free some space" in done.stderr


def test_threat_18_an_export_killed_before_its_first_file_goes_on(place: Stages) -> None:
    good, calls = place.undisturbed("export_jsonl")
    number = next(n for n, call in enumerate(calls, 1) if call.startswith("fsync /out/.cauldron/"))
    killed(place, "export_jsonl", good, number, calls[number - 1])

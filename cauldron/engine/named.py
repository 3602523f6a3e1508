"""An engine by its name on the command line."""

from __future__ import annotations

from typing import Literal

from cauldron.engine.base import Engine
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError

Name = Literal["local", "ray"]


def engine_named(
    name: Name,
    workers: int | None = None,
    address: str | None = None,
    share: str | None = None,
    gpus: bool = False,
) -> Engine:
    """Return an engine, to be used in a `with` block.

    Args:
        workers: processes on this machine; default: the cores there are.
        address: a running Ray cluster, `auto` or host:port.
        gpus: a task gets an accelerator of the cluster, where it has some.
        share: the share of the jobs that this call runs, `1/8` to `8/8`; None: all.

    Raises:
        UsageError: if it is not installed, or an address is given to the local engine.
    """
    part = read_share(share) if share else None
    if name == "ray":
        from cauldron.engine.cluster import RayEngine

        return RayEngine(workers, address, part, gpus)
    if address is not None:
        raise UsageError("--address is for --engine ray")
    return LocalEngine(workers, part)


def read_share(text: str) -> tuple[int, int]:
    """Return (number from 0, of how many) of a share `1/8` to `8/8`.

    Raises:
        UsageError: if it is written otherwise.
    """
    number, _, of = text.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise UsageError(f"--shard {text}: no such share", hint="write --shard 1/8 to --shard 8/8")
    return int(number) - 1, int(of)

"""An engine by its name on the command line."""

from __future__ import annotations

from typing import Literal

from cauldron.engine.base import Engine
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError

Name = Literal["local", "ray"]


def engine_named(name: Name, workers: int | None = None, address: str | None = None) -> Engine:
    """Return an engine, to be used in a `with` block.

    Args:
        workers: processes on this machine; default: the cores there are.
        address: a running Ray cluster, `auto` or host:port.

    Raises:
        UsageError: if it is not installed, or an address is given to the local engine.
    """
    if name == "ray":
        from cauldron.engine.cluster import RayEngine

        return RayEngine(workers, address)
    if address is not None:
        raise UsageError("--address is for --engine ray")
    return LocalEngine(workers)

"""Run command after command, each in a fork of one warm process: a tenth of a second each.

Reads JSON lines `{"arguments", "out", "kill_after_s", "group"}` and answers each with its exit
status. What a command imports is imported here as well when it has ended, so that the next one
begins with it. `kill_after_s` is when it is killed, with its workers where `group` is true.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from cauldron.cli.main import main


def child(told: dict[str, Any]) -> None:
    """Run one command as a process of its own group; does not return."""
    os.setsid()
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{told['out']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.argv = ["cauldron", *told["arguments"]]
    code: Any = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    Path(f"{told['out']}.modules").write_text("\n".join(sys.modules))
    os._exit(code)


def warm(out: str) -> None:
    """Import what the last command imported."""
    names = Path(f"{out}.modules")
    with contextlib.suppress(FileNotFoundError):
        for name in names.read_text().split("\n"):
            if name not in sys.modules and name.partition(".")[0] != "tests":
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        names.unlink()
    gc.collect()
    gc.freeze()


def kill_at(process: int, moment: float, group: bool) -> None:
    """Kill a command at a moment of the clock, unless it has ended before."""
    while time.monotonic() < moment:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.001)
    (os.killpg if group else os.kill)(process, signal.SIGKILL)


def serve() -> None:
    """Answer requests until standard input ends."""
    for line in sys.stdin:
        told = json.loads(line)
        process = os.fork()
        if process == 0:
            child(told)
        if told["kill_after_s"] is not None:
            kill_at(process, time.monotonic() + told["kill_after_s"], told["group"])
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        warm(told["out"])


if __name__ == "__main__":
    serve()

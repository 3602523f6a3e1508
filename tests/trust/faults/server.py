"""Run command after command, each in a fork of one warm process: a tenth of a second each.

Reads JSON lines `{"arguments", "out", "env"}` and answers each with its exit status.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import pandas  # noqa: F401 what commands import late stands here: each is a fork of this process
import rich.table  # noqa: F401

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
    os._exit(code)


def serve() -> None:
    """Answer requests until standard input ends."""
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            child(json.loads(line))
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()

"""The viewer on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from cauldron.cli.options import Work
from cauldron.cli.run import guarded, message


def view(
    work: Work,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 8642,
    browser: Annotated[bool, typer.Option("--browser", help="Open it in a browser.")] = False,
) -> None:
    """Browse all samples in a local page: query, look, ask why, mark for a block or allow list.

    Example: cauldron view work
    """
    with guarded():
        import webbrowser

        from cauldron.errors import StorageError, UsageError

        try:
            from cauldron.view.app import serve
        except ImportError as error:
            raise UsageError(
                f"the viewer needs {error.name}", hint="pip install 'cauldron[view]'"
            ) from error

        def say(url: str) -> None:
            message(f"{url}  (this machine only; Ctrl-C ends it)")
            if browser:
                webbrowser.open(url)

        message("reading signals and decisions ...")
        try:
            serve(work, port, say)
        except OSError as error:
            hint = "--port 0 takes a free one"
            raise StorageError(f"port {port}: {error.strerror}", hint=hint) from error

"""A port that nobody must knock at."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Knocks:
    """A port of this machine and how often somebody connected to it."""

    port: int = 0
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def listening() -> Iterator[Knocks]:
    """Listen on a port of the loopback; connections are counted and closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        knocks = Knocks(port=server.getsockname()[1])
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = server.accept()
                    connection.close()
                    knocks.count += 1

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield knocks
        finally:
            stop.set()
            thread.join()

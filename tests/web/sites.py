"""A site on the loopback that poses as public names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cauldron.web.fetch import FetchSettings, fetch_all
from cauldron.web.fetched import FetchedStore
from cauldron.web.guard import FetchError, Guard
from cauldron.web.opt_out import OptOut
from cauldron.web.request import Getter
from tests.conftest import picture

PICTURE = picture()
Reply = tuple[int, dict[str, str], bytes]


class Site:
    """A server that answers by path; unknown paths are not found."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.replies: dict[str, Reply | Callable[[BaseHTTPRequestHandler], None]] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.headers["Host"], self.path))
                reply = site.replies.get(self.path, (404, {}, b""))
                if callable(reply):
                    reply(self)
                    return
                status, headers, body = reply
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *told: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, path: str, host: str = "pics.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path for _, path in self.asked if path not in ("/robots.txt", "/ai.txt")]


def posing(host: str, port: int) -> list[str]:
    """Resolve names of examples to the loopback; numbers stand for themselves."""
    return ["127.0.0.1"] if host.endswith(".example") else [host]


GUARD = Guard(resolver=posing, allowed=("127.0.0.0/8",))


def getter(**options: object) -> Getter:
    return Getter(**{"guard": GUARD, "timeout_s": 5.0, **options})  # type: ignore[arg-type]


def quick(**options: object) -> FetchSettings:
    settings = {"getter": getter(), "per_host": 1_000.0, "first_wait_s": 0.001, **options}
    return FetchSettings(**settings)  # type: ignore[arg-type]


def refused(url: str, ask: Getter) -> str:
    with pytest.raises(FetchError) as caught:
        ask.get(url)
    return caught.value.reason


def fetched(
    tmp_path: Path, urls: list[str], settings: FetchSettings, opt_out: OptOut | None = None
) -> dict[str, int]:
    store = FetchedStore(str(tmp_path / "store"))
    try:
        return dict(fetch_all(urls, store, settings, opt_out))
    finally:
        store.close()

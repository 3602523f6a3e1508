"""A server of OpenAI's kind on the loopback that really looks at the pictures it is sent."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from cauldron.demo.drawing import COLORS

NAMES = ("red", "blue", "green", "yellow")


class Server(ThreadingHTTPServer):
    """Answers, and counts what it was asked.

    Args:
        faults: HTTP statuses of the first requests, in turn.
        die_after: requests after which every further one is refused for good; 0: never.
    """

    daemon_threads = True

    def __init__(self, faults: list[int], die_after: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.die_after = faults, die_after
        self.lock = threading.Lock()
        self.bodies: list[dict[str, Any]] = []
        self.requests = self.busy = self.busiest = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests += 1
            self.server.busy += 1
            self.server.busiest = max(self.server.busiest, self.server.busy)
            fault = self.server.faults.pop(0) if self.server.faults else 0
            if self.server.die_after and self.server.requests > self.server.die_after:
                fault = 400
            if not fault:
                self.server.bodies.append(body)
        if fault:
            self._send(fault, {"error": {"message": "not now"}})
        else:
            content = answer(body["messages"])
            self._send(200, {"choices": [{"message": {"role": "assistant", "content": content}}]})
        with self.server.lock:
            self.server.busy -= 1

    def _send(self, status: int, value: Any) -> None:
        payload = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(faults: tuple[int, ...] = (), die_after: int = 0) -> Iterator[Server]:
    """Give a server in a thread of its own."""
    server = Server(list(faults), die_after)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(messages: list[dict[str, Any]]) -> str:
    """Answer the last question by looking at its picture."""
    parts = messages[-1]["content"]
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    color, count = seen(base64.b64decode(urls[0].partition(",")[2])) if urls else ("", 0)
    if options := re.findall(r"^\(?([A-D])[.)] (\w+)$", text, re.MULTILINE):
        return f"Answer: {next((x for x, told in options if told == color), 'none')}"
    if "yes or no" in text or "Is there" in text:
        return "Yes." if color and color in text else "No."
    if "caption" in text.lower():
        return f"{count} {color} discs on a grey ground."
    return str(count) if "How many" in text else color or "nothing"


def seen(payload: bytes) -> tuple[str, int]:
    """Return the colour of the discs and their number."""
    image = Image.open(io.BytesIO(payload)).convert("RGB")
    found = [_named(image.getpixel((9 + 14 * place, 22))) for place in range(4)]
    there = [name for name in found if name]
    return (there[0], len(there)) if there else ("", 0)


def _named(pixel: Any) -> str:
    for name in NAMES:
        if sum(abs(a - b) for a, b in zip(pixel, COLORS[name], strict=True)) < 60:
            return name
    return ""

"""Answers of a server that speaks OpenAI's chat completions: vLLM, llama.cpp, TGI, hosted ones."""

from __future__ import annotations

import base64
import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from email.message import Message
from typing import Any

from PIL import Image

from cauldron.errors import HubError, StorageError
from cauldron.evaluate.benchmarks.base import Protocol
from cauldron.evaluate.runs.asking import Asked, cut
from cauldron.evaluate.runs.backend import GREY
from cauldron.media.images import ImageError, encode_png, inspect, open_rgb
from cauldron.storage import files

KEY_VARIABLE = "OPENAI_API_KEY"
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_LONGEST_PAUSE_S = 60.0


class Endpoint:
    """A server at a base URL such as http://127.0.0.1:8000/v1.

    Args:
        concurrency: requests under way at once.
        retries: further tries after a busy or broken answer; the pause doubles from one to the
            next, or is what the server asks for.
        key_variable: environment variable with the key, if the server wants one.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        concurrency: int = 8,
        retries: int = 5,
        timeout_s: float = 120,
        pause_s: float = 1.0,
        key_variable: str = KEY_VARIABLE,
    ) -> None:
        self.name, self.at_once = model, concurrency
        self._url = url.rstrip("/") + "/chat/completions"
        self._retries, self._timeout_s, self._pause_s = retries, timeout_s, pause_s
        self._key = os.environ.get(key_variable, "")
        shown = files.redacted(url)
        self.settings: dict[str, object] = {"backend": "openai", "url": shown, "temperature": 0}

    def answers(
        self, asked: Sequence[Asked], protocol: Protocol, *, blind: bool
    ) -> Iterator[list[tuple[Asked, str]]]:
        """Yield the answers that came since the last time."""
        with ThreadPoolExecutor(self.at_once) as pool:
            under_way = {pool.submit(self._answer, one, protocol, blind): one for one in asked}
            try:
                waiting = set(under_way)
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from _ready(done, under_way, protocol)
            finally:
                pool.shutdown(cancel_futures=True)

    def _answer(self, asked: Asked, protocol: Protocol, blind: bool) -> str:
        pictures = iter(asked.images)
        messages = [
            {
                "role": message["role"],
                "content": [
                    _picture(next(pictures).read(), asked.id, blind)
                    if part["type"] == "image"
                    else {"type": "text", "text": part["text"]}
                    for part in message["content"]
                ],
            }
            for message in asked.messages
        ]
        body = {
            "model": self.name,
            "messages": messages,
            "max_tokens": protocol.max_new_tokens,
            "temperature": 0,
        }
        return self._posted(json.dumps(body).encode(), asked.id)

    def _posted(self, body: bytes, name: str) -> str:
        """Post a request; busy and broken answers are tried again.

        Raises:
            HubError: if the server refuses, or does not answer in all tries.
        """
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        problem = ""
        for tries in range(self._retries + 1):
            request = urllib.request.Request(self._url, body, headers)
            wait_s = self._pause_s * 2**tries * (1 + random.random() / 4)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s) as reply:
                    return _text(json.loads(reply.read()))
            except urllib.error.HTTPError as error:
                problem = f"{error.code} {error.read(300).decode('utf-8', 'replace').strip()}"
                if error.code not in _AGAIN:
                    break
                wait_s = _asked_for(error.headers, wait_s)
            except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
                problem = str(error) or type(error).__name__
            if tries < self._retries:
                time.sleep(min(wait_s, _LONGEST_PAUSE_S))
        raise HubError(
            f"no answer to '{name}': {problem}",
            place=files.redacted(self._url),
            hint="the same command goes on where it stopped",
        )


def _ready(
    done: Collection[Future[str]], asked: Mapping[Future[str], Asked], protocol: Protocol
) -> Iterator[list[tuple[Asked, str]]]:
    """Yield the answers that are there, before the failure of another is raised."""
    told = [(asked[f], cut(f.result(), protocol.stops)) for f in done if not f.exception()]
    if told:
        yield told
    for future in done:
        future.result()


def _asked_for(headers: Message, wait_s: float) -> float:
    told = headers.get("Retry-After", "")
    return float(told) if told.isdigit() else wait_s


def _text(reply: dict[str, Any]) -> str:
    content = reply["choices"][0]["message"]["content"]
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return content or ""


def _picture(payload: bytes, name: str, blind: bool) -> dict[str, Any]:
    """Return a picture as a data URL; kinds that servers do not know become PNG."""
    try:
        kind = _KINDS.get(inspect(payload).format)
        if blind:
            shown = Image.new("RGB", open_rgb(payload).size, GREY)
            payload, kind = encode_png(shown), "image/png"
        elif kind is None:
            payload, kind = encode_png(open_rgb(payload)), "image/png"
    except ImageError as error:
        raise StorageError(f"picture of '{name}' cannot be read: {error.reason}") from error
    coded = base64.b64encode(payload).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{coded}"}}

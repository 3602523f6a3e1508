"""One request: to the checked machine, with limits on time, size and redirects."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote, urljoin

from cauldron.media.http_body import BodyError, plain_body
from cauldron.media.limits import Limits
from cauldron.web.guard import FetchError, Guard, Target

MAX_REDIRECTS = 5
MAX_BYTES = 20_000_000
TIMEOUT_S = 30.0
USER_AGENT = "cauldron-fetch/1"
_STEP = 64 << 10
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_MAX_WAIT_S = 3_600.0
_URL_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


@dataclass(frozen=True, slots=True, kw_only=True)
class Getter:
    """Asks for addresses.

    Args:
        max_bytes: of a body, packed and unpacked.
        timeout_s: for a whole request, its redirects among it.
    """

    guard: Guard = field(default_factory=Guard)
    user_agent: str = USER_AGENT
    max_bytes: int = MAX_BYTES
    timeout_s: float = TIMEOUT_S
    accept: str = "image/*,*/*;q=0.5"

    def get(self, url: str, visit: Callable[[Target], None] = lambda target: None) -> Answer:
        """Ask for an address and follow its redirects.

        Args:
            visit: called for each machine before it is asked; raises FetchError where it must not.

        Raises:
            FetchError: whatever is wrong with it.
        """
        deadline = time.monotonic() + self.timeout_s
        for _ in range(MAX_REDIRECTS + 1):
            target = self.guard.target(quoted(url))
            visit(target)
            answer = self._once(target, deadline)
            moved = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not moved:
                return self._checked(answer)
            try:
                url = urljoin(target.url, moved.strip())
            except ValueError as error:
                raise FetchError("address_invalid", str(error)[:200]) from error
        raise FetchError("too_many_redirects", url[:200])

    def _checked(self, answer: Answer) -> Answer:
        if answer.status != 200:
            raise FetchError(
                f"http_{answer.status}",
                again=answer.status in _AGAIN,
                wait_s=retry_after(answer.headers.get("retry-after", "")),
            )
        return answer

    def _once(self, target: Target, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        if left <= 0:
            raise FetchError("timeout", again=True)
        connection = _Connection(target, min(left, self.timeout_s))
        headers = {
            "Host": target.named,
            "User-Agent": self.user_agent,
            "Accept": self.accept,
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        late = threading.Event()
        with contextlib.closing(connection), _watched(connection, left, late):
            try:
                connection.request("GET", target.path, headers=headers)
                with connection.getresponse() as response:
                    named = {k.lower(): v for k, v in _joined(response.getheaders())}
                    body = self._body(response) if response.status == 200 else b""
            except (OSError, http.client.HTTPException, ValueError) as error:
                if late.is_set() or isinstance(error, TimeoutError):
                    raise FetchError("timeout", again=True) from error
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise FetchError("certificate_invalid", str(error)[:200]) from error
                detail = f"{type(error).__name__}: {error}"[:200]
                raise FetchError("connection_failed", detail, again=True) from error
        if late.is_set():
            raise FetchError("timeout", again=True)
        body = self._plain(named, body)
        return Answer(url=target.url, status=response.status, headers=named, body=body)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        told = response.getheader("content-length") or ""
        if told.isascii() and told.isdigit() and int(told) > self.max_bytes:
            raise FetchError("too_large", f"{told[:20]} bytes")
        body = bytearray()
        while block := response.read(_STEP):
            body += block
            if len(body) > self.max_bytes:
                raise FetchError("too_large", f"over {self.max_bytes} bytes")
        if told.isascii() and told.isdigit() and not response.chunked and len(body) < int(told):
            raise http.client.IncompleteRead(b"", int(told) - len(body))
        return bytes(body)

    def _plain(self, headers: Mapping[str, str], body: bytes) -> bytes:
        coding = {"content-encoding": headers.get("content-encoding", "")}
        try:
            return plain_body(body, coding, Limits(max_body_bytes=self.max_bytes))
        except BodyError as error:
            reason = "too_large" if error.reason == "body_too_large" else error.reason
            raise FetchError(reason, error.detail) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server sent: the address that it came from in the end, headers by lower-case name."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes


class _Connection(http.client.HTTPConnection):
    """A connection to the machine that was checked, whatever the name says by now."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout_s)
        self._target = target
        self._own: socket.socket | None = None  # http.client lets go of its own after the head

    def connect(self) -> None:
        """Connect to the checked address, by TLS for https."""
        target = self._target
        self.sock = socket.create_connection((target.ip, target.port), self.timeout)
        if target.scheme == "https":
            self.sock = _tls().wrap_socket(self.sock, server_hostname=target.host)
        self._own = self.sock

    def cut(self) -> None:
        """End what is going on, from another thread."""
        if self._own is not None:
            with contextlib.suppress(OSError):
                self._own.shutdown(socket.SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextlib.contextmanager
def _watched(connection: _Connection, left_s: float, late: threading.Event) -> Iterator[None]:
    """Cut a connection off that is kept alive byte by byte."""

    def end() -> None:
        late.set()
        connection.cut()

    timer = threading.Timer(left_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _joined(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join headers of one name by commas."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return list(found.items())


def quoted(url: str) -> str:
    """Return an address as it is sent: no fragment, other letters percent-encoded."""
    return quote(url.strip().partition("#")[0], safe=_URL_SAFE) if url.isascii() else _iri(url)


def _iri(url: str) -> str:
    """Quote all but the host, which is encoded by its own rule."""
    scheme, mark, rest = url.strip().partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host}{slash}{quote(path, safe=_URL_SAFE)}"


def retry_after(value: str) -> float | None:
    """Return the seconds that a server asks to wait, at most an hour; None for none."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _MAX_WAIT_S)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max(when.timestamp() - time.time(), 0.0), _MAX_WAIT_S)

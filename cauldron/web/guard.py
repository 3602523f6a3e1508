"""Which machines may be asked: public addresses only, checked before each connection.

A name is resolved once for a request, every address that it has must be public, and the connection
goes to the one that was checked, so that an answer of the name server that changes has no effect.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


class FetchError(Exception):
    """An address that was not fetched; `reason` is counted in the report.

    Args:
        again: whether another try may end otherwise.
        wait_s: how long the server asks to wait before it.
    """

    def __init__(
        self, reason: str, detail: str = "", *, again: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail, self.again, self.wait_s = reason, detail, again, wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A web address that was taken apart, and the machine that stands for it."""

    url: str
    scheme: str
    host: str
    port: int
    ip: str
    path: str

    @property
    def site(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.named}"

    @property
    def named(self) -> str:
        """Host, and port where it is not the usual one, as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Says whom to connect to.

    Args:
        allowed: networks such as `10.1.0.0/16` that may be asked although they are not public.
    """

    resolver: Resolver = system_resolver
    allowed: tuple[str, ...] = ()

    def target(self, url: str) -> Target:
        """Resolve an address.

        Raises:
            FetchError: if it is not on the web, has no address, or has one that is not public.
        """
        split = _split(url)
        host, port = _host(split), _port(split)
        try:
            found = list(dict.fromkeys(self.resolver(host, port)))
        except (OSError, UnicodeError) as error:
            again = getattr(error, "errno", None) == socket.EAI_AGAIN
            raise FetchError("host_unknown", str(error)[:200], again=again) from error
        if not found:
            raise FetchError("host_unknown", host)
        for ip in found:
            if not self._may_be_asked(ip):
                raise FetchError("address_not_public", f"{host} is {ip}")
        path = (split.path or "/") + (f"?{split.query}" if split.query else "")
        return Target(url=url, scheme=split.scheme, host=host, port=port, ip=found[0], path=path)

    def _may_be_asked(self, ip: str) -> bool:
        try:
            address = ipaddress.ip_address(ip.partition("%")[0])
        except ValueError:
            return False
        if any(address in ipaddress.ip_network(network) for network in self.allowed):
            return True
        return "%" not in ip and all(_is_public(inner) for inner in _inside(address))


def _inside(address: Address) -> list[Address]:
    """Return an address and those of IPv4 that are wrapped in it."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            wrapped.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if int(address) >> 32 == 0:  # `::a.b.c.d`
            wrapped.append(ipaddress.IPv4Address(int(address)))
        found += [inner for inner in wrapped if inner is not None]
    return found


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        return True  # what is wrapped in it decides
    return bool(
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    )


def _split(url: str) -> SplitResult:
    if any(ord(char) <= 32 or ord(char) == 127 for char in url) or "\\" in url:
        raise FetchError("address_invalid", "holds blanks or control characters")
    try:
        split = urlsplit(url)
    except ValueError as error:
        raise FetchError("address_invalid", str(error)[:200]) from error
    if split.scheme not in _PORTS:
        raise FetchError("scheme_refused", split.scheme[:40])
    if split.username is not None or split.password is not None:
        raise FetchError("address_invalid", "names a user")
    return split


def _host(split: SplitResult) -> str:
    host = split.hostname or ""
    if not host:
        raise FetchError("address_invalid", "names no host")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise FetchError("address_invalid", str(error)[:200]) from error


def _port(split: SplitResult) -> int:
    try:
        return split.port or _PORTS[split.scheme]
    except ValueError as error:
        raise FetchError("address_invalid", str(error)[:200]) from error

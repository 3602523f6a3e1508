"""What sites allow: robots.txt (RFC 9309), ai.txt, and headers that reserve pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from cauldron.web.guard import FetchError
from cauldron.web.request import Getter

_MAX_BYTES = 512 << 10  # RFC 9309: at least 500 KiB are parsed
_RESERVED = frozenset("noai noimageai noindex noimageindex none".split())
_MAX_DELAY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of a site for one agent: (allow, pattern) pairs, and its delay in seconds."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay_s: float = 0.0
    unreachable: bool = False

    def allows(self, url: str) -> bool:
        """Say whether an address may be asked for; the longest pattern decides, then `allow`."""
        split = urlsplit(url)
        path = (split.path or "/") + (f"?{split.query}" if split.query else "")
        best = max(
            ((len(pattern), allow) for allow, pattern in self.rules if _fits(pattern, path)),
            default=(0, True),
        )
        return best[1]


def _fits(pattern: str, path: str) -> bool:
    """Match a pattern with `*` and a final `$`, in time linear in the path for each part."""
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    if not rest:
        return at == len(path) or not pattern.endswith("$")
    for part in rest[:-1]:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    if pattern.endswith("$"):
        return path.endswith(rest[-1]) and len(path) - len(rest[-1]) >= at
    return path.find(rest[-1], at) >= 0


def parsed_policy(text: str, agent: str) -> Policy:
    """Read robots.txt or ai.txt; a group for the agent stands before that for all."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    delays: dict[str, float] = {}
    named: list[str] = []
    open_group = False
    for line in text.splitlines()[:20_000]:
        key, mark, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not mark:
            continue
        if key == "user-agent":
            named = [*named, value.lower()] if open_group else [value.lower()]
            open_group = True
            groups.setdefault(value.lower(), [])
            continue
        open_group = False
        for name in named:
            if key in ("allow", "disallow") and value:
                groups[name].append((key == "allow", value[:2_000]))
            elif key == "crawl-delay" and re.fullmatch(r"\d{1,5}(\.\d{1,3})?", value):
                delays[name] = min(float(value), _MAX_DELAY_S)
    own = agent.partition("/")[0].lower()
    name = own if own in groups else "*"
    return Policy(rules=tuple(groups.get(name, ())), delay_s=delays.get(name, 0.0))


def policy_of(site: str, getter: Getter) -> Policy:
    """Ask a site for its rules; where it cannot be asked nothing is allowed, for now."""
    asking = replace(getter, max_bytes=_MAX_BYTES, accept="text/plain,*/*;q=0.5")
    rules: list[tuple[bool, str]] = []
    delay_s = 0.0
    for name in ("robots.txt", "ai.txt"):
        try:
            answer = asking.get(f"{site}/{name}")
        except FetchError as error:
            if error.again and name == "robots.txt":
                return Policy(rules=((False, "/"),), unreachable=True)
            continue  # none there: all is allowed
        if "html" in answer.headers.get("content-type", ""):
            continue  # a page that says in words that there is none
        found = parsed_policy(answer.body.decode("utf-8", "replace"), getter.user_agent)
        rules += found.rules
        delay_s = max(delay_s, found.delay_s)
    return Policy(rules=tuple(rules), delay_s=delay_s)


def reserved(headers: Mapping[str, str], agent: str) -> str:
    """Return what in the headers of a picture keeps it from being used for training, "" for none.

    Honoured are `X-Robots-Tag` with noai, noimageai, noindex, noimageindex or none, for all or for
    this agent, and `TDM-Reservation: 1` (W3C TDM Reservation Protocol).
    """
    if headers.get("tdm-reservation", "").strip() == "1":
        return "tdm-reservation"
    own = agent.partition("/")[0].lower()
    whom = ""
    for piece in headers.get("x-robots-tag", "").lower().split(","):
        name, mark, value = piece.rpartition(":")
        if mark and name.strip() not in ("max-snippet", "max-image-preview", "unavailable_after"):
            whom = name.strip()
        if value.strip() in _RESERVED and whom in ("", "*", own):
            return value.strip()
    return ""

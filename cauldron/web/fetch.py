"""Many addresses: few requests at a time, one at a time for each site, patience with those asked.

Sites are asked for their rules first. A failure that may pass is tried again, later each time or
when the server says so; what comes of every address is counted by its cause.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from cauldron.media.images import ImageError, inspect
from cauldron.sample import content_hash
from cauldron.web.consent import Policy, policy_of, reserved
from cauldron.web.fetched import FetchedStore, address_key
from cauldron.web.guard import FetchError, Target
from cauldron.web.opt_out import OptOut
from cauldron.web.request import Getter

TRIES = 3
FIRST_WAIT_S = 2.0
_MOST_WAIT_S = 300.0
_MAX_QUEUED = 20_000
_MAX_SITES = 50_000
_IDLE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """How politely addresses are asked for.

    Args:
        per_host: requests a second to one site, at most.
        at_once: requests at a time, to different sites.
        robots: whether robots.txt and ai.txt of sites are honoured.
        tries: how often an address is asked for where its failure may pass.
    """

    getter: Getter = field(default_factory=Getter)
    per_host: float = 1.0
    at_once: int = 16
    robots: bool = True
    tries: int = TRIES
    first_wait_s: float = FIRST_WAIT_S


@dataclass(slots=True)
class _Site:
    """What waits for one site."""

    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    busy: bool = False
    planned: bool = False


class _Sites:
    """The rules of sites, asked for once; shared by threads."""

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings
        self._policies: dict[str, Policy] = {}
        self._lock = Lock()

    def policy(self, site: str) -> Policy:
        with self._lock:
            known = self._policies.get(site)
        if known is None:
            known = policy_of(site, self.settings.getter) if self.settings.robots else Policy()
            with self._lock:
                if len(self._policies) > _MAX_SITES:
                    self._policies.clear()
                if not known.unreachable:
                    self._policies[site] = known
        return known

    def delay_s(self, site: str) -> float:
        """Return the seconds that a site asks to leave between requests, as far as is known."""
        known = self._policies.get(site)
        return known.delay_s if known else 0.0

    def visit(self, target: Target) -> None:
        policy = self.policy(target.site)
        if policy.unreachable:
            raise FetchError("robots_unreachable", target.site[:200], again=True)
        if not policy.allows(target.url):
            raise FetchError("robots_disallowed", target.site[:200])


def fetch_all(
    addresses: Iterable[str],
    store: FetchedStore,
    settings: FetchSettings,
    opt_out: OptOut | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Counter[str]:
    """Fetch pictures into a store; return how many ended in which way.

    Addresses that the store knows already are not asked for again, nor those that come twice.
    """
    run = _Run(store, settings, opt_out or OptOut(()))
    with ThreadPoolExecutor(settings.at_once, thread_name_prefix="fetch") as pool:
        try:
            run.all(iter(addresses), pool, progress)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return run.counts


class _Run:
    """The state of a run; only worker threads wait for the network."""

    def __init__(self, store: FetchedStore, settings: FetchSettings, opt_out: OptOut) -> None:
        self.store, self.settings, self.opt_out = store, settings, opt_out
        self.sites: dict[str, _Site] = {}
        self.rules = _Sites(settings)
        self.due: list[tuple[float, int, str]] = []
        self.numbers = itertools.count()
        self.queued: set[bytes] = set()
        self.counts: Counter[str] = Counter()
        self.running: dict[Future[Any], tuple[str, str, int]] = {}

    def all(
        self, addresses: Iterator[str], pool: ThreadPoolExecutor, progress: Callable[[int], None]
    ) -> None:
        more = True
        while more or self.queued:
            while more and len(self.queued) < _MAX_QUEUED:
                url = next(addresses, None)
                more = url is not None
                if url is not None:
                    self._add(url)
            now = time.monotonic()
            while self.due and self.due[0][0] <= now and len(self.running) < self.settings.at_once:
                self._start(heapq.heappop(self.due)[2], pool)
            if self.running:
                pause = max(self.due[0][0] - now, 0.001) if self.due else None
                full = len(self.running) >= self.settings.at_once
                done, _ = wait(self.running, None if full else pause, FIRST_COMPLETED)
                for future in done:
                    self._end(future)
                progress(sum(self.counts.values()))
            elif self.due:
                time.sleep(min(max(self.due[0][0] - now, 0), _IDLE_S))

    def _add(self, url: str) -> None:
        key = address_key(url)
        if key in self.store.done or key in self.queued:
            self.counts["known_already"] += 1
            return
        if self.opt_out.has_address(url):
            self._fail(url, FetchError("opted_out", "on the opt-out list"))
            return
        try:
            split = urlsplit(url)
            site = f"{split.scheme}://{split.netloc.rpartition('@')[2].lower()}"
        except ValueError as error:
            self._fail(url, FetchError("address_invalid", str(error)[:200]))
            return
        self.queued.add(key)
        self.sites.setdefault(site, _Site()).waiting.append((url, 1))
        self._plan(site, 0.0)

    def _plan(self, site: str, wait_s: float) -> None:
        found = self.sites[site]
        if found.waiting and not found.busy and not found.planned:
            found.planned = True
            heapq.heappush(self.due, (time.monotonic() + wait_s, next(self.numbers), site))

    def _start(self, site: str, pool: ThreadPoolExecutor) -> None:
        found = self.sites[site]
        url, number = found.waiting.popleft()
        found.busy, found.planned = True, False
        self.running[pool.submit(self._fetched, url)] = (site, url, number)

    def _fetched(self, url: str) -> tuple[bytes, dict[str, Any]]:
        """Ask for a picture, in a thread."""
        getter = self.settings.getter
        answer = getter.get(url, self.rules.visit)
        told = reserved(answer.headers, getter.user_agent)
        if told:
            raise FetchError("opted_out", told)
        if self.opt_out.has_address(answer.url) or self.opt_out.has_file(answer.body):
            raise FetchError("opted_out", "on the opt-out list")
        try:
            facts = inspect(answer.body)
        except ImageError as error:
            raise FetchError(error.reason, error.detail[:200]) from error
        about: dict[str, Any] = {"format": facts.format, "width": facts.width}
        about["height"] = facts.height
        if answer.url != url:
            about["final_url"] = answer.url
        return answer.body, about

    def _end(self, future: Future[Any]) -> None:
        site, url, number = self.running.pop(future)
        found = self.sites[site]
        found.busy = False
        pause = max(1 / self.settings.per_host, self.rules.delay_s(site))
        try:
            payload, about = future.result()
        except FetchError as error:
            patient = error.wait_s is None or error.wait_s <= _MOST_WAIT_S
            if error.again and patient and number < self.settings.tries:
                found.waiting.appendleft((url, number + 1))
                self.counts["tried_again"] += 1
                pause = max(pause, self._patience(url, number, error))
            else:
                self._fail(url, error)
        else:
            self.store.keep(url, payload, about)
            self._count(url, "success")
        if found.waiting:
            self._plan(site, pause)
        elif not found.planned:
            self.sites.pop(site)

    def _patience(self, url: str, number: int, error: FetchError) -> float:
        if error.wait_s is not None:
            return error.wait_s
        share = content_hash(number, url) % 1000 / 1000  # a jitter that is the same in every run
        longer: float = self.settings.first_wait_s * 2 ** (number - 1) * (1 + share)
        return min(longer, _MOST_WAIT_S)

    def _fail(self, url: str, error: FetchError) -> None:
        self.store.fail(url, error.reason, error.detail, error.again)
        self._count(url, error.reason)

    def _count(self, url: str, status: str) -> None:
        self.counts[status] += 1
        self.queued.discard(address_key(url))

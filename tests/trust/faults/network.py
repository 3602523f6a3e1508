"""A hub and a site of pictures on the loopback, for the stages that need a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.publish.hub_server import Hub, running
from tests.trees import noise
from tests.web.sites import Site

PICTURES = 3


@dataclass(frozen=True, slots=True)
class Network:
    """A hub and a site."""

    hub: Hub
    site: Site

    @property
    def environment(self) -> dict[str, str]:
        """What makes the clients of the hub ask this one."""
        return {
            "HF_ENDPOINT": self.hub.url,
            "HF_TOKEN": "hf_CanaryCanaryCanary",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0",
        }

    def pages(self, folder: Path) -> None:
        """Write a page in the layout of OBELICS whose pictures the site has, all but one."""
        folder.mkdir()
        urls = [f"http://127.0.0.1:{self.site.port}/{n}.png" for n in range(PICTURES + 1)]
        row = {
            "images": [None, *urls],
            "texts": ["A page.", *([None] * len(urls))],
            "metadata": json.dumps([None] * (len(urls) + 1)),
            "general_metadata": json.dumps({"url": "https://host.example/p"}),
        }
        pq.write_table(pa.Table.from_pylist([row]), folder / "train-0.parquet")


@contextmanager
def network() -> Iterator[Network]:
    """Start both."""
    with running() as hub, Site() as site:
        site.replies |= {f"/{n}.png": (200, {}, noise(n)) for n in range(PICTURES)}
        yield Network(hub, site)

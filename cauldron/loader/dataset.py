"""The training stream of a mixture as torch datasets: packed rows, or samples as they are.

    data = PackedBatches(manifest, encoder, Packing(length=2048, rows=8), rank=r, world_size=w)
    for batch in DataLoader(data, batch_size=None):   # or simply: for batch in data
        ...                                           # batch.ids, .positions, .targets, .pictures
        checkpoint["data"] = batch.state              # under 1 kB

    data.load_state_dict(checkpoint["data"])          # then any number of ranks and workers
    data.load_state_dict(reweighed(state, {"vsr": 1, "textvqa": 3}))   # other weights from there

Batches are made ahead in a thread and pictures decoded in several, so no worker process is needed
to keep an accelerator busy; with worker processes the order is the same.
"""

from __future__ import annotations

from cauldron.loader.batch import PackedBatch, PictureGroup
from cauldron.loader.packed import PackedCourse, Packing
from cauldron.loader.pictures import Fit, How
from cauldron.loader.plain import PlainBatch, PlainCourse
from cauldron.loader.samples import CACHE_BYTES, Samples
from cauldron.loader.steps import AHEAD, Steps, reweighed
from cauldron.loader.tokens import Encoder

__all__ = [
    "PackedBatch",
    "PackedBatches",
    "Packing",
    "PictureGroup",
    "PlainBatch",
    "PlainBatches",
    "reweighed",
]


class PackedBatches(Steps[PackedBatch]):
    """Batches of packed rows.

    Args:
        manifest: URL of manifest.json, or of the folder that holds it.
        encoder: samples to tokens.
        packing: length and number of rows, budgets, the size of pictures.
        rank: this process among `world_size`; `packing.rows` are shared evenly.
        stop: steps after which the stream ends; None never ends it.
        ahead: batches that are made ahead in a thread.
        cache_bytes: most bytes of row groups that are kept of shards without an index.
    """

    def __init__(
        self,
        manifest: str,
        encoder: Encoder,
        packing: Packing,
        *,
        rank: int = 0,
        world_size: int = 1,
        stop: int | None = None,
        ahead: int = AHEAD,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        super().__init__(packing.rows, rank, world_size, stop, ahead)
        self.manifest, self.encoder, self.packing = manifest, encoder, packing
        self.cache_bytes = cache_bytes

    def course(self) -> PackedCourse:
        """Return the course of packed rows."""
        return PackedCourse(Samples(self.manifest, self.cache_bytes), self.encoder, self.packing)


class PlainBatches(Steps[PlainBatch]):
    """Batches of samples, not packed: as encoded bytes, or decoded to one rule of sizes.

    Args:
        manifest: URL of manifest.json, or of the folder that holds it.
        samples: samples of a step over all ranks.
        fit: the size of pictures; None leaves them encoded.
        how: how they are decoded.
        threads: that decode.
        rank, world_size, stop, ahead, cache_bytes: as for `PackedBatches`.
    """

    def __init__(
        self,
        manifest: str,
        samples: int,
        fit: Fit | None = None,
        how: How = "fast",
        *,
        threads: int = 2,
        rank: int = 0,
        world_size: int = 1,
        stop: int | None = None,
        ahead: int = AHEAD,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        super().__init__(samples, rank, world_size, stop, ahead)
        self.manifest, self.samples, self.fit, self.how = manifest, samples, fit, how
        self.threads, self.cache_bytes = threads, cache_bytes

    def course(self) -> PlainCourse:
        """Return the course of samples."""
        samples = Samples(self.manifest, self.cache_bytes)
        return PlainCourse(samples, self.samples, self.fit, self.how, self.threads)

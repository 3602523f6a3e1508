"""The demo: raw trees, the shipped recipe over them, and what came of the planted traps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cauldron import pipeline
from cauldron.demo.findings import findings
from cauldron.demo.raw import COUNTING, MARKER, RECORDS, write_raw
from cauldron.engine.progress import Progress, quiet
from cauldron.packaged import packaged
from cauldron.recipe import load_recipe
from cauldron.storage import files

RAW, RECIPE = "raw", "demo.yaml"


def demo(
    place: str,
    *,
    seed: int = 0,
    records: int = RECORDS,
    counting: int = COUNTING,
    workers: int | None = None,
    say: Callable[[str], None] = lambda text: None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Write raw trees into a work folder and run the shipped recipe on them.

    What is done already is skipped, so that a demo that was cut off goes on.

    Args:
        place: the work folder, on this machine; the trees lie in its folder `raw`.
        seed: of what is drawn.
        say: is told in one line what begins.

    Returns:
        What `pipeline.run` returns, and `raw` (the roots of each source), `recipe` (the copy that
        ran), `findings` (planted and found, trap by trap) and `seconds` of each stage.

    Raises:
        CauldronError: as the steps do.
    """
    started = time.monotonic()
    folder = files.local_path(place)
    say(f"drawing raw data in the official layouts: {folder / RAW}")
    roots = write_raw(folder / RAW, seed, records=records, counting=counting)
    drawn = time.monotonic()
    recipe = str(folder / RECIPE)
    files.write_bytes(recipe, (packaged("recipes") / RECIPE).read_bytes())
    say(f"running {recipe}")
    done = pipeline.run(
        load_recipe(recipe), recipe, place, workers=workers, progress=progress, say=say
    )
    planted = files.read_json(str(folder / RAW / MARKER))["planted"]
    return {
        **done,
        "raw": roots,
        "recipe": recipe,
        "findings": findings(place, planted, done["ingest"]),
        "seconds": {"raw": drawn - started, "run": time.monotonic() - drawn},
    }

"""Memory of an ingest of one JSON file of gigabytes, all processes together.

    python benchmarks/memory.py [--gigabytes 2] [--workers 2]

A file in the layout of PlotQA (one list under one key, 130 questions a plot) and an archive with
its plots are generated in a temporary folder and read with `cauldron ingest plotqa`. What each
process holds alone and its share of what several hold (Linux: Pss) is added up several times a
second. Promise: never over 700 MB, whatever the size of the file.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

PROMISED_MB = 700
QUESTIONS_PER_PLOT = 130


def generate(folder: Path, size_bytes: int) -> int:
    """Write question file and archive of plots; return the number of questions."""
    train = folder / "train"
    train.mkdir()
    number = 0
    with (train / "qa_pairs_V2.json").open("wb") as file:
        file.write(b'{"qa_pairs": [')
        while file.tell() < size_bytes:
            lead = b", " if number else b""
            file.write(lead + ", ".join(_question(number + n) for n in range(10_000)).encode())
            number += 10_000
        file.write(b"]}")
    with tarfile.open(train / "png.tar", "w") as archive:
        for plot in range(-(-number // QUESTIONS_PER_PLOT)):
            payload = _plot(plot)
            info = tarfile.TarInfo(f"png/{plot}.png")
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return number


def _question(number: int) -> str:
    plot, place = divmod(number, QUESTIONS_PER_PLOT)
    record = {
        "image_index": plot,
        "qid": f"{plot}_{place}",
        "question_string": f"What is the difference between the sales in 2010 and in {number} ?",
        "answer": number * 1.5,
        "answer_bbox": [{"x": 1.5, "y": 2, "w": 3, "h": 4}] if number % 3 else [],
        "template": "structural",
        "answer_id": 2,
        "type": "vbar_categorical",
        "question_id": number,
    }
    return json.dumps(record)


def _plot(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), (number % 256, number // 256 % 256, 7)).save(out, "PNG")
    return out.getvalue()


def family_mb(process: int) -> float:
    """Return what a process and those below it hold, in MB."""
    held, waiting = 0, [process]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            for task in (folder / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
            lines = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it has just ended
        held += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return held / 1024


def measured(command: list[str]) -> tuple[dict[str, Any], float]:
    """Run a command; return the JSON object it prints and its peak in MB."""
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            peak = max(peak, family_mb(process.pid))
            time.sleep(0.2)
        printed = process.stdout.read() if process.stdout else b""
    if process.returncode:
        raise SystemExit(process.returncode)
    return json.loads(printed), peak


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gigabytes", type=float, default=2)
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as name:
        raw, work = Path(name, "raw"), Path(name, "work")
        raw.mkdir()
        questions = generate(raw, int(given.gigabytes * 2**30))
        start = time.perf_counter()
        command = [sys.executable, "-m", "cauldron", "ingest", "plotqa", str(raw), "-o", str(work)]
        entry, peak = measured([*command, "--workers", str(given.workers), "--json"])
        seconds = time.perf_counter() - start
    result = {
        "gigabytes": given.gigabytes,
        "workers": given.workers,
        "questions": questions,
        "samples": entry["written"],
        "mb_per_s": round(given.gigabytes * 1024 / seconds, 1),
        "peak_mb": round(peak),
        "promised_mb": PROMISED_MB,
    }
    print(json.dumps(result))
    if entry["turns"] != questions:
        raise SystemExit(f"{entry['turns']} of {questions} questions were written")


if __name__ == "__main__":
    main()

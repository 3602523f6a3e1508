"""What holds for every source: one folder of raw rows a layout, run through ingest as a user would.

tests/sources/<source>/<layout>/ holds `raw/`, the raw tree; `case.json`, what has to come out of
it; and `build.py` where files are binary: its `build(folder)` adds them to a copy of the tree.
Keys of case.json:

    split, form, prompts     as for `cauldron ingest`; form is the one that `auto` has to find
    pictures                 files of the tree that are drawn as small pictures, each different
    counts, reasons, notes   of the ingest
    samples                  id, images (their paths), turns ([user, assistant]; a user's text as a
                             list has picture numbers in it) or parts, system, license and origin
                             where they matter, extra: keys to look at
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cauldron import steps
from cauldron.cli.main import app
from cauldron.engine.local import LocalEngine
from cauldron.media.images import inspect
from cauldron.publish.shapes import CAULDRON_SCHEMA, cauldron_row
from cauldron.sample import Turn, chat_messages, document_messages
from cauldron.sources.card import card
from tests.conftest import picture

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/case.json"))
NAMES = [f"{folder.parent.name}/{folder.name}" for folder in CASES]
each_case = pytest.mark.parametrize("case", CASES, ids=NAMES)


def facts(case: Path) -> dict[str, Any]:
    return orjson.loads((case / "case.json").read_bytes())


def tree(case: Path, folder: Path) -> Path:
    """Copy the raw tree of a case and add what is not text."""
    raw = folder / "raw"
    shutil.copytree(case / "raw", raw) if (case / "raw").is_dir() else raw.mkdir(parents=True)
    for number, path in enumerate(facts(case).get("pictures", ())):
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        kind = "PNG" if path.endswith(".png") else "JPEG"
        (raw / path).write_bytes(picture((17 * number % 256, 90, 200 - number), kind))
    if (case / "build.py").is_file():
        spec = importlib.util.spec_from_file_location("build", case / "build.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.build(raw)
    return raw


@pytest.fixture(scope="module")
def two() -> Iterator[LocalEngine]:
    with LocalEngine(2) as engine:
        yield engine


def ingest(engine: LocalEngine, case: Path, raw: Path, work: Path) -> dict[str, Any]:
    wanted = facts(case)
    return steps.ingest(
        engine,
        str(work),
        case.parent.name,
        [str(raw)],
        split=wanted.get("split", "train"),
        prompts=wanted.get("prompts", "cauldron"),
        max_reject_share=1.0,
    )


def rows(work: Path) -> list[dict[str, Any]]:
    shards = sorted((work / "samples").glob("*/*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def written(work: Path) -> dict[str, Any]:
    """Return shards as bytes, and reason and origin of what is in quarantine."""
    shards = {p.name: p.read_bytes() for p in sorted((work / "samples").glob("*/*.parquet"))}
    return {**shards, "quarantine": [(r["reason"], r["origin"]) for r in quarantined(work)]}


def quarantined(work: Path) -> list[dict[str, Any]]:
    paths = sorted((work / "quarantine").glob("*/*.jsonl"))
    return [orjson.loads(line) for path in paths for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The work folder and ledger entry of a case, ingested once for all tests."""
    kept: dict[Path, tuple[Path, dict[str, Any]]] = {}

    def of(case: Path) -> tuple[Path, dict[str, Any]]:
        if case not in kept:
            folder = tmp_path_factory.mktemp(case.name)
            raw = tree(case, folder)
            with LocalEngine(0) as engine:
                kept[case] = folder / "work", ingest(engine, case, raw, folder / "work")
        return kept[case]

    return of


@each_case
def test_the_card_says_whether_turns_build_on_each_other(case: Path, done: Any) -> None:
    chats = [row for row in rows(done(case)[0]) if row["messages"][0]["role"] != "document"]
    marked = {orjson.loads(row["extra"]).get("turns") == "dialogue" for row in chats}
    assert marked <= {card(case.parent.name).turns == "dialogue"}


def test_there_are_cases() -> None:
    assert CASES


@each_case
def test_a_user_can_ingest_it(case: Path, tmp_path: Path) -> None:
    wanted = facts(case)
    command = ["ingest", case.parent.name, str(tree(case, tmp_path)), "-o", str(tmp_path / "work")]
    options = ["--split", wanted.get("split", "train"), "--max-rejects", "1", "--workers", "1"]
    result = CliRunner().invoke(app, [*command, *options, "--json"])
    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["written"] == wanted["counts"]["written"]


@each_case
def test_its_layout_is_told_from_others(case: Path, done: Any) -> None:
    assert done(case)[1]["settings"]["form"] == facts(case).get("form", "official")


@each_case
def test_counts_add_up_and_are_as_expected(case: Path, done: Any) -> None:
    counts, wanted = done(case)[1]["counts"], facts(case)
    assert counts["read"] == counts["written"] + counts["quarantined"] + counts["skipped"]
    assert {key: counts[key] for key in wanted["counts"]} == wanted["counts"]
    assert {k: v for k, v in counts["reasons"].items() if v} == wanted.get("reasons", {})
    assert counts["notes"] == wanted.get("notes", {})


@each_case
def test_ids_are_unique_and_begin_with_source_and_split(case: Path, done: Any) -> None:
    ids = [row["id"] for row in rows(done(case)[0])]
    start = f"{case.parent.name}/{facts(case).get('split', 'train')}/"
    assert len(set(ids)) == len(ids) and all(i.startswith(start) and i != start for i in ids)


@each_case
def test_samples_are_as_expected(case: Path, done: Any) -> None:
    found = {row["id"]: row for row in rows(done(case)[0])}
    wanted = {sample["id"]: sample for sample in facts(case)["samples"]}
    assert list(found) == list(wanted)
    for sample_id, sample in wanted.items():
        row = found[sample_id]
        assert row["messages"] == messages(sample)
        assert [image["path"] for image in row["images"]] == sample.get("images", [])
        assert row["license"] == sample.get("license", card(case.parent.name).license)
        assert row["origin"] | sample.get("origin", {}) == row["origin"]
        extra = orjson.loads(row["extra"])
        assert {key: extra.get(key) for key in sample.get("extra", {})} == sample.get("extra", {})


def messages(sample: dict[str, Any]) -> list[dict[str, Any]]:
    if "parts" in sample:
        return document_messages(tuple(sample["parts"]))
    turns = tuple(
        Turn(user="", parts=tuple(user), assistant=assistant)
        if isinstance(user, list)
        else Turn(user=user, assistant=assistant)
        for user, assistant in sample["turns"]
    )
    return chat_messages(len(sample.get("images", [])), turns, sample.get("system", ""))


@each_case
def test_every_picture_opens(case: Path, done: Any) -> None:
    for row in rows(done(case)[0]):
        assert all(inspect(image["bytes"]).width for image in row["images"])


@each_case
def test_two_workers_and_another_place_give_the_same_bytes(
    case: Path, done: Any, two: LocalEngine, tmp_path: Path
) -> None:
    raw = tree(case, tmp_path / "elsewhere")
    ingest(two, case, raw, tmp_path / "work")
    assert written(tmp_path / "work") == written(done(case)[0])


@each_case
def test_the_hub_form_gives_the_same_chats_and_pictures_back(
    case: Path, done: Any, tmp_path: Path
) -> None:
    found = rows(done(case)[0])
    fitting = [(row, form) for row in found if isinstance(form := cauldron_row(row), dict)]
    others = [row for row in found if isinstance(cauldron_row(row), str)]
    assert all("parts" in s or "system" in s or mixed(s) for s in told(case, others))
    if not fitting:
        return
    table = pa.Table.from_pylist([form for _, form in fitting], schema=CAULDRON_SCHEMA)
    (tmp_path / "hub").mkdir()
    pq.write_table(table, tmp_path / "hub" / "train-00000-of-00001.parquet")
    with LocalEngine(0) as engine:
        place = str(tmp_path / "work")
        steps.ingest(engine, place, case.parent.name, [str(tmp_path / "hub")], form="hub")
    back = rows(tmp_path / "work")
    assert [r["messages"] for r in back] == [row["messages"] for row, _ in fitting]
    for again, (row, _) in zip(back, fitting, strict=True):
        assert [i["bytes"] for i in again["images"]] == [i["bytes"] for i in row["images"]]


def told(case: Path, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = {row["id"] for row in found}
    return [sample for sample in facts(case)["samples"] if sample["id"] in ids]


def mixed(sample: dict[str, Any]) -> bool:
    """Say whether pictures stand between texts, which the hub form cannot hold."""
    return any(isinstance(user, list) for user, _ in sample.get("turns", []))


NESTED = (
    "vsr/official",
    "nlvr2/official",
    "okvqa/official",
    "mimic_cgd/official",
    "localized_narratives/coco",
    "spot_the_diff/official",
    "clevr_math/official",
    "visual7w/toolkit",
)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize("name", NESTED)
def test_a_layout_below_further_folders_is_read_as_well(
    name: str, packed: bool, tmp_path: Path
) -> None:
    case, root = HERE / name, tmp_path / "root"
    tree(case, root).rename(root / "downloads")
    if packed:
        shutil.make_archive(str(root / "all"), "zip", root, "downloads")
        shutil.rmtree(root / "downloads")
    with LocalEngine(0) as engine:
        counts = ingest(engine, case, root, tmp_path / "work")["counts"]
    assert {key: counts[key] for key in facts(case)["counts"]} == facts(case)["counts"]


def marked(payload: bytes) -> bytes:
    return payload if payload.startswith(b"\xef\xbb\xbf") else b"\xef\xbb\xbf" + payload


def windows(payload: bytes) -> bytes:
    return payload if b"\r" in payload else payload.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("change", [marked, windows])
@pytest.mark.parametrize(
    "name",
    [
        "hitab/official",
        "scienceqa/plain",
        "chart2text/official",
        "robut_wtq/wikitablequestions",
        "iconqa/official",
        "tabmwp/official",
        "screen2words/official",
        "cocoqa/official",
    ],
)
def test_marks_and_line_ends_of_windows_change_nothing(
    name: str, change: Callable[[bytes], bytes], done: Any, tmp_path: Path
) -> None:
    raw = tree(HERE / name, tmp_path)
    for path in raw.rglob("*"):
        if path.suffix in (".json", ".jsonl", ".csv", ".tsv", ".txt"):
            path.write_bytes(change(path.read_bytes()))
    with LocalEngine(0) as engine:
        ingest(engine, HERE / name, raw, tmp_path / "work")
    assert rows(tmp_path / "work") == rows(done(HERE / name)[0])


@each_case
def test_every_rejected_record_is_in_quarantine_with_its_reason(case: Path, done: Any) -> None:
    work, entry = done(case)
    counted = entry["counts"]["reasons"]["quarantined"]
    reasons = sorted(record["reason"] for record in quarantined(work))
    assert reasons == sorted(r for reason, n in counted.items() for r in [reason] * n)
    assert all(record["origin"]["file"] for record in quarantined(work))

"""The command line as a user meets it: clear mistakes, exit codes, JSON alone on stdout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.trees import recipe, vsr_tree


def cauldron(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cauldron", *arguments], capture_output=True, text=True, cwd=cwd
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with raw trees, a recipe and the work folder that it gave."""
    folder = tmp_path_factory.mktemp("run")
    result = cauldron("run", str(recipe(folder)), "-o", str(folder / "work"), "--workers", "1")
    assert result.returncode == 0, result.stderr
    return folder


def test_nothing_heavy_is_imported_by_help() -> None:
    code = (
        "import sys; sys.argv = ['cauldron', '--help']\n"
        "try:\n import cauldron.cli.main as m; m.main()\n"
        "except SystemExit: pass\n"
        "print([n for n in ('torch', 'pyarrow', 'datasets', 'pymupdf', 'polars', 'numpy')"
        " if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_json_is_all_of_standard_output(done: Path) -> None:
    work, raw = str(done / "work"), str(done / "raw" / "vsr")
    manifest = str(done / "work" / "mixture" / "small")
    recipe_file = str(done / "recipe.yaml")
    for arguments in (
        ("sources",),
        ("sources", "vsr"),
        ("ingest", "vsr", raw, "-o", str(done / "other")),
        ("measure", str(done / "other")),
        ("filter", str(done / "other")),
        ("dedup", str(done / "other")),
        ("decontaminate", str(done / "other"), "--against", work),
        ("mix", work, "--recipe", recipe_file, "--name", "again"),
        ("run", recipe_file, "-o", work, "--dry-run"),
        ("show", work, "-n", "1"),
        ("show", manifest, "-n", "1"),
        ("why", work, "vsr/train/000000000001"),
        ("stats", work),
        ("diff", manifest, manifest),
        ("report", work),
        ("verify", work),
        ("verify", manifest),
    ):
        result = cauldron(*arguments, "--json")
        assert result.returncode == 0, (arguments, result.stderr)
        assert isinstance(orjson.loads(result.stdout), dict), arguments


def test_counts_of_an_ingest_stand_at_the_top(tmp_path: Path) -> None:
    vsr_tree(tmp_path / "raw", records=9)
    result = cauldron("ingest", "vsr", str(tmp_path / "raw"), "-o", str(tmp_path / "w"), "--json")
    counts = orjson.loads(result.stdout)
    assert counts["read"] == 9 == counts["written"] + counts["quarantined"] + counts["skipped"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ingest", "vsrr", "{raw}/vsr", "-o", "{tmp}/w"), "did you mean 'vsr'"),
        (("ingest", "vsr", "{raw}/nowhere", "-o", "{tmp}/w"), "nowhere"),
        (("ingest", "vsr", "{raw}/tabmwp", "-o", "{tmp}/w"), "wanted"),
        (("ingest", "vsr", "{raw}/vsr", "-o", "{tmp}/w", "--split", "tset"), "--split train"),
        (("ingest", "vsr", "{raw}/vsr", "-o", "{tmp}/w", "--form", "offical"), "official"),
        (("sources", "tabmpw"), "tabmwp"),
        (("measure", "{tmp}/nowhere"), "cauldron ingest"),
        (("measure", "{work}", "--source", "vrs"), "vsr"),
        (("filter", "{work}", "--rules", "nowhere.yaml"), "nowhere.yaml"),
        (("run", "{tmp}/nowhere.yaml", "-o", "{tmp}/w"), "nowhere.yaml"),
        (("show", "{work}", "vsr/train/00000000001"), "near: vsr/train/0000000000"),
        (("why", "{work}", "vsr/train/nothing"), "no sample 'vsr/train/nothing'"),
        (("verify", "{tmp}"), "cauldron ingest"),
        (("diff", "{work}", "{tmp}"), "manifest.json"),
    ],
)
def test_a_mistake_gets_one_clear_message(
    done: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    places = {"tmp": str(tmp_path), "raw": str(done / "raw"), "work": str(done / "work")}
    result = cauldron(*(argument.format(**places) for argument in arguments))
    assert result.returncode in (2, 4), result.stderr
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 3
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schema_version: 1\nname: x\nsede: 1\n", ":3: unknown key 'sede'; did you mean 'seed'"),
        ("schema_version: 1\nname: x\nmix:\n  byy: turns\n", ":4: unknown key 'mix.byy'"),
        ("schema_version: 1\n", "key 'name' is missing"),
        ("schema_version: 9\nname: x\n", ":1: 'schema_version'"),
        ("name: [\n", "recipe.yaml:2"),
        ("- 1\n", "expected keys"),
        ("a: &x 1\nb: *x\n", "aliases"),
        ("", "expected keys"),
    ],
)
def test_a_fault_of_a_recipe_names_line_and_key(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    result = cauldron("run", str(path), "-o", str(tmp_path / "w"))
    assert result.returncode == 2
    assert told in result.stderr and "Traceback" not in result.stderr


def test_a_changed_shard_fails_verify_with_exit_3(done: Path, tmp_path: Path) -> None:
    result = cauldron("run", str(done / "recipe.yaml"), "-o", str(tmp_path / "w"))
    shard = next((tmp_path / "w/mixture/small/shards").glob("*.parquet"))
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    result = cauldron("verify", str(tmp_path / "w"))
    assert result.returncode == 3 and shard.name in result.stderr


def test_the_citations_of_chosen_sources_are_bibtex_each_once() -> None:
    found = cauldron("sources", "--multi-image", "--bibtex")
    assert found.returncode == 0
    entries = [line for line in found.stdout.splitlines() if line.startswith("@")]
    assert len(entries) == len(set(entries)) and any("mimicit" in entry for entry in entries)
    assert cauldron("sources", "vsr", "--bibtex").stdout.startswith("@article{liu2023visual,")


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        (("--category", "chart"), "chartqa", "vsr"),
        (("--license", "cc-by-4"), "tat_qa", "tabmwp"),
        (("--licence", "CC-BY-4"), "tat_qa", "tabmwp"),
        (("--commercial",), "tat_qa", "tabmwp"),
        (("--no-commercial",), "tabmwp", "tat_qa"),
        (("--gated",), "docvqa", "vsr"),
        (("--multi-image",), "nlvr2", "vsr"),
    ],
)
def test_the_catalogue_is_filtered(query: tuple[str, ...], inside: str, outside: str) -> None:
    found = orjson.loads(cauldron("sources", *query, "--json").stdout)["sources"]
    names = {source["name"] for source in found}
    assert inside in names and outside not in names

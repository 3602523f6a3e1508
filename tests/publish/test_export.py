"""Every format holds the same samples in the same order, and is read by those it is made for."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tarfile
import types
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron.engine.local import LocalEngine
from cauldron.errors import StorageError, UsageError
from cauldron.exporting import export
from cauldron.publish.formats import FORMATS
from cauldron.publish.pieces import pieces
from cauldron.publish.tars import write_tar
from tests.mixtures import mixture

Sample = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixture(tmp_path_factory.mktemp("mixture"), 40, 25)


@pytest.fixture(scope="module")
def samples(manifest: Path) -> dict[str, list[Sample]]:
    """The samples of both splits in the order of the manifest."""
    told = json.loads(manifest.read_text())

    def rows(key: str) -> list[Sample]:
        urls = [shard["url"] for source in told["sources"] for shard in source[key]]
        return [row for url in urls for row in pq.read_table(manifest.parent / url).to_pylist()]

    return {"train": rows("shards"), "validation": rows("validation_shards")}


def write(manifest: Path, to: str, dest: Path, workers: int = 1) -> Path:
    with LocalEngine(workers) as engine:
        export(engine, str(manifest), to, str(dest))
    return dest


def payloads(sample: Sample) -> list[bytes]:
    return [image["bytes"] for image in sample["images"]]


def contents(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "receipts" not in p.parts
    }


@pytest.mark.parametrize("to", list(FORMATS))
def test_a_selection_gives_the_same_files_as_shards(
    manifest: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, to: str
) -> None:
    chosen = mixture(tmp_path_factory.mktemp("selection"), 40, 25, materialize=False)
    write(manifest, to, tmp_path / "shards")
    write(chosen, to, tmp_path / "selection")
    assert contents(tmp_path / "shards") == contents(tmp_path / "selection")


@pytest.mark.parametrize("split", ["train", "validation"])
def test_hub_form_opens_with_datasets(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path, split: str
) -> None:
    import datasets

    write(manifest, "hub", tmp_path / "out")
    rows: list[Any] = []
    for source in ("docvqa", "vqarad"):
        files = str(tmp_path / "out/data" / source / f"{split}-*.parquet")
        loaded = datasets.load_dataset(
            "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")
        )
        assert loaded.features["images"] == datasets.List(datasets.Image())
        plain = loaded.cast_column("images", datasets.List(datasets.Image(decode=False)))
        rows += list(plain)
    expected = samples[split]
    assert [payloads(row) for row in rows] == [payloads(sample) for sample in expected]
    spoken = [[(t["user"], t["assistant"]) for t in row["texts"]] for row in rows]
    assert spoken == [
        [
            (a["content"][-1]["text"], b["content"][-1]["text"])
            for a, b in zip(s["messages"][::2], s["messages"][1::2], strict=True)
        ]
        for s in expected
    ]


def test_hub_form_keeps_the_source_of_each_turn(manifest: Path, tmp_path: Path) -> None:
    write(manifest, "hub", tmp_path / "out")
    table = pq.read_table(tmp_path / "out/data/docvqa/train-00000-of-00001.parquet")
    assert {t["source"] for texts in table["texts"].to_pylist() for t in texts} == {"x"}


def test_trl_form_has_messages_and_pictures_only(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path
) -> None:
    write(manifest, "trl", tmp_path / "out")
    table = pq.read_table(tmp_path / "out/data/vqarad/train-00000-of-00001.parquet")
    expected = [s for s in samples["train"] if s["source"] == "vqarad"]
    assert table.column_names == ["images", "messages"]
    assert table["messages"].to_pylist() == [s["messages"] for s in expected]


def test_webdataset_reads_the_tars(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path
) -> None:
    wds = pytest.importorskip("webdataset", exc_type=ImportError)
    write(manifest, "webdataset", tmp_path / "out")
    found = []
    for name in ("docvqa", "vqarad"):
        with (tmp_path / f"out/train/{name}-00000.tar").open("rb") as stream:
            members = wds.tariterators.tar_file_expander([{"url": name, "stream": stream}])
            found += list(wds.tariterators.group_by_keys(members))
    said = [json.loads(row["json"]) for row in found]
    assert [row["id"] for row in said] == [s["id"] for s in samples["train"]]
    assert [row["messages"] for row in said] == [s["messages"] for s in samples["train"]]
    pictures = [[row[k] for k in sorted(row) if k[:3].isdigit()] for row in found]
    assert pictures == [payloads(s) for s in samples["train"]]


def test_energon_index_points_at_every_sample(manifest: Path, tmp_path: Path) -> None:
    out = write(manifest, "energon", tmp_path / "out")
    raw = (out / "train/vqarad-00000.tar.idx").read_bytes()
    offsets = struct.unpack(f"<{len(raw) // 8}Q", raw)
    tar = (out / "train/vqarad-00000.tar").read_bytes()
    counts = json.loads((out / ".nv-meta/.info.json").read_text())["shard_counts"]
    assert counts["train/vqarad-00000.tar"] == len(offsets) - 1
    assert all(tar[o : o + 100].rstrip(b"\0").endswith(b".json") for o in offsets[:-1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("split", "part"), [("train", "train"), ("validation", "val")])
def test_energon_reads_every_sample(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path, split: str, part: str
) -> None:
    energon = pytest.importorskip("megatron.energon", exc_type=ImportError)
    out = write(manifest, "energon", tmp_path / "out")

    @energon.stateless
    def cook(sample: Any) -> Any:
        text = json.dumps(sample["json"])
        return energon.TextSample(**energon.basic_sample_keys(sample), text=text)

    class Plain(energon.DefaultTaskEncoder):  # type: ignore[misc, name-defined]
        cookers = (energon.Cooker(cook),)

    dataset = energon.get_val_dataset(
        str(out),
        split_part=part,
        batch_size=None,
        worker_config=energon.WorkerConfig(rank=0, world_size=1, num_workers=0),
        task_encoder=Plain(),
    )
    found = [json.loads(sample.text) for sample in energon.get_loader(dataset)]
    assert [row["id"] for row in found] == [s["id"] for s in samples[split]]
    assert [row["messages"] for row in found] == [s["messages"] for s in samples[split]]


def test_mds_shards_hold_what_their_index_says(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path
) -> None:
    out = write(manifest, "mds", tmp_path / "out")
    index = json.loads((out / "train/index.json").read_text())
    ids = []
    for shard in index["shards"]:
        blob = (out / "train" / shard["raw_data"]["basename"]).read_bytes()
        assert hashlib.sha256(blob).hexdigest() == shard["raw_data"]["hashes"]["sha256"]
        (number,) = struct.unpack_from("<I", blob)
        offsets = struct.unpack_from(f"<{number + 1}I", blob, 4)
        for start in offsets[:-1]:
            sizes = struct.unpack_from("<7I", blob, start)
            ids.append(blob[start + 28 + sizes[0] :][: sizes[1]].decode())
    assert ids == [s["id"] for s in samples["train"]]


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The reader; of torchvision it wants names for data sets of its own, which are not used."""
    pytest.importorskip("brotli", reason="make readers")
    import transformers  # noqa: F401  # looks for torchvision when it is imported

    names = {"datasets": "VisionDataset", "transforms.functional": "to_tensor"}
    for place in ("", "datasets", "transforms", "transforms.functional"):
        module = types.ModuleType(f"torchvision.{place}".rstrip("."))
        setattr(module, names.get(place, "__doc__"), type("Unused", (), {}))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return pytest.importorskip("streaming", reason="make readers", exc_type=ImportError)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("split", ["train", "validation"])
def test_mosaicml_streaming_reads_the_shards(
    manifest: Path, samples: dict[str, list[Sample]], streaming: Any, tmp_path: Path, split: str
) -> None:
    out = write(manifest, "mds", tmp_path / "out")
    found = streaming.StreamingDataset(local=str(out / split), shuffle=False, batch_size=1)
    rows = [found[k] for k in range(len(found))]
    assert [row["id"] for row in rows] == [s["id"] for s in samples[split]]
    assert [row["messages"] for row in rows] == [s["messages"] for s in samples[split]]
    assert [len(row["images"]) for row in rows] == [len(s["images"]) for s in samples[split]]


def test_json_lines_name_their_pictures(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path
) -> None:
    out = write(manifest, "jsonl", tmp_path / "out")
    names = [f"{s}/train-00000-of-00001.jsonl" for s in ("docvqa", "vqarad")]
    rows = [json.loads(line) for name in names for line in (out / name).read_text().splitlines()]
    assert [row["messages"] for row in rows] == [s["messages"] for s in samples["train"]]
    found = [[(out / image["file"]).read_bytes() for image in row["images"]] for row in rows]
    assert found == [payloads(s) for s in samples["train"]]


def test_llava_list_has_a_mark_for_each_picture(
    manifest: Path, samples: dict[str, list[Sample]], tmp_path: Path
) -> None:
    out = write(manifest, "llava", tmp_path / "out")
    rows = json.loads((out / "train.json").read_text())
    assert [row["id"] for row in rows] == [s["id"] for s in samples["train"]]
    assert all(row["conversations"][0]["value"].count("<image>") == 1 for row in rows)
    found = [[(out / "images" / row["image"]).read_bytes()] for row in rows]
    assert found == [payloads(s) for s in samples["train"]]


def test_two_workers_write_the_same_bytes(manifest: Path, tmp_path: Path) -> None:
    write(manifest, "webdataset", tmp_path / "one", 1)
    write(manifest, "webdataset", tmp_path / "two", 2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_only_a_missing_piece_is_written_again(manifest: Path, tmp_path: Path) -> None:
    out = write(manifest, "webdataset", tmp_path / "out")
    before, stamps = contents(out), {p: p.stat().st_mtime_ns for p in out.rglob("*.tar")}
    (out / "train/vqarad-00000.tar").unlink()
    write(manifest, "webdataset", out)
    changed = [p.name for p, stamp in stamps.items() if p.stat().st_mtime_ns != stamp]
    assert contents(out) == before and changed == ["vqarad-00000.tar"]


def test_a_folder_of_another_format_is_refused(manifest: Path, tmp_path: Path) -> None:
    write(manifest, "hub", tmp_path / "out")
    with pytest.raises(UsageError, match="holds an export to hub"):
        write(manifest, "trl", tmp_path / "out")


def test_a_folder_with_other_files_is_refused(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        write(manifest, "hub", tmp_path)


def test_an_unknown_format_names_the_near_one(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'webdataset'"):
        write(manifest, "webdatasets", tmp_path / "out")


def test_pieces_cover_every_row_once_whatever_their_size(manifest: Path) -> None:
    for size in (1, 3_000, 1 << 30):
        cut = [p for p in pieces(str(manifest), size) if p.split == "train"]
        ids = [i for p in cut for table in p.tables() for i in table["id"].to_pylist()]
        whole = [i for p in pieces(str(manifest), 1 << 40) for i in _ids(p.tables())]
        assert ids == whole[: len(ids)] and len(set(ids)) == len(ids)
        assert all(p.number < p.total for p in cut)


def test_samples_are_numbered_on_from_tar_to_tar(manifest: Path, tmp_path: Path) -> None:
    names = []
    for piece in pieces(str(manifest), 3_000):
        write_tar(piece, str(tmp_path / "one.tar"))
        with tarfile.open(tmp_path / "one.tar") as tar:
            names += [name for name in tar.getnames() if name.endswith(".json")]
    for source in ("docvqa-train", "vqarad-train", "vqarad-validation"):
        own = [name for name in names if name.startswith(source)]
        assert own == [f"{source}-{number:09d}.json" for number in range(len(own))]
        assert len(own) > 1


def _ids(tables: Any) -> list[str]:
    return [i for table in tables for i in table["id"].to_pylist()]


def test_a_source_name_that_is_a_path_is_refused(manifest: Path, tmp_path: Path) -> None:
    told = json.loads(manifest.read_text())
    told["sources"][0]["name"] = "../../etc"
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(StorageError, match="cannot be the name"):
        pieces(str(tmp_path), 1 << 20)


def test_row_groups_stay_within_the_viewer(manifest: Path, tmp_path: Path) -> None:
    write(manifest, "hub", tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.parquet"):
        meta = pq.ParquetFile(path).metadata
        assert all(meta.row_group(k).num_rows <= 100 for k in range(meta.num_row_groups))
        assert meta.row_group(0).column(0).has_offset_index


def test_pyarrow_schema_carries_the_image_feature(manifest: Path, tmp_path: Path) -> None:
    write(manifest, "hub", tmp_path / "out")
    schema: pa.Schema = pq.read_schema(tmp_path / "out/data/vqarad/train-00000-of-00001.parquet")
    told = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert told["images"] == {"feature": {"_type": "Image"}, "_type": "List"}

"""Folders of records: what is in them when the server starts, and what appears and disappears later."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from served import Served, assert_error
from vulneuron.errors import VulneuronError
from vulneuron.record import RecordWriter
from vulneuron.record.discovery import is_folder_of_records
from vulneuron.record.replacement import staging_path
from vulneuron.record.unfinished import unfinished_run
from vulneuron.server.catalog import Catalog
from vulneuron.server.file_watch import FileWatch

ATTENTIVE = partial(FileWatch, least_seconds=0.0, share=1e9)
#: Three blocks, which have at least 64 images.
IMAGES_PER_CLASS = 50


@pytest.fixture
def folder(tmp_path: Path, linear: Path) -> Path:
    """A folder with one record, and another one in a folder."""
    shutil.copytree(linear, tmp_path / "runs" / "first.zarr")
    shutil.copytree(linear, tmp_path / "runs" / "resnet" / "run.zarr")
    (tmp_path / "runs" / "pictures" / "cats").mkdir(parents=True)
    return tmp_path / "runs"


def listed(served: Served) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in served.client.get("/api/records").json()}


def before(monkeypatch: pytest.MonkeyPatch, method: str, look: Callable[[RecordWriter], None]) -> None:
    """Look at the record each time before a run calls a method of its writer."""
    original = getattr(RecordWriter, method)

    def looked(writer: RecordWriter, *arguments: Any) -> Any:
        look(writer)
        return original(writer, *arguments)

    monkeypatch.setattr(RecordWriter, method, looked)


def analyze(out: Path, **options: Any) -> None:
    pictures, labels = color_pictures(IMAGES_PER_CLASS)
    vn.analyze(
        color_net(),
        pictures,
        labels,
        out=out,
        class_names=CLASS_NAMES,
        batch_size=64,
        progress=False,
        **options,
    )


def test_records_that_appear_and_disappear(folder: Path, linear: Path, start: Callable[..., Served]) -> None:
    served = start(folder, color_net(), files=ATTENTIVE)
    assert list(listed(served)) == ["first", "resnet-run"]
    assert served.client.get("/api/records/resnet-run/pairs/1").status_code == 200
    shutil.copytree(linear, folder / "run.zarr")
    assert served.client.get("/api/records/run/pairs/1").status_code == 200
    assert list(listed(served)) == ["first", "resnet-run", "run"]
    shutil.rmtree(folder / "first.zarr")
    shutil.rmtree(folder / "resnet")
    gone = listed(served)
    assert [gone[name]["available"] for name in ("first", "resnet-run", "run")] == [False, False, True]
    assert "does not exist" in gone["first"]["message"]
    assert_error(served.client.get("/api/records/resnet-run/pairs/1"), 410, "does not exist")
    assert_error(served.client.get("/api/records/none"), 404, "first, resnet-run, run")


@pytest.mark.slow
def test_progress_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[..., Served]
) -> None:
    served = start(tmp_path, color_net(), files=ATTENTIVE)
    assert listed(served) == {}
    assert_error(served.client.get("/api/records/run"), 404, "no records yet")
    seen: list[dict[str, Any]] = []
    for method in ("write_image_block", "write_pair_block", "finish"):
        before(monkeypatch, method, lambda _: seen.append(listed(served)["run"]))
    before(
        monkeypatch,
        "finish",
        lambda _: assert_error(served.client.get("/api/records/run"), 409, "unfinished", "projecting"),
    )
    analyze(tmp_path / "run.zarr")
    run = listed(served)["run"]
    pairs = len(vn.open_record(tmp_path / "run.zarr").pairs)
    assert [one["progress"]["text"] for one in seen] == [
        *(f"{done} of 150 images attacked" for done in (0, 64, 128)),
        f"0 of {pairs} pairs captured",
        "projecting activations",
    ]
    assert [(one["progress"]["done"], one["progress"]["total"]) for one in seen][1::2] == [
        (64, 150),
        (0, pairs),
    ]
    assert not any(one["available"] or one["message"] for one in seen)
    assert (run["available"], run["progress"], run["pairs"]) == (True, None, pairs)
    assert served.client.get("/api/records/run").json()["pairs"] == pairs


@pytest.mark.slow
def test_progress_of_a_replacement(
    folder: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[..., Served]
) -> None:
    served = start(folder, files=ATTENTIVE)
    out, seen = folder / "first.zarr", []

    def look(writer: RecordWriter) -> None:
        assert writer.path == staging_path(out)
        seen.append(listed(served)["first"])
        # Without the old record, only its replacement is there.
        out.rename(folder / ".away")
        seen.append(listed(served)["first"])
        (folder / ".away").rename(out)

    before(monkeypatch, "write_pair_block", look)
    analyze(out, overwrite=True)
    assert [record["available"] for record in seen] == [True, False]
    assert {record["progress"]["done"] for record in seen} == {0}
    assert listed(served)["first"]["progress"] is None


def _older(path: Path) -> None:
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"]["vulneuron_schema"] = 1
    (path / "zarr.json").write_text(json.dumps(metadata))


def _garbled(path: Path) -> None:
    (path / "zarr.json").write_text('{"vulneuron_schema": 3, "node')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_older, "older schema 1"),
        (_garbled, "metadata"),
        (lambda path: shutil.rmtree(path / "layers" / "0" / "feature_map" / "c"), "truncated"),
        (lambda path: (path / "zarr.json").unlink(), "no zarr.json"),
    ],
)
def test_records_that_cannot_be_opened(
    folder: Path,
    linear: Path,
    damage: Callable[[Path], None],
    message: str,
    start: Callable[..., Served],
) -> None:
    broken = folder / "broken.zarr"
    shutil.copytree(linear, broken)
    damage(broken)
    served = start(folder, files=ATTENTIVE)
    record = listed(served)["broken"]
    assert not record["available"]
    assert message in record["message"]
    assert_error(served.client.get("/api/records/broken"), 410, message)
    shutil.rmtree(broken)
    assert "was removed" in listed(served)["broken"]["message"]
    shutil.copytree(linear, broken)
    assert listed(served)["broken"]["available"]


def test_changes_are_streamed(folder: Path, linear: Path, start: Callable[..., Served]) -> None:
    served = start(folder, files=ATTENTIVE)
    with served.client.stream("GET", "/api/listings/events") as stream:
        events = (
            json.loads(line.removeprefix("data:")) for line in stream.iter_lines() if line.startswith("data")
        )
        assert [record["id"] for record in next(events)] == ["first", "resnet-run"]
        shutil.copytree(linear, folder / "new.zarr")
        # While it is copied, it may be listed as damaged.
        while not (latest := {record["id"]: record for record in next(events)})["new"]["available"]:
            pass
        assert list(latest) == ["first", "new", "resnet-run"]


def test_names_stay_the_same(tmp_path: Path, linear: Path) -> None:
    for name in ("a/run", "b/run"):
        shutil.copytree(linear, tmp_path / f"{name}.zarr")
    single, folders = tmp_path / "b" / "run.zarr", [tmp_path / "a", tmp_path / "c"]
    folders[1].mkdir()
    catalog = Catalog([single, *folders])
    assert catalog.records == {"run": str(single)}
    assert {name: found.path for name, found in catalog.find().items()} == {
        "a-run": str(tmp_path / "a" / "run.zarr")
    }
    one = Catalog([single, tmp_path / "a"])
    assert list(one.find()) == ["run-2"]
    # What reads the same as an earlier one gets a number, and the earlier one keeps its name.
    shutil.copytree(linear, tmp_path / "a" / "run")
    assert {Path(found.path).name: name for name, found in one.find().items()} == {
        "run.zarr": "run-2",
        "run": "run-3",
    }
    assert list(catalog.finished()) == ["run", "a-run-2", "a-run"]


def test_what_is_a_folder_of_records(tmp_path: Path, linear: Path) -> None:
    assert is_folder_of_records(tmp_path)
    assert not is_folder_of_records(linear)
    assert not is_folder_of_records(tmp_path / "none")
    assert not is_folder_of_records("s3://bucket/runs")
    (tmp_path / "lost.zarr").mkdir()
    assert not is_folder_of_records(tmp_path / "lost.zarr")


def test_progress_of_no_record(tmp_path: Path, linear: Path) -> None:
    with pytest.raises(VulneuronError, match="does not exist"):
        unfinished_run(tmp_path / "none.zarr")
    broken = Path(shutil.copytree(linear, tmp_path / "broken.zarr"))
    metadata = json.loads((broken / "zarr.json").read_text())
    metadata["attributes"]["phase"] = 1
    (broken / "zarr.json").write_text(json.dumps(metadata))
    shutil.rmtree(broken / "run" / "outcome")
    with pytest.raises(VulneuronError, match="progress"):
        unfinished_run(broken)

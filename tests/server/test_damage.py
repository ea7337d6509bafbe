"""A record that is removed, damaged or replaced while it is served."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from served import Served, assert_error
from vulneuron.errors import MeasureError, RecordError
from vulneuron.server.file_watch import FileWatch
from vulneuron.server.library import Library

#: Checks at every request whether the record is still whole.
ATTENTIVE = partial(FileWatch, least_seconds=0.0, share=1e9)


@pytest.fixture
def served(copied: Path, start: Callable[..., Served]) -> Served:
    return start(copied, color_net(), files=ATTENTIVE)


def works(served: Served) -> None:
    assert served.get("").status_code == 200
    assert served.get("/pairs/1/neurons.npy").status_code == 200
    assert served.client.get("/api/records").json()[0]["available"] is True


def test_removed_and_put_back(served: Served) -> None:
    works(served)
    away = served.path.with_name("away")
    served.path.rename(away)
    for path in ("", "/pairs.npy", "/pairs/1", "/pairs/1/neurons.npy", "/thumbnails?pairs=1"):
        response = served.client.get(f"/api/records/{served.name}{path}")
        assert_error(response, 410, "does not exist")
    listed = served.client.get("/api/records").json()
    assert listed[0]["available"] is False
    assert listed[0]["pairs"] > 0
    away.rename(served.path)
    works(served)


def test_lost_chunks(served: Served) -> None:
    works(served)
    shutil.rmtree(served.path / "layers" / "0" / "feature_map" / "c")
    assert_error(served.get("/pairs/3/dendrogram.npy"), 410, "truncated", "feature_map")
    assert_error(served.get("/pairs/3/dendrogram.npy"), 410, "truncated", "feature_map")


def test_damaged_metadata(served: Served) -> None:
    works(served)
    (served.path / "zarr.json").write_text('{"zarr_format": 3, "node')
    assert_error(served.get("/pairs/3"), 410, "metadata")


def test_garbled_chunk(served: Served) -> None:
    works(served)
    (chunk,) = [
        file for file in (served.path / "layers" / "0" / "feature_map" / "c").rglob("*") if file.is_file()
    ]
    content = bytearray(chunk.read_bytes())
    content[: len(content) // 2] = bytes(len(content) // 2)
    chunk.write_bytes(content)
    served.opened.analysis = vn.Analysis(vn.open_record(served.path))
    assert_error(served.get("/pairs/3/dendrogram.npy"), 410, "cannot be read")
    assert served.get("/pairs/3").status_code == 200


@pytest.mark.slow
def test_written_anew(served: Served) -> None:
    before = served.get("").json()
    pictures, labels = color_pictures(a_class=4, seed=3)
    vn.analyze(
        color_net(),
        pictures,
        labels,
        out=served.path,
        class_names=CLASS_NAMES,
        overwrite=True,
        progress=False,
    )
    after = served.get("").json()
    assert after["pairs"] == len(vn.open_record(served.path).pairs) != before["pairs"]
    assert after["fingerprint"] != before["fingerprint"]
    table = np.asarray(served.array("/pairs.npy"))
    assert table.shape[1] == after["pairs"]


def test_new_maps_are_no_damage(served: Served) -> None:
    opened = served.opened
    served.truth.vulnerability_maps(0, stride=4)
    assert served.get("/pairs/0/maps", stride=4).json()["ready"]
    assert served.opened is opened


@pytest.mark.parametrize("written", ["{path}/", "{parent}/./{name}"])
def test_new_maps_are_no_damage_however_the_path_is_written(copied: Path, written: str) -> None:
    path = written.format(path=copied, parent=copied.parent, name=copied.name)
    library = Library([path], color_net(), files=ATTENTIVE)
    library["colors"].join()
    (record,) = library
    opened = record.current()
    opened.at().analysis.vulnerability_maps(0, stride=4)
    assert record.current() is opened


def test_a_job_says_that_its_record_is_gone(served: Served) -> None:
    original = served.opened.analysis.vulnerability_maps

    def remove_then_compute(*arguments: object, **options: object) -> object:
        shutil.rmtree(served.path)
        return original(*arguments, **options)  # type: ignore[arg-type]

    served.opened.analysis.vulnerability_maps = remove_then_compute  # type: ignore[method-assign, assignment]
    job = served.client.post(f"/api/records/{served.name}/jobs", json={"pair": 1}).json()
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        events = [line for line in stream.iter_lines() if line.startswith("data:")]
    last = json.loads(events[-1].removeprefix("data:"))
    assert last["state"] == "failed"
    assert last["message"]
    assert not served.path.exists()
    assert_error(served.get("/pairs/1"), 410)
    assert served.client.get("/api/records").status_code == 200


class SlowFiles:
    """Files each check of which takes a second, by a clock of its own."""

    def __init__(self) -> None:
        self.now, self.checks, self.content = 100.0, 0, 1

    def clock(self) -> float:
        return self.now

    def signature(self, _path: str) -> tuple[int, ...]:
        self.checks += 1
        self.now += 1.0
        return (self.content,)

    def watch(self) -> FileWatch:
        return FileWatch("run.zarr", share=0.02, signature=self.signature, clock=self.clock)


def test_checks_are_rare_if_they_take_long() -> None:
    files = SlowFiles()
    watch = files.watch()
    files.checks = 0
    for _ in range(200):
        assert not watch.changed()
        files.now += 0.5
    # 100 seconds pass between checks, which take a second each: about two per cent of the time.
    assert 2 <= files.checks <= 3


def test_changed_files_are_checked_at_once_until_they_are_accepted() -> None:
    files = SlowFiles()
    watch = files.watch()
    files.content = 2
    assert watch.changed()
    assert watch.changed()
    watch.accept()
    assert not watch.changed()
    files.content = 3
    assert not watch.changed()
    watch.check_soon()
    assert watch.changed()


def test_what_cannot_be_served(tmp_path: Path, copied: Path) -> None:
    with pytest.raises(RecordError, match="does not exist"):
        Library([tmp_path / "none.zarr"])
    metadata = json.loads((copied / "zarr.json").read_text())
    metadata["attributes"]["phase"] = 1
    (copied / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(RecordError, match="unfinished"):
        Library([copied])


@pytest.mark.parametrize("memory", [0, -1])
def test_memory_is_passed_to_the_analysis(copied: Path, memory: int) -> None:
    with pytest.raises(MeasureError, match=f"memory = {memory}"):
        Library([copied], memory=memory)

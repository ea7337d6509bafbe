"""A record that is replaced while vulnerability maps are written to it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import RecordError
from vulneuron.record.locking import write_lock
from vulneuron.record.map_points import MapPointStore
from vulneuron.record.replacement import replace_record, staging_path
from vulneuron.record.vulnerability_maps import VulnerabilityMapKey, VulnerabilityMapStore

KEY = VulnerabilityMapKey(4, 4, "dense")
MAPS = np.zeros((2, 3, 3))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two records of the same images, by different attacks."""
    folder = tmp_path_factory.mktemp("records")
    pictures, labels = color_pictures(4, wrong=0)
    for name, attack in (("old", vn.PGD(eps=12 / 255)), ("new", vn.PGD(eps=16 / 255))):
        out = folder / f"{name}.zarr"
        vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES, attack=attack)
    return folder


@pytest.fixture
def path(records: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(records / "old.zarr", tmp_path / "run.zarr"))


def _stage_replacement(records: Path, path: Path) -> str:
    return str(shutil.copytree(records / "new.zarr", staging_path(path)))


@pytest.mark.parametrize("kind", ["maps", "points", "empty arrays"])
def test_maps_of_the_old_record_are_not_written_to_the_new_one(records: Path, path: Path, kind: str) -> None:
    opened = vn.open_record(path)
    maps, points = VulnerabilityMapStore(opened), MapPointStore(opened, 4, 4)
    replace_record(path, _stage_replacement(records, path))
    writes: dict[str, Callable[[], object]] = {
        "maps": lambda: maps.write(0, KEY, MAPS),
        "points": lambda: points.write(0, MAPS),
        "empty arrays": lambda: maps.prepare(KEY, (3, 3)),
    }
    with pytest.raises(RecordError, match="was replaced by another record"):
        writes[kind]()
    assert not (path / "maps").exists()


def test_a_replacement_waits_for_a_write(records: Path, path: Path) -> None:
    new, before = _stage_replacement(records, path), vn.open_record(path).attributes
    replacing = Thread(target=replace_record, args=(path, new))
    with write_lock(path):
        replacing.start()
        assert vn.open_record(path).attributes == before
        VulnerabilityMapStore(vn.open_record(path)).read(0, KEY)
    replacing.join(20)
    assert vn.open_record(path).info()["attack"]["eps"] == "16/255"
    assert [one.name for one in path.parent.iterdir()] == ["run.zarr"]


@pytest.mark.parametrize("spelling", ["{path}/", "{parent}/./run.zarr", "{parent}/link"])
def test_any_spelling_of_a_path_has_the_same_lock_and_siblings(
    records: Path, path: Path, spelling: str
) -> None:
    (path.parent / "link").symlink_to(path)
    other = spelling.format(path=path, parent=path.parent)
    assert staging_path(other) == staging_path(path)
    replace_record(other, _stage_replacement(records, path))
    assert vn.open_record(path).info()["attack"]["eps"] == "16/255"
    assert sorted(one.name for one in path.parent.iterdir()) == ["link", "run.zarr"]

"""A run that is resumed with other threads or versions: sums may differ, and the record says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import zarr

import vulneuron as vn
from interruptions import Interrupted
from runs import CLASS_NAMES, color_net, color_pictures

pytestmark = pytest.mark.usefixtures("quick_projection")


@pytest.fixture
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def analyze(out: Path, attack: Interrupted) -> vn.Record:
    pictures, labels = color_pictures(30)
    return vn.analyze(
        color_net(), pictures, labels, out=out, class_names=CLASS_NAMES, attack=attack, batch_size=64
    )


def resumption_notes(record: vn.Record) -> list[str]:
    return [note for note in record.info()["notes"] if "resumed with" in note]


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("threads", [1, 2])
def test_other_threads_are_noted_at_the_resumption(tmp_path: Path, threads: int) -> None:
    attack, out = Interrupted(), tmp_path / "r.zarr"
    with pytest.raises(KeyboardInterrupt):
        analyze(out, attack)
    torch.set_num_threads(threads)
    record = analyze(out, attack)
    assert record.info()["threads"] == 2
    if threads == 2:
        assert resumption_notes(record) == []
    else:
        (note,) = resumption_notes(record)
        assert "started with 2 threads and resumed with 1 threads" in note


def test_other_versions_are_noted_at_the_resumption(tmp_path: Path) -> None:
    attack, out = Interrupted(), tmp_path / "r.zarr"
    with pytest.raises(KeyboardInterrupt):
        analyze(out, attack)
    root = zarr.open_group(str(out), mode="r+")
    versions = dict(root.attrs["versions"])  # type: ignore[arg-type]
    root.attrs["versions"] = {**versions, "torch": "0.1", "numpy": "0.2"}
    notes = " ".join(resumption_notes(analyze(out, attack)))
    assert f"started with torch 0.1 and resumed with torch {versions['torch']}" in notes
    assert f"started with numpy 0.2 and resumed with numpy {versions['numpy']}" in notes


@pytest.mark.usefixtures("two_threads")
def test_a_finished_record_is_returned_as_it_is(tmp_path: Path) -> None:
    pictures, labels = color_pictures(3)
    options = {"out": tmp_path / "r.zarr", "class_names": CLASS_NAMES}
    record = vn.analyze(color_net(), pictures, labels, **options)  # type: ignore[arg-type]
    torch.set_num_threads(1)
    again = vn.analyze(color_net(), pictures, labels, **options)  # type: ignore[arg-type]
    assert again.attributes == record.attributes

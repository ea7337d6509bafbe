"""What a run does where its output path exists: return, refuse, or overwrite."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr

import vulneuron as vn
from interruptions import Interrupted
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import RecordError
from vulneuron.record import Record

pytestmark = pytest.mark.usefixtures("quick_projection")


def test_finished_record_is_returned_and_another_run_is_refused(record: Record) -> None:
    pictures, labels = color_pictures()
    before = record.attributes["created"]
    same = vn.analyze(color_net(), pictures, labels, out=record.path, class_names=CLASS_NAMES)
    assert same.attributes["created"] == before
    with pytest.raises(
        RecordError, match=r"contains a different run: attack eps is 8/255 in the record and 4/255 now"
    ):
        vn.analyze(
            color_net(),
            pictures,
            labels,
            out=record.path,
            class_names=CLASS_NAMES,
            attack=vn.PGD(eps=4 / 255),
        )
    assert vn.open_record(record.path).attributes["created"] == before


@pytest.mark.slow
def test_overwrite_replaces_a_record_of_another_run(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    out = tmp_path / "run.zarr"
    vn.analyze(color_net(), pictures, labels, out=out, attack=vn.FGSM())
    record = vn.analyze(color_net(), pictures, labels, out=out, overwrite=True)
    assert record.info()["attack"]["name"] == "pgd"
    assert record.validate().sound


def test_overwrite_never_deletes_what_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("five years of work")
    pictures, labels = color_pictures()
    for overwrite in (False, True):
        with pytest.raises(RecordError, match="exists and is not a record"):
            vn.analyze(color_net(), pictures, labels, out=tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.tex").read_text() == "five years of work"


def test_overwrite_never_deletes_a_foreign_zarr_group(tmp_path: Path) -> None:
    out = tmp_path / "other.zarr"
    zarr.create_group(str(out)).create_array("ages", shape=(3,), dtype="i4")[:] = [1, 2, 3]
    pictures, labels = color_pictures()
    with pytest.raises(RecordError, match="exists and is not a record"):
        vn.analyze(color_net(), pictures, labels, out=out, overwrite=True)
    ages: Any = zarr.open_group(str(out), mode="r")["ages"]
    np.testing.assert_array_equal(ages[:], [1, 2, 3])


def test_overwrite_keeps_the_old_record_until_the_new_one_is_complete(record: Record, tmp_path: Path) -> None:
    pictures, labels = color_pictures(32)
    out = tmp_path / "run.zarr"
    shutil.copytree(record.path, out)
    seen = []
    attack = Interrupted(before=lambda: seen.append(vn.open_record(out).attributes))

    def overwrite() -> Record:
        return vn.analyze(
            color_net(),
            pictures,
            labels,
            out=out,
            class_names=CLASS_NAMES,
            attack=attack,
            batch_size=64,
            overwrite=True,
        )

    with pytest.raises(KeyboardInterrupt):
        overwrite()
    assert vn.open_record(out).validate().sound
    new = overwrite()
    assert all(attributes == record.attributes for attributes in seen)
    # The first block was not attacked again.
    assert len(attack.calls) == 3
    assert new.path == str(out)
    assert vn.open_record(out).info()["attack"]["name"] == "inverse"
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]


@pytest.mark.parametrize("failure", ["no correct prediction", "broken attack"])
def test_overwrite_keeps_the_old_record_if_the_new_run_fails(
    record: Record, tmp_path: Path, failure: str
) -> None:
    pictures, labels = color_pictures(wrong=0)
    out = tmp_path / "run.zarr"
    shutil.copytree(record.path, out)
    wrong = (labels + 1) % 3 if failure == "no correct prediction" else labels
    with pytest.raises(vn.VulneuronError):
        vn.analyze(
            color_net(), pictures, wrong, out=out, attack=lambda _net, images, _: images + 2, overwrite=True
        )
    assert vn.open_record(out).attributes == record.attributes
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]


def test_a_replacement_that_was_killed_between_its_moves_is_undone(record: Record, tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    shutil.copytree(record.path, tmp_path / ".run.zarr.old")
    out = tmp_path / "run.zarr"
    same = vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES)
    assert same.attributes == record.attributes
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]


@pytest.mark.slow
def test_overwrite_replaces_a_damaged_record(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    out = tmp_path / "run.zarr"
    vn.analyze(color_net(), pictures, labels, out=out)
    shutil.rmtree(out / "logit")
    with pytest.raises(RecordError, match="truncated"):
        vn.analyze(color_net(), pictures, labels, out=out)
    assert vn.analyze(color_net(), pictures, labels, out=out, overwrite=True).validate().sound


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"class_names": ["rot", "gelb", "blau"]}, "class_names is"),
        ({"attack": vn.FGSM()}, "attack"),
        ({"limit": 3}, "selection limit is None in the record and 3 now"),
        ({"seed": 5}, "seed is 0 in the record and 5 now"),
        ({"joint_projection": True}, "projection is separate in the record and joint now"),
    ],
)
def test_whatever_decides_a_result_tells_runs_apart(
    record: Record, changes: dict[str, Any], difference: str
) -> None:
    pictures, labels = color_pictures()
    options: dict[str, Any] = {"class_names": CLASS_NAMES, **changes}
    with pytest.raises(RecordError, match=f"contains a different run: {difference}"):
        vn.analyze(color_net(), pictures, labels, out=record.path, **options)


def test_other_images_labels_or_forward_methods_are_other_runs(record: Record) -> None:
    class Shifted(torch.nn.Module):
        """The same modules and weights as the network of the record, with another forward method."""

        def __init__(self) -> None:
            super().__init__()
            self.net = color_net()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.net(images * 0.9)
            return logits

    pictures, labels = color_pictures()
    for model, data, truth in (
        (Shifted(), pictures, labels),
        (color_net(), 255 - pictures, labels),
        (color_net(), pictures, labels[::-1].copy()),
    ):
        with pytest.raises(RecordError, match="contains a different run"):
            vn.analyze(model, data, truth, out=record.path, class_names=CLASS_NAMES)

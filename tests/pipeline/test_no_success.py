"""Runs in which no attack succeeds: a result for a robust model, kept as a record without pairs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import RecordError, RunError
from vulneuron.record import Record


@pytest.fixture(scope="module")
def robust(tmp_path_factory: pytest.TempPathFactory) -> Record:
    pictures, labels = color_pictures()
    out = tmp_path_factory.mktemp("robust") / "none.zarr"
    return vn.analyze(
        color_net(), pictures, labels, out=out, class_names=CLASS_NAMES, attack=vn.PGD(eps=1 / 2550)
    )


def _unchanged(_classifier: object, images: torch.Tensor, _labels: object) -> torch.Tensor:
    return images


def test_no_success_keeps_the_table_of_images_and_the_rates(robust: Record) -> None:
    info = robust.info()
    assert info["complete"]
    assert (info["pairs"], info["successes"], info["attacked"], info["correct"]) == (0, 0, 22, 22)
    assert info["attack_success_rate"] == 0
    assert info["robust_accuracy"] == info["clean_accuracy"] == 22 / 24
    assert any("none of the 22 attacked images" in note for note in info["notes"])
    outcomes = robust.run_images["outcome"]
    assert (outcomes == "resisted").sum() == 22
    assert (outcomes == "wrong").sum() == 2
    assert robust.validate().problems == ()
    assert len(robust.pairs) == 0
    assert robust.dataset.sizes["pair"] == robust.layer().dataset.sizes["pair"] == 0


def test_no_success_is_returned_when_run_again(robust: Record) -> None:
    pictures, labels = color_pictures()
    again = vn.analyze(
        color_net(),
        pictures,
        labels,
        out=robust.path,
        class_names=CLASS_NAMES,
        attack=vn.PGD(eps=1 / 2550),
    )
    assert again.attributes == robust.attributes


@pytest.mark.parametrize("kind", ["adversarials", "function", "several layers"])
def test_no_success_of_any_kind_of_attack(tmp_path: Path, kind: str) -> None:
    pictures, labels = color_pictures(4)
    options = {
        "adversarials": {"adversarials": pictures},
        "function": {"attack": _unchanged},
        "several layers": {"attack": _unchanged, "layers": ["0.0", "0"], "joint_projection": True},
    }[kind]
    record = vn.analyze(color_net(), pictures, labels, out=tmp_path / "none.zarr", **options)  # type: ignore[arg-type]
    assert record.info()["pairs"] == 0
    assert record.info()["attacked"] == 10
    assert record.validate().sound


@pytest.mark.parametrize("use", [vn.Analysis, vn.show], ids=["analysis", "notebook"])
def test_whatever_needs_pairs_says_that_there_are_none(
    robust: Record, use: Callable[[Record], object]
) -> None:
    with pytest.raises(RecordError, match="has no pairs: the attack succeeds on none of the 22"):
        use(robust)


def test_all_images_of_the_target_class_are_refused(tmp_path: Path) -> None:
    pictures, labels = color_pictures(wrong=0)
    red = labels == 0
    with pytest.raises(RunError, match="all 8 images that the model classifies correctly are of the target"):
        vn.analyze(color_net(), pictures[red], labels[red], out=tmp_path / "none.zarr", target=0)
    assert list(tmp_path.iterdir()) == []

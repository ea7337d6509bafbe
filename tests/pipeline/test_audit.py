"""The audit of a run: flags in the record where its rates may be misleading."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.record import Record

pytestmark = pytest.mark.usefixtures("quick_projection")


class Wrapped(nn.Module):
    """The color network between two functions."""

    def __init__(self, before: Any = None, after: Any = None) -> None:
        super().__init__()
        self.net, self.before, self.after = color_net(), before or nn.Identity(), after or nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.after(self.net(self.before(images)))
        return logits


class Quantized(nn.Module):
    """Rounds pixels, a defense whose gradients are exactly zero."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.round(images * 20) / 20


class Noisy(nn.Module):
    """Adds noise small enough that the network can still be split."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = spread

    def forward(self, values: Tensor) -> Tensor:
        return values + self.spread * torch.randn_like(values)


class Steep(nn.Module):
    """Logits so large that the softmax saturates, and gradients of the cross-entropy are exactly zero."""

    def forward(self, logits: Tensor) -> Tensor:
        return logits * 1e4


def run(folder: Path, net: nn.Module, **options: Any) -> Record:
    pictures, labels = color_pictures()
    return vn.analyze(net, pictures, labels, out=folder / "r.zarr", class_names=CLASS_NAMES, **options)


def test_a_sound_run_has_no_flags(record: Record) -> None:
    audit = record.info()["audit"]
    assert audit["flags"] == []
    assert (audit["checked"], audit["attacked"], audit["successes"]) == (22, 22, record.info()["successes"])
    assert not any(audit[name] for name in ("zero_gradients", "random_outputs", "probabilities", "unchanged"))


@pytest.mark.parametrize(
    "net", [Wrapped(before=Quantized()), Wrapped(after=Steep())], ids=["rounded pixels", "saturated softmax"]
)
def test_gradients_that_are_exactly_zero(tmp_path: Path, net: nn.Module) -> None:
    record = run(tmp_path, net, attack=vn.PGD(random_start=False))
    audit = record.info()["audit"]
    assert audit["zero_gradients"] == audit["checked"] == 22
    assert any("exactly zero or not finite on 22 of 22 images" in flag for flag in audit["flags"])
    # PGD stands still without a gradient.
    assert audit["unchanged"] == 22
    assert record.info()["successes"] == 0


@pytest.mark.parametrize(("place", "spread"), [("before", 0.003), ("after", 1e-4)])
def test_random_outputs(tmp_path: Path, place: str, spread: float) -> None:
    torch.manual_seed(0)
    record = run(tmp_path, Wrapped(**{place: Noisy(spread)}))
    audit = record.info()["audit"]
    assert audit["random_outputs"] > audit["checked"] / 2 > 8
    assert any("outputs are random" in flag for flag in audit["flags"])


def _black(_classifier: object, images: Tensor, _labels: Tensor) -> Tensor:
    return torch.zeros_like(images)


def _gray(_classifier: object, images: Tensor, _labels: Tensor) -> Tensor:
    return torch.full_like(images, 0.5)


def _unchanged(_classifier: object, images: Tensor, _labels: Tensor) -> Tensor:
    return images


@pytest.mark.parametrize("attack", [_black, _gray, _unchanged, "imported"])
def test_failures_returned_as_images_are_not_counted(tmp_path: Path, attack: Any) -> None:
    options = (
        {"adversarials": np.zeros_like(color_pictures()[0])} if attack == "imported" else {"attack": attack}
    )
    record = run(tmp_path, color_net(), **options)
    info = record.info()
    assert (info["successes"], info["pairs"], info["attacked"]) == (0, 0, 22)
    assert info["robust_accuracy"] == info["clean_accuracy"] == 22 / 24
    assert info["audit"]["unchanged"] == 22
    assert any("22 of 22 images unchanged or blank" in flag for flag in info["audit"]["flags"])
    assert (record.run_images["perturbation_l2"] == 0).all()


def test_some_failures_among_successes(tmp_path: Path) -> None:
    def attack(_classifier: object, images: Tensor, labels: Tensor) -> Tensor:
        return torch.where((labels == 0)[:, None, None, None], torch.zeros_like(images), 1 - images)

    record = run(tmp_path, color_net(), attack=attack)
    outcomes = record.run_images
    reds = outcomes[(outcomes["true_label"] == "red") & (outcomes["outcome"] != "wrong")]
    assert set(reds["outcome"]) == {"resisted"}
    assert record.info()["audit"]["unchanged"] == len(reds) > 0
    assert record.info()["successes"] == 22 - len(reds)


def _barely(step: float) -> Any:
    """Moves the brightest channel just below another one, by less than half a gray level."""

    def attack(classifier: Any, images: Tensor, labels: Tensor) -> Tensor:
        adversarial = images.clone()
        means = images.mean((2, 3))
        for row, label in enumerate(labels.tolist()):
            other = (label + 1) % 3
            adversarial[row, label] += means[row, other] - means[row, label] - step
        return adversarial

    return attack


@pytest.mark.parametrize(("step", "vanish"), [(1e-4, True), (4 / 255, False)])
def test_successes_that_vanish_at_8_bits(tmp_path: Path, step: float, vanish: bool) -> None:
    record = run(tmp_path, color_net(), attack=_barely(step))
    info = record.info()
    lost = info["successes"] - info["survive_8bit"]
    assert info["audit"]["lost_in_8bit"] == lost
    assert any("vanish when" in flag for flag in info["audit"]["flags"]) is vanish
    assert (lost > 0) is vanish

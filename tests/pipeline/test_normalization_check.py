"""The note about a normalization that is clearly better than that of the run, with both accuracies."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

import vulneuron as vn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2470, 0.2435, 0.2616)}
WIDTH = 0.01


class Narrow(nn.Module):
    """Tells two brightnesses apart around the `center` that it expects, and predicts class 2 elsewhere."""

    def __init__(self, center: float, width: float, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 4, 1), nn.ReLU())
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3)
        convolution = self.body[0]
        assert isinstance(convolution, nn.Conv2d)
        with torch.no_grad():
            # relu(s), relu(-s), relu(s - 2), relu(-s - 2) of the brightness s in widths from the center
            signs = torch.tensor([1.0, -1.0, 1.0, -1.0])
            convolution.weight.copy_(
                (signs / width / channels)[:, None, None, None].expand(4, channels, 1, 1)
            )
            convolution.bias.copy_(-signs * center / width - torch.tensor([0.0, 0.0, 2.0, 2.0]))  # type: ignore[union-attr]
            self.fc.weight.copy_(
                torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 9.0, 9.0]])
            )
            self.fc.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.flatten(self.pool(self.body(images)), 1))
        return logits


def dark_and_bright(
    count: int, center: float, width: float, channels: int = 3
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    labels = np.arange(count) % 2
    level = center + width * np.where(labels, 1, -1)
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.2, 0.2, (count, channels, 6, 6)) * width
    return (level[:, None, None, None] + noise).astype(np.float32), labels


def normalization_notes(
    folder: Path,
    net: nn.Module,
    images: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64] | None,
    **options: Any,
) -> list[str]:
    record = vn.analyze(
        net, images, labels, out=folder / "r.zarr", attack=lambda _net, benign, _: 1 - benign, **options
    )
    return [note for note in record.info()["notes"] if "normalization" in note]


@pytest.mark.parametrize(
    ("expected", "given", "name"),
    [
        ((0.5, 0.5), {}, "0.5"),
        ((0.0, 1.0), {"mean": MEAN, "std": STD}, "none"),
        ((0.0, 1.0), CIFAR, "none"),
        ((0.0, 1 / 255), {}, "pixels from 0 to 255"),
        ((0.0, 1 / 255), {"mean": MEAN, "std": STD}, "pixels from 0 to 255"),
    ],
    ids=["0.5 not given", "ImageNet's given", "CIFAR's given", "0 to 255", "0 to 255, ImageNet's given"],
)
def test_a_better_normalization_is_named_with_both_accuracies(
    tmp_path: Path, expected: tuple[float, float], given: dict[str, Any], name: str
) -> None:
    mean, std = expected
    net = Narrow((0.6 - mean) / std, WIDTH / std, 3)
    images, labels = dark_and_bright(80, 0.6, WIDTH)
    # Some images are right with the wrong normalization, too: it must be compared by accuracy, not by 0.
    labels[:8] = 2
    (note,) = normalization_notes(tmp_path, net, images, labels, **given)
    sample = re.search(r"of (\d+) images, the model classifies (\d+)% correctly with (.*?) \(mean", note)
    assert sample is not None
    assert (sample[1], sample[3]) == ("64", name)
    own = re.search(r"and (\d+)% with that of this run", note)
    assert own is not None
    assert 85 <= int(sample[2]) <= 95
    assert 5 <= int(own[1]) <= 15


@pytest.mark.parametrize("kind", ["right", "few images", "no labels", "wrong labels"])
def test_no_note_without_a_clearly_better_one(tmp_path: Path, kind: str) -> None:
    net = Narrow(0.6, WIDTH, 3)
    images, labels = dark_and_bright(6 if kind == "few images" else 40, 0.6, WIDTH)
    given: dict[str, Any] = {"right": {}, "wrong labels": {}}.get(kind, CIFAR)
    if kind == "few images":
        labels[0] = 2
    if kind == "wrong labels":
        labels = np.where(np.arange(40) % 4 < 2, labels, 1 - labels)
    notes = normalization_notes(tmp_path, net, images, None if kind == "no labels" else labels, **given)
    assert notes == []


def test_gray_images_are_compared_with_that_of_mnist(tmp_path: Path) -> None:
    net = Narrow((0.4 - 0.1307) / 0.3081, WIDTH / 0.3081, 1)
    images, labels = dark_and_bright(80, 0.4, WIDTH, 1)
    labels[:8] = 2
    (note,) = normalization_notes(tmp_path, net, images, labels)
    assert "MNIST's (mean 0.1307, std 0.3081)" in note


def test_all_classes_of_a_sorted_source_are_in_the_sample(tmp_path: Path) -> None:
    net = Narrow(0.6, WIDTH, 3)
    images, labels = dark_and_bright(200, 0.6, WIDTH)
    order = np.argsort(labels, kind="stable")
    images, labels = images[order], labels[order].copy()
    # The first hundred images are right with any normalization.
    images[:100], labels[:100] = 0.9, 2
    (note,) = normalization_notes(tmp_path, net, images, labels, mean=MEAN, std=STD)
    assert "correctly with none" in note
    assert "50% with that of this run, ImageNet's" in note

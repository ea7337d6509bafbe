"""Ensembles are refused, and the message says so; other networks that read the pixels twice are not."""

import time

import pytest
import torch
from torch import Tensor, nn

from nets import INPUT_SHAPE, average_pooled, flattened, randomized
from vulneuron import Classifier
from vulneuron.errors import ModelError


class Ensemble(nn.Module):
    def __init__(self, *nets: nn.Module) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([net(images) for net in self.nets]).mean(0)


class LateFusion(Ensemble):
    """Two backbones, whose outputs are concatenated before one dense layer."""

    def __init__(self, *nets: nn.Module) -> None:
        super().__init__(*nets)
        self.fc = nn.Linear(4 * len(nets), 4)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.cat([net(images * 2 - 1) for net in self.nets], dim=1))
        return logits


class Teacher(Ensemble):
    """Runs the second network without reading its output."""

    def forward(self, images: Tensor) -> Tensor:
        student, teacher = (net(images) for net in self.nets)
        self.agreement = (student.argmax(1) == teacher.argmax(1)).float().mean()
        logits: Tensor = student
        return logits


@pytest.mark.parametrize("layers", [None, "nets.0.0"])
@pytest.mark.parametrize(
    "net",
    [
        Ensemble(average_pooled(), average_pooled(), average_pooled()),
        Ensemble(average_pooled(), flattened()),
        LateFusion(average_pooled(), average_pooled()),
    ],
)
def test_ensembles_are_refused_by_name(net: Ensemble, layers: str | None) -> None:
    start = time.perf_counter()
    with pytest.raises(
        ModelError, match=rf"ensemble: {len(net.nets)} networks .*nets\.0, nets\.1.*model\.nets\.0"
    ):
        Classifier(net, input_shape=INPUT_SHAPE, layers=layers)
    assert time.perf_counter() - start < 5


def test_member_of_an_ensemble_is_analyzed() -> None:
    net = Ensemble(average_pooled(), average_pooled())
    assert Classifier(net.nets[0], input_shape=INPUT_SHAPE).split.kind == "linear"


def test_networks_whose_output_is_not_read_do_not_matter() -> None:
    classifier = Classifier(Teacher(randomized(average_pooled()), average_pooled()), input_shape=INPUT_SHAPE)
    assert (classifier.split.layer, classifier.split.dense) == ("nets.0.0", "nets.0.3")


class TwoStems(nn.Module):
    """Two convolutions of the pixels, whose feature maps are concatenated: one network."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 4, 3), nn.Linear(6, 4)
        self.join = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        maps = self.join(torch.cat([self.a(images), self.b(images)], 1))
        logits: Tensor = self.fc(maps.mean((2, 3)))
        return logits


def test_two_stems_are_one_network() -> None:
    assert Classifier(TwoStems(), input_shape=INPUT_SHAPE).split.layer == "join"

"""A network of several stages, and runs that record several of its layers."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

import vulneuron as vn
from runs import CLASS_NAMES, color_pictures
from vulneuron.record import Record

#: The layers in the order in which the network runs them.
LAYERS = ("1", "layers.deep", "3")


class NamedLayers(nn.Module):
    """Three stages, of which the last one is pooled into a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("1", nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU()))
        self.layers = nn.ModuleDict({"deep": nn.Conv2d(5, 7, 3, stride=2, padding=1)})
        self.add_module("3", nn.Sequential(nn.Conv2d(7, 6, 3, padding=1), nn.ReLU(inplace=True)))
        self.dense = nn.Linear(6, 3)

    def stages(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in LAYERS]

    def rest(self, features: Tensor, layer: str) -> Tensor:
        """Logits of the feature maps of a layer: the plain network from there on."""
        later = LAYERS.index(layer) + 1
        for stage in self.stages()[later:]:
            # The second stage is followed by a function that is not a module.
            features = stage(torch.relu(features) if stage is self.get_submodule("3") else features)
        logits: Tensor = self.dense(features.mean((2, 3)))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        features = self.get_submodule("1")(images)
        return self.rest(features, "1")


def named_layers() -> NamedLayers:
    """The network with random weights, and with small margins between the classes."""
    torch.manual_seed(3)
    net = NamedLayers().eval()
    pictures = torch.from_numpy(color_pictures(a_class=80, wrong=0)[0]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        net.dense.weight.mul_(30)
        net.dense.bias.sub_(net(pictures).mean(0))
    return net


def analyze(out: Path, layers: str | Sequence[str] | None, *, a_class: int = 12) -> Record:
    """The network's own predictions are the labels, so every image is attacked."""
    pictures, _ = color_pictures(a_class, wrong=0)
    return vn.analyze(
        named_layers(),
        pictures,
        out=out,
        class_names=CLASS_NAMES,
        layers=layers,
        batch_size=7,
        progress=False,
    )

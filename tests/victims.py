"""Small classifiers that predict different labels for different images and can be fooled."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.network import Classifier

SHAPE = (3, 8, 8)
CLASSES = 4


class PreciseConv(nn.Conv2d):
    """Computes in float64, so the summation order (batch size) changes no float32 gradient."""

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images.double(), self.weight.double(), None, self.stride, self.padding)


class PreciseLinear(nn.Linear):
    def forward(self, values: Tensor) -> Tensor:
        return F.linear(values.double(), self.weight.double(), self.bias.double())


def victim(seed: int = 0, *, steepness: float = 20.0) -> Classifier:
    """A smooth network in float64 with random weights, and logits centered on random images.

    Large `steepness` makes it easy to fool.
    """
    generator = torch.Generator().manual_seed(seed)
    linear = PreciseLinear(6, CLASSES)
    net = nn.Sequential(
        PreciseConv(3, 5, 3, padding=1),
        nn.Softplus(),
        PreciseConv(5, 6, 3, stride=2),
        nn.Softplus(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        linear,
    )
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    with torch.no_grad():
        linear.weight.mul_(steepness)
        linear.bias.sub_(net(torch.rand(200, *SHAPE, generator=generator)).mean(0))
    return Classifier(net, input_shape=SHAPE, device="cpu")


def random_images(count: int, seed: int = 0, *, contrast: float = 1.4) -> Tensor:
    """Images in [0, 1]; above a contrast of 1, many pixels are black or white, where projections clip."""
    generator = torch.Generator().manual_seed(seed)
    return (0.5 + (torch.rand(count, *SHAPE, generator=generator) - 0.5) * contrast).clamp(0, 1)


def predicted(classifier: Classifier, images: Tensor) -> Tensor:
    return classifier.logits(images).argmax(1).clone()

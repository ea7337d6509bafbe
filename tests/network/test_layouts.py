"""Networks that depend on the memory layout of their feature maps."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nets import INPUT_SHAPE, average_pooled, randomized, stem
from vulneuron import PGD, Classifier


class Viewing(nn.Module):
    """Flattens feature maps by `view`, which needs contiguous memory."""

    def __init__(self, view: Callable[[Tensor], Tensor], values: int) -> None:
        super().__init__()
        self.features, self.fc = nn.Sequential(*stem()), nn.Linear(values, 4)
        self.view = view

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.view(self.features(images)))
        return logits


VIEWS: dict[str, tuple[Callable[[Tensor], Tensor], int, str]] = {
    "flattened": (lambda maps: maps.view(maps.size(0), -1), 6 * 64, "none"),
    "rows": (lambda maps: maps.view(-1, 6 * 8, 8).mean(2), 6 * 8, "none"),
    "pooled locally": (lambda maps: F.max_pool2d(maps, 2).view(-1, 6 * 16), 6 * 16, "none"),
    "pooled globally": (lambda maps: maps.view(maps.size(0), 6, -1).mean(2), 6, "avg"),
    "pooled globally after a view": (
        lambda maps: maps.view(maps.size(0), -1).view(-1, 6, 64).mean(2),
        6,
        "avg",
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_view_in_forward(name: str) -> None:
    view, values, pool = VIEWS[name]
    net = randomized(Viewing(view, values)).eval()
    images = torch.rand(3, *INPUT_SHAPE)
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    with torch.no_grad():
        maps, logits = net.get_submodule("features")(images), net(images)
    activity = classifier.activity(images)
    assert (classifier.split.layer, classifier.split.pool, classifier.folded) == ("features", pool, 2)
    torch.testing.assert_close(activity.features, maps, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(activity.logits, logits, rtol=1e-4, atol=1e-5)
    assert classifier.split_error(activity) < 1e-4
    labels = logits.argmax(1)
    adversarial = PGD(steps=2)(classifier, images, labels, seeds=[0, 1, 2]).images
    assert (adversarial - images).abs().max() > 0


@pytest.mark.parametrize("kind", ["unused parameter", "buffer", "volume"])
def test_tensors_of_five_dimensions(kind: str) -> None:
    class Volume(nn.Module):
        """The convolution of a volume of one slice."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv3d(3, 3, (1, 3, 3), padding=(0, 1, 1))

        def forward(self, images: Tensor) -> Tensor:
            maps: Tensor = self.conv(images[:, :, None])
            return maps.squeeze(2)

    net = randomized(average_pooled()).eval()
    if kind == "unused parameter":
        net.register_parameter("positions", nn.Parameter(torch.zeros(1, 2, 3, 4, 5)))
    elif kind == "buffer":
        net.register_buffer("positions", torch.zeros(1, 2, 3, 4, 5))
    else:
        net = nn.Sequential(Volume(), *net.children())
    images = torch.rand(3, *INPUT_SHAPE)
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(classifier.logits(images), net(images), rtol=1e-4, atol=1e-5)
    assert classifier.split.kind == "linear"
    assert classifier.folded == 2

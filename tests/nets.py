"""Tiny networks with different heads between feature maps and logits."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def stem(neurons: int = 6) -> list[nn.Module]:
    return [
        nn.Conv2d(3, 5, 3, padding=1),
        nn.BatchNorm2d(5),
        nn.ReLU(inplace=True),
        nn.Conv2d(5, neurons, 3, stride=2, padding=1),
        nn.BatchNorm2d(neurons),
        nn.ReLU(inplace=True),
    ]


def average_pooled() -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*stem()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def max_pooled() -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*stem()), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def with_tail() -> nn.Sequential:
    tail = [
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(6),
        nn.Dropout(0.5),
        nn.Linear(6, 4, bias=False),
    ]
    return nn.Sequential(nn.Sequential(*stem()), *tail)


def dense_conv() -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*stem()), nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 4, 1), nn.Flatten())


def mlp_head() -> nn.Sequential:
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 8), nn.Hardswish(), nn.Linear(8, 4)]
    return nn.Sequential(nn.Sequential(*stem()), *head)


def flattened() -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*stem()), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 4 * 4, 4))


def logit_maps() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(*stem()), nn.Conv2d(6, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


class FunctionalTail(nn.Module):
    """Like DenseNet: the last ReLU, in place, and the pooling are functions, not modules."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*stem()[:-1])
        self.classifier = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.relu(self.features(images), inplace=True)
        logits: Tensor = self.classifier(maps.mean((2, 3)))
        return logits


class FunctionalHead(FunctionalTail):
    """Ends in a function that is not a module."""

    def forward(self, images: Tensor) -> Tensor:
        return F.log_softmax(super().forward(images), dim=1)


class FunctionalReLU6(FunctionalTail):
    """Its feature maps stay far below 6 on any image, so only other values distinguish ReLU6 from ReLU."""

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(F.relu6(self.features(images)).mean((2, 3)))
        return logits


class ReLUTwice(FunctionalTail):
    """The feature maps already come from a ReLU, but the forward method applies another one."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*stem())

    def forward(self, images: Tensor) -> Tensor:
        # Not in place, because autograd needs the result of the first one.
        logits: Tensor = self.classifier(F.relu(self.features(images)).mean((2, 3)))
        return logits


class SharedReLU(nn.Module):
    """One module that runs twice, and a final function: only the second call outputs the feature maps."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 6, 3, stride=2, padding=1)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.two(self.relu(self.one(images))))
        return F.log_softmax(self.fc(maps.mean((2, 3))), dim=1)


class NormalizedHead(SharedReLU):
    """The head is no chain of modules, and not affine."""

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.two(self.relu(self.one(images))))
        return F.linear(F.normalize(maps.mean((2, 3))), self.fc.weight)


class ReLUOfMapsAndHead(nn.Module):
    """One module that runs twice: only the first call outputs the feature maps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.fc = nn.Conv2d(3, 6, 3), nn.Linear(6, 8), nn.Linear(8, 4)
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        pooled = self.relu(self.conv(images)).mean((2, 3))
        logits: Tensor = self.fc(self.relu(self.hidden(pooled)))
        return logits


class FunctionalLogitMaps(nn.Module):
    """Like SqueezeNet, whose last feature maps are logits, with a final function."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*stem())
        self.logit_maps = nn.Conv2d(6, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        return F.log_softmax(self.logit_maps(self.features(images)).mean((2, 3)), dim=1)


class Cosine(nn.Linear):
    """A linear layer by type only."""

    def forward(self, values: Tensor) -> Tensor:
        return F.linear(F.normalize(values), F.normalize(self.weight)) * 5


class Dense(nn.Module):
    """A linear layer by computation only."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 6))

    def forward(self, values: Tensor) -> Tensor:
        return values @ self.weight.T


def pooled_into(head: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*stem()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


class Permute(nn.Module):
    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        return values.permute(self.axes)


class Mean(nn.Module):
    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        return values.mean(self.axes)


def transformer() -> nn.Sequential:
    """Like ViT: patch embedding by a convolution, then attention."""
    block = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
    return nn.Sequential(
        nn.Conv2d(3, 6, 4, 4), nn.Flatten(2), Permute(0, 2, 1), block, Mean(1), nn.Linear(6, 4)
    )


def channels_last() -> nn.Sequential:
    """Like Swin: channels last after the patch embedding."""
    patches = nn.Conv2d(3, 6, 4, 4)
    return nn.Sequential(
        patches, Permute(0, 2, 3, 1), nn.Linear(6, 8), nn.LayerNorm(8), Mean(1, 2), nn.Linear(8, 4)
    )


class Branching(nn.Module):
    """Two concatenated branches, so the target layer is not a single convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*stem(4))
        self.left, self.right = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 3, padding=1)
        self.join = nn.ReLU(inplace=True)
        self.fc = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.body(images)
        maps = self.join(torch.cat([self.left(maps), self.right(maps)], dim=1))
        logits: Tensor = self.fc(torch.flatten(F.adaptive_avg_pool2d(maps, 1), 1))
        return logits


#: Builder, and expected split: target layer, activation, pooling, kind of head.
NETS: dict[str, tuple[Callable[[], nn.Module], tuple[str, str, str, str]]] = {
    "average pooled": (average_pooled, ("0", "identity", "avg", "linear")),
    "max pooled": (max_pooled, ("0", "identity", "max", "linear")),
    "tail of LayerNorm": (with_tail, ("0", "identity", "avg", "linear")),
    "dense layer as convolution": (dense_conv, ("0", "identity", "avg", "linear")),
    "MLP head": (mlp_head, ("0", "identity", "avg", "nonlinear")),
    "no global pooling": (flattened, ("0", "identity", "none", "nonlinear")),
    "1x1 logit maps": (logit_maps, ("0", "identity", "none", "nonlinear")),
    "functional ReLU and pooling": (FunctionalTail, ("features", "relu", "avg", "linear")),
    "functional ReLU6": (FunctionalReLU6, ("features", "relu6", "avg", "linear")),
    "ReLU twice": (ReLUTwice, ("features", "relu", "avg", "linear")),
    "shared ReLU": (SharedReLU, ("relu", "identity", "avg", "linear")),
    "functional normalized head": (NormalizedHead, ("relu", "identity", "avg", "rerun")),
    "ReLU of maps and head": (ReLUOfMapsAndHead, ("relu", "identity", "avg", "nonlinear")),
    "functional logit maps": (FunctionalLogitMaps, ("features", "identity", "avg", "linear")),
    "cosine head": (lambda: pooled_into(Cosine(6, 4)), ("0", "identity", "avg", "nonlinear")),
    "own dense layer": (lambda: pooled_into(Dense()), ("0", "identity", "avg", "linear")),
    "functional head": (FunctionalHead, ("features", "relu", "avg", "linear")),
    "branches": (Branching, ("join", "identity", "avg", "linear")),
}
INPUT_SHAPE = (3, 16, 16)


def randomized(net: nn.Module) -> nn.Module:
    """Give batch normalizations nontrivial statistics."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return net

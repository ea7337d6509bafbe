"""Random traceable networks for Hypothesis: layers of all kinds, branches, heads."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import reject
from hypothesis import strategies as st
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network import Classifier

CLASSES = 5


class Sum(nn.Module):
    """A residual branch, with a projection where the shape changes."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, *, inplace: bool) -> None:
        super().__init__()
        self.body, self.shortcut, self.inplace = body, shortcut, inplace

    def forward(self, features: Tensor) -> Tensor:
        result = self.body(features)
        result += self.shortcut(features)
        return F.relu(result, inplace=self.inplace)


class Concatenated(nn.Module):
    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([branch(features) for branch in self.branches], 1)


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(self.gate(features.mean((2, 3), keepdim=True)))


class Shuffle(nn.Module):
    """Reads sizes and reshapes, as ShuffleNet does."""

    def forward(self, features: Tensor) -> Tensor:
        count, channels, rows, columns = features.size()
        features = features.view(count, 2, channels // 2, rows, columns).transpose(1, 2)
        return features.reshape(count, channels, rows, columns)


class Watched(nn.Module):
    """Reads whole feature maps without using the result, like networks that collect statistics."""

    def forward(self, features: Tensor) -> Tensor:
        gate = torch.sigmoid(features)
        features.flatten(1).norm(dim=1)
        return features * gate


class Transposed(nn.Module):
    """Looks local on square crops on the diagonal."""

    def forward(self, features: Tensor) -> Tensor:
        return features.transpose(2, 3)


class FunctionalPools(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        highest: Tensor = F.max_pool2d(features, 3, stride=2, padding=1)
        return highest - F.avg_pool2d(features, 3, stride=2, padding=1)


class Reused(nn.Module):
    """Changes its input in place and reads it again."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        features = features * 1.0
        changed: Tensor = self.relu(features)
        return changed - 0.5 * features


ACTIVATIONS = [nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.PReLU, nn.Tanh]
INPLACE = [nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish]


@dataclass
class _LayerMaker:
    """Draws layers, and tracks the number of channels and the size of their output."""

    draw: st.DrawFn
    image: tuple[int, int]
    channels: int
    sizes: tuple[int, ...]

    @property
    def side(self) -> int:
        return min(self.sizes)

    def convolution(self, outputs: int, *, stride: bool = True) -> nn.Module:
        kernel = self.draw(st.sampled_from([1, 2, 3, 5]))
        dilation = self.draw(st.sampled_from([1, 1, 2]))
        reach = dilation * (kernel - 1) + 1
        paddings = [pad for pad in range(kernel) if self.side + 2 * pad >= reach]
        groups = self.draw(st.sampled_from([1, 1, 2, self.channels]))
        groups = groups if self.channels % groups == 0 and outputs % groups == 0 else 1
        if not paddings:
            return nn.Conv2d(self.channels, outputs, 1, groups=groups)
        if kernel % 2 and self.draw(st.integers(0, 5)) == 0:
            return nn.Conv2d(self.channels, outputs, kernel, padding="same", dilation=dilation, groups=groups)
        return nn.Conv2d(
            self.channels,
            outputs,
            kernel,
            stride=self.draw(st.sampled_from([1, 1, 2, 3])) if stride else 1,
            padding=self.draw(st.sampled_from(paddings)),
            dilation=dilation,
            groups=groups,
            bias=self.draw(st.booleans()),
        )

    def unit(self, outputs: int) -> nn.Module:
        layers = [self.convolution(outputs)]
        if self.draw(st.booleans()):
            layers.append(nn.BatchNorm2d(outputs))
        kind = self.draw(st.sampled_from(ACTIVATIONS))
        layers.append(kind(inplace=True) if kind in INPLACE and self.draw(st.booleans()) else kind())
        return nn.Sequential(*layers)

    def same_size(self, outputs: int) -> nn.Module:
        kernel = self.draw(st.sampled_from([1, 3, 5]))
        return nn.Conv2d(self.channels, outputs, kernel, padding=kernel // 2)

    def pool(self) -> nn.Module:
        kernel = self.draw(st.sampled_from([2, 3]))
        if self.side < kernel:
            return nn.Identity()
        stride = self.draw(st.sampled_from([1, 2, None]))
        padding, ceil = self.draw(st.integers(0, kernel // 2)), self.draw(st.booleans())
        if self.draw(st.booleans()):
            dilation = 2 if self.side + 2 * padding > 2 * kernel and self.draw(st.booleans()) else 1
            return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
        return nn.AvgPool2d(
            kernel, stride, padding, ceil_mode=ceil, count_include_pad=self.draw(st.booleans())
        )

    def block(self) -> nn.Module:
        kind = self.draw(
            st.sampled_from(["unit", "unit", "unit", "pool", "residual", "concatenated", "rare"])
        )
        outputs = self.draw(st.sampled_from([2, 4, 6]))
        if kind == "unit":
            return self.unit(outputs)
        if kind == "pool":
            return self.pool()
        if kind == "residual":
            body = nn.Sequential(
                self.same_size(self.channels), nn.ReLU(inplace=True), self.same_size(outputs)
            )
            same = outputs == self.channels
            shortcut = nn.Identity() if same else nn.Conv2d(self.channels, outputs, 1)
            return Sum(body, shortcut, inplace=self.draw(st.booleans()))
        if kind == "concatenated":
            return Concatenated(
                self.same_size(outputs), nn.Identity(), nn.Sequential(self.same_size(2), nn.ReLU())
            )
        rare: list[nn.Module] = [
            SqueezeExcitation(self.channels),
            nn.Dropout(),
            Watched(),
            Reused(),
            nn.GroupNorm(1, self.channels),
        ]
        if self.channels % 2 == 0:
            rare.append(Shuffle())
        if len(set(self.sizes)) == 1:
            rare.append(Transposed())
        if self.side >= 3:
            rare.append(FunctionalPools())
        return self.draw(st.sampled_from(rare))

    def add(self, layers: nn.Sequential) -> None:
        layers.append(self.block())
        with torch.no_grad():
            output = layers.eval()(torch.zeros(1, 3, *self.image))
        self.channels, self.sizes = output.shape[1], tuple(output.shape[2:])


@st.composite
def classifiers(draw: st.DrawFn) -> Classifier:
    image = draw(st.integers(6, 20)), draw(st.integers(6, 20))
    maker = _LayerMaker(draw, image, 3, image)
    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    maker.channels = 4
    for _ in range(draw(st.integers(1, 6))):
        maker.add(body)
    channels = maker.channels
    pools: dict[str, tuple[nn.Module, int]] = {
        "average": (nn.AdaptiveAvgPool2d(1), channels),
        "maximum": (nn.AdaptiveMaxPool2d(1), channels),
        "none": (nn.Identity(), channels * math.prod(maker.sizes)),
    }
    pool, inputs = pools[draw(st.sampled_from(sorted(pools)))]
    net = nn.Sequential(body, pool, nn.Flatten(), nn.Linear(inputs, CLASSES))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # He initialization keeps the scale, so a patch changes the logits noticeably.
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, std=(2 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.3, 0.3, generator=generator)
            nn.init.uniform_(module.running_var, 0.5, 2, generator=generator)
    fold = draw(st.booleans())
    try:
        return Classifier(net.eval(), input_shape=(3, *image), device="cpu", fold=fold, layers="0")
    except ModelError as error:
        # A few cells in a shape unlike the image's are not recognized as feature maps.
        if "no spatial feature maps" not in str(error):
            raise
        reject()

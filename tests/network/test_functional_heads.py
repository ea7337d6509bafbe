"""Feature maps behind functions of a forward method, and heads that are affine in the activations."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torchvision
from torch import Tensor, nn

from nets import randomized
from vulneuron import Classifier
from vulneuron.errors import ModelError

SHAPE = (3, 16, 16)
IMAGES = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(0))
Function = Callable[[Tensor], Tensor]


class Net(nn.Module):
    """Convolution, activation, pooling and dense layer, followed by a function of the logits."""

    def __init__(
        self,
        activation: Function = F.relu,
        pool: Function = lambda maps: maps.mean((2, 3)),
        after: Function = lambda logits: logits,
    ) -> None:
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 5)
        self.activation, self.pool, self.after = activation, pool, after

    def maps(self, images: Tensor) -> Tensor:
        return self.activation(self.bn(self.conv(images)))

    def forward(self, images: Tensor) -> Tensor:
        return self.after(self.fc(self.pool(self.maps(images))))


def classified(net: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Classifier:
    torch.manual_seed(0)
    return Classifier(randomized(net).eval(), input_shape=shape, device="cpu")


def swish(values: Tensor) -> Tensor:
    return values * torch.sigmoid(values)


def relu_by_indexing(values: Tensor) -> Tensor:
    result = values.clone()
    result[result < 0] = 0
    return result


ACTIVATIONS: dict[str, Function] = {
    "leaky_relu": lambda values: F.leaky_relu(values, 0.2),
    "elu": F.elu,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "mish": F.mish,
    "relu in place": lambda values: values.relu_(),
    "clamp": lambda values: values.clamp(min=0, max=3),
    "hardtanh": F.hardtanh,
    "swish of two functions": swish,
    "square root of the magnitude": lambda values: values.abs().sqrt(),
    "maximum": lambda values: torch.maximum(values, torch.zeros(())),
    "assignment to items": relu_by_indexing,
    "dropout after": lambda values: F.dropout(F.relu(values), training=False),
    "scale and shift": lambda values: F.relu(values) * 2 - 0.5,
}


@pytest.mark.parametrize("pool", [lambda maps: maps.mean((2, 3)), lambda maps: maps.amax((2, 3))])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_feature_maps_are_those_behind_a_functional_activation(name: str, pool: Function) -> None:
    net = Net(ACTIVATIONS[name], pool)
    classifier = classified(net)
    activity = classifier.activity(IMAGES)
    with torch.no_grad():
        maps = net.maps(IMAGES)
        torch.testing.assert_close(activity.features, maps, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(activity.activations, pool(maps), rtol=1e-4, atol=1e-5)
    assert classifier.split.kind == "linear"
    assert classifier.weights is not None
    torch.testing.assert_close(classifier.weights, net.fc.weight.detach())


class HalvingByNumPy(torch.autograd.Function):
    """A function whose derivative works for one vector at a time only."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return values / 2

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return torch.from_numpy(gradient.numpy() / 2)


SUBSET = [4, 0, 2]
AFFINE: dict[str, tuple[Function, Function]] = {
    "temperature": (lambda logits: logits / 1.5, lambda weight: weight / 1.5),
    "subset of classes": (lambda logits: logits[:, SUBSET], lambda weight: weight[SUBSET]),
    "order of classes": (lambda logits: logits.flip(1), lambda weight: weight.flip(0)),
    "index_select": (
        lambda logits: logits.index_select(1, torch.tensor(SUBSET)),
        lambda weight: weight[SUBSET],
    ),
    "shift": (lambda logits: logits - 3, lambda weight: weight),
    "difference of logits": (
        lambda logits: logits[:, 1:] - logits[:, :1],
        lambda weight: weight[1:] - weight[:1],
    ),
    "centered": (
        lambda logits: logits - logits.mean(1, keepdim=True),
        lambda weight: weight - weight.mean(0),
    ),
    "function without a batched derivative": (HalvingByNumPy.apply, lambda weight: weight / 2),
    "second matrix": (
        lambda logits: logits @ torch.ones(5, 3).tril(),
        lambda weight: torch.ones(5, 3).tril().T @ weight,
    ),
}


@pytest.mark.parametrize("name", AFFINE)
def test_head_is_linear_if_logits_are_affine_in_the_activations(name: str) -> None:
    after, expected = AFFINE[name]
    net = Net(after=after)
    classifier = classified(net)
    activity = classifier.activity(IMAGES)
    assert (classifier.split.kind, classifier.split.pool) == ("linear", "avg")
    assert classifier.weights is not None
    with torch.no_grad():
        torch.testing.assert_close(classifier.weights, expected(net.fc.weight), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(activity.features, net.maps(IMAGES), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(classifier.dense(activity.activations), net(IMAGES), rtol=1e-4, atol=1e-5)


class MatrixHead(Net):
    """The dense layer is a product with a parameter."""

    def __init__(self) -> None:
        super().__init__()
        del self.fc
        self.weight = nn.Parameter(torch.randn(5, 6))

    def forward(self, images: Tensor) -> Tensor:
        return self.maps(images).mean((2, 3)) @ self.weight.T


class Einsum(MatrixHead):
    def forward(self, images: Tensor) -> Tensor:
        return torch.einsum("nkij,ck->nc", self.maps(images), self.weight) / (14 * 14)


@pytest.mark.parametrize("build", [MatrixHead, Einsum])
def test_product_with_a_parameter_is_a_linear_head(build: Callable[[], MatrixHead]) -> None:
    net = build()
    classifier = classified(net)
    assert (classifier.split.kind, classifier.split.pool, classifier.split.activation) == (
        "linear",
        "avg",
        "relu",
    )
    assert classifier.weights is not None
    torch.testing.assert_close(classifier.weights, net.weight.detach(), rtol=1e-4, atol=1e-5)


def by_hand(logits: Tensor) -> Tensor:
    exponentials = (logits - logits.amax(1, keepdim=True)).exp()
    return exponentials / exponentials.sum(1, keepdim=True)


@pytest.mark.parametrize(
    "after",
    [
        lambda logits: F.softmax(logits, 1),
        lambda logits: F.log_softmax(logits, 1),
        lambda logits: logits.softmax(-1),
        nn.Softmax(1),
        nn.LogSoftmax(1),
        lambda logits: logits - logits.logsumexp(1, keepdim=True),
    ],
)
def test_final_softmax_is_undone(after: Function) -> None:
    net = Net(after=lambda logits: after(logits * 9))
    classifier = classified(net)
    with torch.no_grad():
        logits = net.fc(net.maps(IMAGES).mean((2, 3))) * 9
    assert classifier.returns_probabilities
    assert (classifier.split.kind, classifier.split.pool) == ("linear", "avg")
    result = classifier.logits(IMAGES)
    torch.testing.assert_close(result.softmax(1), logits.softmax(1), rtol=1e-4, atol=1e-5)
    difference = classifier.dense(classifier.activity(IMAGES).activations) - logits
    torch.testing.assert_close(difference, difference[:, :1].expand_as(difference), rtol=1e-4, atol=1e-4)


def test_logits_are_no_probabilities() -> None:
    assert not classified(Net()).returns_probabilities
    # Attention inside the network is none either.
    assert not classified(Net(lambda maps: maps * F.softmax(maps, 1))).returns_probabilities


@pytest.mark.parametrize(
    "after", [torch.sigmoid, F.logsigmoid, nn.Sigmoid(), lambda logits: logits.sigmoid()]
)
def test_final_sigmoid_is_refused(after: Function) -> None:
    with pytest.raises(ModelError, match="ends in a sigmoid"):
        classified(Net(after=after))


@pytest.mark.parametrize("after", [by_hand, lambda logits: (by_hand(logits) + by_hand(-logits)) / 2])
def test_probabilities_of_unknown_functions_are_refused(after: Function) -> None:
    with pytest.raises(ModelError, match=r"returns probabilities.*return the values before the softmax"):
        classified(Net(after=after))


HEADS: dict[str, Function] = {
    "normalized features": lambda pooled: F.normalize(pooled) @ torch.arange(30.0).reshape(6, 5).sin(),
    "squared features": lambda pooled: pooled**2 @ torch.arange(30.0).reshape(6, 5).sin(),
}


@pytest.mark.parametrize("name", HEADS)
def test_functional_head_that_is_not_affine_reads_the_pooled_maps(name: str) -> None:
    net = Net(F.leaky_relu)
    net.fc = nn.Identity()  # type: ignore[assignment]
    net.after = HEADS[name]
    classifier = classified(net)
    split = classifier.split
    assert (split.kind, split.pool) == ("rerun", "avg")
    activity = classifier.activity(IMAGES)
    with torch.no_grad():
        torch.testing.assert_close(activity.features, net.maps(IMAGES), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(classifier.head(activity.features), activity.logits, rtol=1e-4, atol=1e-5)
    gradients = classifier.gradients(activity.features, torch.zeros(8, dtype=torch.long))
    maps = activity.features.clone().requires_grad_()
    HEADS[name](maps.mean((2, 3)))[:, 0].sum().backward()
    torch.testing.assert_close(gradients, maps.grad, rtol=1e-4, atol=1e-6)


UNPOOLED: dict[str, Function] = {
    "average and maximum": lambda maps: maps.mean((2, 3)) + maps.amax((2, 3)),
    "logsumexp": lambda maps: maps.flatten(2).logsumexp(2),
    "part of the maps": lambda maps: maps[:, :, 2:-2, 2:-2].mean((2, 3)),
}


@pytest.mark.parametrize("name", UNPOOLED)
def test_maps_before_another_pooling_are_those_behind_the_activation(name: str) -> None:
    net = Net(F.leaky_relu, UNPOOLED[name])
    classifier = classified(net)
    assert (classifier.split.kind, classifier.split.pool) == ("rerun", "none")
    activity = classifier.activity(IMAGES)
    with torch.no_grad():
        torch.testing.assert_close(activity.features, net.maps(IMAGES), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(classifier.head(activity.features), activity.logits, rtol=1e-4, atol=1e-5)


def test_flattened_maps_are_those_behind_a_functional_activation() -> None:
    class Flattened(Net):
        """Like VGG, with a functional activation."""

        def __init__(self) -> None:
            super().__init__(F.leaky_relu)
            self.flatten, self.fc = nn.Flatten(), nn.Linear(6 * 14 * 14, 5)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.fc(self.flatten(self.maps(images)))
            return logits

    net = Flattened()
    classifier = classified(net)
    split = classifier.split
    assert (split.activation, split.pool, split.kind) == ("leaky_relu", "none", "nonlinear")
    with torch.no_grad():
        torch.testing.assert_close(
            classifier.activity(IMAGES).features, net.maps(IMAGES), rtol=1e-4, atol=1e-5
        )


def test_autocast_inside_the_network() -> None:
    class Autocast(Net):
        def forward(self, images: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return super().forward(images)

    split = classified(Autocast()).split
    assert (split.kind, split.pool, split.activation) == ("linear", "avg", "relu")


def test_global_max_over_a_channel_that_is_negative_everywhere() -> None:
    net = Net(F.relu, lambda maps: maps.amax((2, 3)))
    randomized(net)
    with torch.no_grad():
        net.bn.bias[2] = -50
    classifier = Classifier(net.eval(), input_shape=SHAPE, device="cpu")
    activity = classifier.activity(IMAGES)
    assert classifier.split.activation == "relu"
    assert (activity.features[:, 2] == 0).all()
    assert classifier.check_split(activity) <= 1e-4


@pytest.mark.parametrize(
    ("build", "side", "layer", "neurons"),
    [
        (lambda: torchvision.models.resnet18(num_classes=10), 32, "layer4", 512),
        (lambda: torchvision.models.mobilenet_v2(num_classes=10), 32, "features", 1280),
        (lambda: torchvision.models.densenet121(num_classes=10), 32, "features", 1024),
    ],
)
def test_maps_of_one_position(build: Callable[[], nn.Module], side: int, layer: str, neurons: int) -> None:
    split = classified(build(), (3, side, side)).split
    assert split.layer.startswith(layer)
    assert (split.neurons, split.map_shape) == (neurons, (1, 1))


def test_pooled_values_are_no_maps_of_one_position() -> None:
    class PooledConvolution(nn.Module):
        """Like MobileNetV3: a convolution reads the pooled maps, here with functional activations."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 9, 1), nn.Linear(9, 4)

        def forward(self, images: Tensor) -> Tensor:
            pooled = F.relu(self.conv(images)).mean((2, 3), keepdim=True)
            logits: Tensor = self.fc(F.hardswish(self.head(pooled)).flatten(1))
            return logits

    split = classified(PooledConvolution()).split
    assert (split.layer, split.activation, split.pool, split.kind) == ("conv", "relu", "avg", "rerun")

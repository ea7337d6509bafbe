"""The split of a network: ``logits == head(tail(pool(features)))``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from vulneuron.errors import ModelError
from vulneuron.network.taps import Tap

HeadKind = Literal["linear", "nonlinear", "rerun"]
PoolKind = Literal["avg", "max", "none"]

POOLS: dict[PoolKind, Callable[[Tensor], Tensor]] = {
    "avg": lambda features: features.mean((2, 3)),
    "max": lambda features: features.amax((2, 3)),
}
_POOL_NAMES = {"avg": "global average pooling", "max": "global max pooling", "none": "no global pooling"}

#: Largest relative difference between the logits of the split and of the network, by the least precise type
#: that the network computes in.
TOLERANCE = 1e-4
TOLERANCES = {torch.float64: TOLERANCE, torch.float32: TOLERANCE, torch.float16: 5e-3, torch.bfloat16: 4e-2}


@dataclass(frozen=True)
class Step:
    """One module of the head: its name, and the shape of its input, without the batch."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class AffineHead:
    """A head that is affine in the activations: ``logits = activations @ weight.T + bias``.

    Attributes
    ----------
    weight
        ``(class, neuron)``.
    bias
        ``(class,)``; zeros if the dense layer has none.
    layer
        Name of the dense layer; None if the head consists of several steps, such as a dense layer and a
        scale of the logits.
    """

    weight: Tensor
    bias: Tensor
    layer: str | None

    def __call__(self, activations: Tensor) -> Tensor:
        """Logits ``(n, class)`` of activations ``(n, neuron)``."""
        return activations @ self.weight.T + self.bias


@dataclass(frozen=True)
class Split:
    r"""Split of a network into target layer, pooling, and head.

    Attributes
    ----------
    tap
        Where the feature maps are: the output of the target layer, or of a function applied to it.
    pool
        "avg" or "max" for a global pooling; "none" if the head reads the feature maps themselves (VGG).
    tail
        Modules between pooling and dense layer that keep one number per neuron (flatten, dropout, LayerNorm).
    head
        Modules from there to the logits.
    kind
        "linear": affine in the activations, so contribution = activation x weight. "nonlinear": several
        modules; contributions are gradient x activation. "rerun": the head is not a chain of modules, and is
        computed by running the network with the feature maps replaced; contributions as for "nonlinear".
    neurons
        Number of feature maps.
    map_shape
        ``(row, column)`` of a feature map.
    affine
        Weights of a linear head; None otherwise.
    error
        max \|head(tail(pool(features))) - logits\| / max \|logits\|: the larger error of images not used in
        the search and of random feature maps.
    """

    tap: Tap
    pool: PoolKind
    tail: tuple[Step, ...]
    head: tuple[Step, ...]
    kind: HeadKind
    neurons: int
    map_shape: tuple[int, int]
    affine: AffineHead | None = field(default=None, compare=False)
    error: float = 0.0

    @property
    def layer(self) -> str:
        """Dotted name of the target layer."""
        return self.tap.layer

    @property
    def activation(self) -> str:
        """Functions between the target layer and the pooling; "identity" if there are none."""
        return self.tap.activation

    @property
    def activation_meaning(self) -> str:
        """Description of the activations."""
        if self.kind == "linear" and self.dense is not None:
            return "input of the dense layer"
        return "maximum of the feature map" if self.pool == "max" else "mean of the feature map"

    @property
    def contribution_meaning(self) -> str:
        """Description of the contributions."""
        return "activation x weight" if self.kind == "linear" else "gradient x activation"

    @property
    def dense(self) -> str | None:
        """Name of the dense layer; None if the head is not linear, or consists of several steps."""
        return None if self.affine is None else self.affine.layer

    def describe(self) -> str:
        """Describe the target layer and everything after it, in one line."""
        activation = "" if self.activation == "identity" else f", {self.activation}"
        count = "1 module" if len(self.head) == 1 else f"{len(self.head)} modules"
        linear = f"dense layer {self.dense}" if self.dense else "linear head of several steps"
        heads = {
            "linear": linear,
            "nonlinear": f"head of {count}, contributions by gradient x activation",
            "rerun": "head by rerunning the network, contributions by gradient x activation",
        }
        return f"{self.layer}{activation}, {_POOL_NAMES[self.pool]}, {heads[self.kind]}"


def wrong_split(split: Split, error: float, tolerance: float) -> ModelError:
    """The error for a split that does not reproduce the network's logits."""
    return ModelError(
        f"the split of the network at {split.describe()} changes the logits by {error:.1e}",
        allowed=f"a relative difference of at most {tolerance:g}",
        fix="name the layer that the global pooling reads with --layer",
    )

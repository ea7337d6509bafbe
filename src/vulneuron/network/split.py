"""Finds the target layer of a network, and proposes the split ``logits == head(tail(pool(features)))``.

The search does not depend on architectures: the network runs once on probe images, the input and output of
every module are saved, and the split is inferred from these values.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network.probes import same_values
from vulneuron.network.tracing import Call, has_weights, trace_calls, weighted_calls

HeadKind = Literal["linear", "nonlinear", "rerun"]
PoolKind = Literal["avg", "max", "none"]

TOLERANCE = 1e-4

#: Functions that a forward method may apply between the target layer and the pooling (DenseNet: ``relu``).
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda features: features,
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "gelu": F.gelu,
    "hardswish": F.hardswish,
}
POOLS: dict[PoolKind, Callable[[Tensor], Tensor]] = {
    "avg": lambda features: features.mean((2, 3)),
    "max": lambda features: features.amax((2, 3)),
}
_LOCAL_POOLS = (
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.AvgPool2d,
    nn.MaxPool2d,
)


@dataclass(frozen=True)
class Step:
    """One module of the head: its name, and the shape of its input, without the batch."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    r"""Split of a network into target layer, pooling, and head.

    Attributes
    ----------
    layer
        Dotted name of the target layer, whose output gives the feature maps.
    activation
        Point-wise function between the layer's output and the pooling; usually "identity".
    pool
        "avg" or "max" for a global pooling; "none" if the head reads the feature maps themselves (VGG).
    tail
        Modules between pooling and dense layer that keep one number per neuron (flatten, dropout, LayerNorm).
    head
        Modules from there to the logits.
    kind
        "linear": one dense layer, so contribution = activation x weight. "nonlinear": several modules;
        contributions are gradient x activation. "rerun": the head is not a chain of modules, and is computed
        by running the network with the target layer's output replaced; contributions as for "nonlinear".
    neurons
        Number of channels of the target layer.
    map_shape
        ``(row, column)`` of a feature map.
    call
        Index of the call of this module in a forward pass that gives the feature maps, if it runs several
        times.
    error
        max \|head(tail(pool(features))) - logits\| / max \|logits\|: the larger error of images not used in
        the search and of random feature maps.
    """

    layer: str
    activation: str
    pool: PoolKind
    tail: tuple[Step, ...]
    head: tuple[Step, ...]
    kind: HeadKind
    neurons: int
    map_shape: tuple[int, int]
    call: int = 0
    error: float = 0.0

    @property
    def activation_meaning(self) -> str:
        """Description of the activations."""
        if self.kind == "linear":
            return "input of the dense layer"
        return "maximum of the feature map" if self.pool == "max" else "mean of the feature map"

    @property
    def contribution_meaning(self) -> str:
        """Description of the contributions."""
        return "activation x weight" if self.kind == "linear" else "gradient x activation"

    @property
    def dense(self) -> str | None:
        """Name of the dense layer; None if the head is not linear."""
        return self.head[0].name if self.kind == "linear" else None

    def describe(self) -> str:
        """Describe the target layer and everything after it, in one line."""
        activation = "" if self.activation == "identity" else f", {self.activation}"
        pool = {"avg": "global average pooling", "max": "global max pooling", "none": "no global pooling"}
        heads = {
            "linear": f"dense layer {self.dense}",
            "nonlinear": f"head of {len(self.head)} modules, contributions by gradient x activation",
            "rerun": "head by rerunning the network, contributions by gradient x activation",
        }
        return f"{self.layer}{activation}, {pool[self.pool]}, {heads[self.kind]}"


def find_splits(
    net: nn.Module, probe: Tensor, logits: Tensor, *, layer: str | None = None
) -> Iterator[Split]:
    """Propose splits of a network that hold on the probe images, the best first; none is verified yet.

    Candidates are the modules with a 4-D output, from the last to the first. First come those whose globally
    pooled output reaches the logits through a chain of modules, then those whose feature maps do so without
    pooling, then the last candidate, with the head computed by rerunning the network.

    Parameters
    ----------
    net
        A network in eval mode that maps images to logits.
    probe
        Images ``(n, channel, y, x)``, n >= 2, that differ from each other.
    logits
        ``(n, class)``, the network's output on them.
    layer
        Dotted name of the target layer; None to search for it.

    Raises
    ------
    ModelError
        If no module has spatial feature maps, or `layer` has none. If no layer is named, also if all feature
        maps are logit maps, or a layer after the last ones reads tokens (transformers, MLP mixers).
    """
    calls = trace_calls(net, probe)
    candidates = _candidates(calls, probe, layer)
    if not candidates:
        raise _no_feature_maps(calls, probe, layer)
    spatial = [call for call in candidates if call.out.shape[-1] * call.out.shape[-2] > 1]
    flat = [call for call in candidates if call.out.shape[-1] * call.out.shape[-2] == 1]
    token_calls = [call for call in weighted_calls(calls) if not _reads_features_or_vectors(call, probe)]
    if layer is not None:
        token_calls = []
    for group in (spatial, flat):
        for call in group:
            yield from _splits(call, calls, logits, ("avg", "max"))
        for call in group:
            if not _after(call, token_calls):
                yield from _splits(call, calls, logits, ("none",))
    for call in spatial or flat:
        is_logit_map = call.out.shape[1] == logits.shape[1] and not _after(call, weighted_calls(calls))
        if layer is not None or not is_logit_map:
            if later_token_calls := _after(call, token_calls):
                raise _not_a_cnn(call, later_token_calls[0])
            yield _split(call, "identity", "none", (), (), "rerun")
            return
    raise ModelError(
        "the model's only feature maps are logit maps",
        allowed="a network with weights after the last feature maps",
        fix="name the layer to analyze with --layer",
    )


def _after(call: Call, calls: list[Call]) -> list[Call]:
    return [later for later in calls if later.start > call.end]


def _candidates(calls: list[Call], probe: Tensor, layer: str | None) -> list[Call]:
    candidates = []
    for call in reversed(calls):
        if not _are_feature_maps(call.out, probe) or (layer is not None and call.name != layer):
            continue
        unchanged = call.out.shape == call.read.shape and torch.equal(call.out, call.read)
        idle = unchanged and not has_weights(call)
        if layer is None and (idle or isinstance(call.module, _LOCAL_POOLS)):
            continue
        candidates.append(call)
    return candidates


def _are_feature_maps(values: Tensor, images: Tensor) -> bool:
    """Whether values are ``(n, channel, h, w)``, not ``(n, h, w, channel)``, by the images' aspect ratio."""
    if values.ndim != 4 or len(values) != len(images):
        return False
    height, width = images.shape[2:]

    def same_aspect(rows: int, columns: int) -> bool:
        return abs(rows * width - columns * height) <= max(height, width)

    a, b, c = values.shape[1:]
    return same_aspect(b, c) or not same_aspect(a, b)


def _reads_features_or_vectors(call: Call, images: Tensor) -> bool:
    is_vector = call.read.ndim == 2 and len(call.read) == len(images)
    return is_vector or _are_feature_maps(call.read, images)


def _splits(call: Call, calls: list[Call], logits: Tensor, kinds: tuple[PoolKind, ...]) -> Iterator[Split]:
    for activation, function in ACTIVATIONS.items():
        features = function(call.out)
        for kind in kinds:
            pooled = POOLS[kind](features) if kind in POOLS else features
            chain = _chain(pooled, _after(call, calls), logits)
            # An empty chain means that the values already are the logits (SqueezeNet's 1x1 logit map).
            if chain and any(has_weights(link) for link in chain):
                yield _classify(call, activation, kind, chain)


def _chain(value: Tensor, calls: list[Call], logits: Tensor) -> list[Call] | None:
    """Chain of modules from `value` to the logits, preferring leaf modules; ignores reshapes in between."""
    frontier: list[tuple[Tensor, int, list[Call]]] = [(value, -1, [])]
    seen: set[int] = set()
    while frontier:
        value, end, chain = frontier.pop()
        if same_values(value, logits):
            return chain
        steps = [c for c in calls if c.start > end and c.start not in seen and same_values(value, c.read)]
        seen.update(step.start for step in steps)
        # The last one pushed is tried first: the innermost module.
        steps.sort(key=lambda step: -step.end)
        frontier.extend((step.out, step.end, [*chain, step]) for step in steps)
    return None


def _classify(call: Call, activation: str, pool: PoolKind, chain: list[Call]) -> Split:
    dense = max(i for i, link in enumerate(chain) if has_weights(link))
    tail, head = chain[:dense], chain[dense:]
    keeps_neurons = all(
        link.out[0].numel() == call.out.shape[1] and all(p.ndim <= 1 for p in link.module.parameters())
        for link in tail
    )
    # Modules after the dense layer may only reshape.
    ends_there = all(same_values(link.out, head[0].out) for link in head[1:])
    if pool != "none" and keeps_neurons and _is_dense(head[0]) and ends_there:
        return _split(call, activation, pool, tail, head[:1], "linear")
    return _split(call, activation, pool, [], chain, "nonlinear")


def _is_dense(call: Call) -> bool:
    """Whether the module computes ``weight @ values + bias``, whatever its type."""
    weight, bias = getattr(call.module, "weight", None), getattr(call.module, "bias", None)
    read, kind = call.read.flatten(1), call.out.dtype
    if not isinstance(weight, Tensor) or weight.ndim < 2 or weight[0].numel() != read.shape[1]:
        return False
    if bias is not None and (not isinstance(bias, Tensor) or bias.shape != weight.shape[:1]):
        return False
    expected = F.linear(read.to(kind), weight.flatten(1).to(kind), None if bias is None else bias.to(kind))
    return same_values(expected, call.out)


def _split(
    call: Call,
    activation: str,
    pool: PoolKind,
    tail: Sequence[Call],
    head: Sequence[Call],
    kind: HeadKind,
) -> Split:
    def steps(links: Sequence[Call]) -> tuple[Step, ...]:
        return tuple(Step(link.name, tuple(link.read.shape[1:])) for link in links)

    neurons, height, width = call.out.shape[1:]
    shape = (height, width)
    return Split(call.name, activation, pool, steps(tail), steps(head), kind, neurons, shape, call.index)


def _no_feature_maps(calls: list[Call], probe: Tensor, layer: str | None) -> ModelError:
    names = list(dict.fromkeys(call.name for call in calls if _are_feature_maps(call.out, probe)))
    if layer is None or not names:
        return ModelError(
            "the model has no layer with spatial feature maps",
            allowed="a convolutional network with a module whose output is (n, channel, h, w)",
            fix="check that this is the right model",
        )
    return ModelError(
        f"layer {layer!r} has no spatial feature maps",
        allowed=f"a module with output (n, channel, h, w), such as the last ones: {', '.join(names[-12:])}",
        fix="name one of them with --layer, or omit it to find the layer automatically",
    )


def _not_a_cnn(call: Call, token_call: Call) -> ModelError:
    return ModelError(
        f"the model has no last convolutional layer: after its last feature maps (those of {call.name!r}), "
        f"{token_call.name!r} reads {tuple(token_call.read.shape)}, neither feature maps nor vectors",
        allowed="a network in which only pooling and dense layers follow the last feature maps",
        fix="use another model, or name the layer to analyze with --layer",
    )


def wrong_split(split: Split, error: float, tolerance: float) -> ModelError:
    """The error for a split that does not reproduce the network's logits."""
    return ModelError(
        f"the split of the network at {split.describe()} changes the logits by {error:.1e}",
        allowed=f"a relative difference of at most {tolerance:g}",
        fix="name the layer that the global pooling reads with --layer",
    )

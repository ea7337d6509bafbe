"""Finds the target layer of a network, and proposes the split ``logits == head(tail(pool(maps)))``.

No knowledge of architectures is built in: the network is run once on probe images, the output of every module
is kept, and the split is read off the values that flowed.
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
    "identity": lambda maps: maps,
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "gelu": F.gelu,
    "hardswish": F.hardswish,
}
POOLS: dict[PoolKind, Callable[[Tensor], Tensor]] = {
    "avg": lambda maps: maps.mean((2, 3)),
    "max": lambda maps: maps.amax((2, 3)),
}
_LOCAL_POOLS = (
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.AvgPool2d,
    nn.MaxPool2d,
)


@dataclass(frozen=True)
class Step:
    """One module of the head: its name, and the shape of one sample that it reads."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    r"""How a network falls into maps, pooling, and head.

    Attributes
    ----------
    layer
        Dotted name of the target layer: the module whose output gives the feature maps.
    activation
        Point-wise function between the layer's output and the pooling; "identity" mostly.
    pool
        "avg" or "max" for a global pooling; "none" where the head reads the maps themselves (VGG).
    tail
        Modules between pooling and dense layer that keep one number a neuron (flatten, dropout, LayerNorm).
    head
        Modules from there to the logits.
    kind
        "linear": one dense layer, so contribution = activation x weight. "nonlinear": several modules;
        contributions are gradient x activation. "rerun": the head cannot be taken apart, and is computed by
        running the network with its target layer's output replaced; contributions as for "nonlinear".
    neurons
        Number of channels of the target layer.
    map_shape
        ``(h, w)`` of a feature map.
    call
        Which call of that module in a forward pass gives them, from 0: a module can be used several times.
    error
        max \|head(tail(pool(maps))) - logits\| / max \|logits\|, on images that the search did not see, and
        the same with the layer's output replaced by random maps.
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
        """Where the activation of a neuron comes from."""
        if self.kind == "linear":
            return "what the dense layer reads"
        return "maximum of the feature map" if self.pool == "max" else "mean of the feature map"

    @property
    def contribution_meaning(self) -> str:
        """How contributions are computed."""
        return "activation x weight" if self.kind == "linear" else "gradient x activation"

    @property
    def dense(self) -> str | None:
        """Name of the dense layer, or None where the head is not linear."""
        return self.head[0].name if self.kind == "linear" else None

    def describe(self) -> str:
        """Say in one line what the network does after the target layer."""
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
    """Propose splits of a network that hold on some images, the best first; they are still to be proved.

    Candidates are the modules with a 4-D output, last one first. Those whose globally pooled output reaches
    the logits through a chain of modules come first; then those whose maps do so without a pooling; then the
    last one, with the head computed by rerunning the network.

    Parameters
    ----------
    net
        A network in eval mode that maps images to logits.
    probe
        Images ``(n, channel, y, x)``, n >= 2, that differ from each other.
    logits
        ``(n, class)``, the network's output on them.
    layer
        Dotted name of the module to take as target layer, instead of searching.

    Raises
    ------
    ModelError
        If no module has spatial feature maps, or `layer` is none of them; if no layer was named, and all
        maps are maps of logits, or what follows the last ones works on tokens (transformers, MLP mixers).
    """
    calls = trace_calls(net, probe)
    candidates = _candidates(calls, probe, layer)
    if not candidates:
        raise _no_maps(calls, probe, layer)
    spatial = [call for call in candidates if call.out.shape[-1] * call.out.shape[-2] > 1]
    flat = [call for call in candidates if call.out.shape[-1] * call.out.shape[-2] == 1]
    by_tokens = [call for call in weighted_calls(calls) if not _reads_maps_or_vectors(call, probe)]
    if layer is not None:
        by_tokens = []
    for group in (spatial, flat):
        for call in group:
            yield from _splits(call, calls, logits, ("avg", "max"))
        for call in group:
            if not _after(call, by_tokens):
                yield from _splits(call, calls, logits, ("none",))
    for call in spatial or flat:
        is_logit_map = call.out.shape[1] == logits.shape[1] and not _after(call, weighted_calls(calls))
        if layer is not None or not is_logit_map:
            if tokens := _after(call, by_tokens):
                raise _no_cnn(call, tokens[0])
            yield _make(call, "identity", "none", (), (), "rerun")
            return
    raise ModelError(
        "the model's only feature maps are maps of its logits",
        allowed="a network in which weights follow the last feature maps",
        fix="name the layer to analyze with --layer",
    )


def _after(call: Call, calls: list[Call]) -> list[Call]:
    return [later for later in calls if later.start > call.end]


def _candidates(calls: list[Call], probe: Tensor, layer: str | None) -> list[Call]:
    found = []
    for call in reversed(calls):
        if not _is_maps(call.out, probe) or (layer is not None and call.name != layer):
            continue
        passes_through = call.out.shape == call.read.shape and torch.equal(call.out, call.read)
        idle = passes_through and not has_weights(call)
        if layer is None and (idle or isinstance(call.module, _LOCAL_POOLS)):
            continue
        found.append(call)
    return found


def _is_maps(values: Tensor, images: Tensor) -> bool:
    """Whether values are ``(n, channel, h, w)``, not ``(n, h, w, channel)``: h and w go with the image's."""
    if values.ndim != 4 or len(values) != len(images):
        return False
    height, width = images.shape[2:]

    def fits(rows: int, columns: int) -> bool:
        return abs(rows * width - columns * height) <= max(height, width)

    a, b, c = values.shape[1:]
    return fits(b, c) or not fits(a, b)


def _reads_maps_or_vectors(call: Call, images: Tensor) -> bool:
    is_vector = call.read.ndim == 2 and len(call.read) == len(images)
    return is_vector or _is_maps(call.read, images)


def _splits(call: Call, calls: list[Call], logits: Tensor, kinds: tuple[PoolKind, ...]) -> Iterator[Split]:
    for activation, function in ACTIVATIONS.items():
        maps = function(call.out)
        for kind in kinds:
            pooled = POOLS[kind](maps) if kind in POOLS else maps
            chain = _chain(pooled, _after(call, calls), logits)
            # An empty chain means that the maps are the logits already (SqueezeNet's 1x1 logit map).
            if chain and any(has_weights(link) for link in chain):
                yield _classify(call, activation, kind, chain)


def _chain(value: Tensor, calls: list[Call], logits: Tensor) -> list[Call] | None:
    """Modules through which `value` becomes the logits, leaf modules preferred; reshapes between are free."""
    frontier: list[tuple[Tensor, int, list[Call]]] = [(value, -1, [])]
    seen: set[int] = set()
    while frontier:
        value, end, chain = frontier.pop()
        if same_values(value, logits):
            return chain
        steps = [c for c in calls if c.start > end and c.start not in seen and same_values(value, c.read)]
        seen.update(step.start for step in steps)
        # Pushed last means tried first: the innermost module explains most.
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
    # What follows the dense layer may only reshape.
    ends_there = all(same_values(link.out, head[0].out) for link in head[1:])
    if pool != "none" and keeps_neurons and _is_dense(head[0]) and ends_there:
        return _make(call, activation, pool, tail, head[:1], "linear")
    return _make(call, activation, pool, [], chain, "nonlinear")


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


def _make(
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


def _no_maps(calls: list[Call], probe: Tensor, layer: str | None) -> ModelError:
    names = list(dict.fromkeys(call.name for call in calls if _is_maps(call.out, probe)))
    if layer is None or not names:
        return ModelError(
            "the model has no layer with spatial feature maps",
            allowed="a convolutional network, some module of which gives (n, channel, h, w)",
            fix="check that this is the CNN that you mean",
        )
    return ModelError(
        f"layer {layer!r} gives no spatial feature maps",
        allowed=f"a module that gives (n, channel, h, w), such as the last ones: {', '.join(names[-12:])}",
        fix="name one of them with --layer, or leave it out to have the layer found",
    )


def _no_cnn(call: Call, tokens: Call) -> ModelError:
    return ModelError(
        f"the model is no CNN with a last convolutional layer: behind its last feature maps (those of "
        f"{call.name!r}), {tokens.name!r} reads {tuple(tokens.read.shape)}, neither maps nor vectors",
        allowed="a network in which only pooling and dense layers follow the last feature maps",
        fix="take another model, or name the layer to analyze with --layer",
    )


def split_fails(split: Split, error: float, tolerance: float) -> ModelError:
    """The error for a split that does not give the network's logits."""
    return ModelError(
        f"the split of the network at {split.describe()} changes the logits by {error:.1e}",
        allowed=f"a relative difference of at most {tolerance:g}",
        fix="name the layer that the global pooling reads with --layer",
    )

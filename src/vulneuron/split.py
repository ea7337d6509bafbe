"""Finds the target layer of a network, and proves the split ``logits == head(tail(pool(maps)))``.

No knowledge of architectures is built in: the network is run once on noise, the output of every module is
kept, and the split is read off the values that flowed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.folding import max_relative_error

HeadKind = Literal["linear", "nonlinear", "rerun"]
PoolKind = Literal["avg", "max", "none"]

TOLERANCE = 1e-4
_SAME_VALUES = 1e-5

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
    error
        max \|head(tail(pool(maps))) - logits\| / max \|logits\|, on images that the search did not see.
    """

    layer: str
    activation: str
    pool: PoolKind
    tail: tuple[Step, ...]
    head: tuple[Step, ...]
    kind: HeadKind
    neurons: int
    map_shape: tuple[int, int]
    error: float = 0.0

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


@dataclass
class _Call:
    name: str
    module: nn.Module
    start: int
    read: Tensor
    end: int = -1
    out: Tensor = field(default_factory=lambda: torch.empty(0))


def find_split(net: nn.Module, probe: Tensor, logits: Tensor, *, layer: str | None = None) -> Split:
    """Find the target layer and the head of a network.

    Candidates are the modules with a 4-D output, last one first. The first whose globally pooled output
    reaches the logits through a chain of modules is taken; then the first whose maps do so without a pooling;
    then the last spatial one, with the head computed by rerunning the network.

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
        If no module has spatial feature maps, or `layer` is none of them.
    """
    calls = _trace(net, probe)
    candidates = _candidates(calls, layer)
    if not candidates:
        raise _no_candidate(calls, layer)
    spatial = [call for call in candidates if call.out.shape[-1] * call.out.shape[-2] > 1]
    pools: tuple[tuple[PoolKind, ...], ...] = (("avg", "max"), ("none",))
    for group in (spatial, candidates):
        for kinds in pools:
            for call in group:
                for split in _splits(call, calls, logits, kinds):
                    return split
    call = (spatial or candidates)[0]
    return _make(call, "identity", "none", (), (), "rerun")


def _trace(net: nn.Module, probe: Tensor) -> list[_Call]:
    """Run the network and keep what each module read and gave, in order of completion.

    Values are cloned: an in-place operation that follows must not change them.
    """
    open_calls: list[_Call] = []
    done: list[_Call] = []
    tick = 0

    def before(name: str) -> Callable[[nn.Module, tuple[object, ...]], None]:
        def hook(module: nn.Module, args: tuple[object, ...]) -> None:
            nonlocal tick
            tick += 1
            read = args[0].detach().clone() if args and isinstance(args[0], Tensor) else torch.empty(0)
            open_calls.append(_Call(name, module, tick, read))

        return hook

    def after(module: nn.Module, _args: object, output: object) -> None:
        nonlocal tick
        tick += 1
        call = open_calls.pop()
        if isinstance(output, Tensor):
            call.end, call.out = tick, output.detach().clone()
            done.append(call)

    handles = []
    for name, module in net.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(before(name)))
            handles.append(module.register_forward_hook(after))
    try:
        with torch.no_grad():
            net(probe)
    finally:
        for handle in handles:
            handle.remove()
    return done


def _candidates(calls: list[_Call], layer: str | None) -> list[_Call]:
    found = []
    for call in reversed(calls):
        if call.out.ndim != 4 or (layer is not None and call.name != layer):
            continue
        passes_through = call.out.shape == call.read.shape and torch.equal(call.out, call.read)
        if layer is None and (passes_through or isinstance(call.module, _LOCAL_POOLS)):
            continue
        found.append(call)
    return found


def _splits(call: _Call, calls: list[_Call], logits: Tensor, kinds: tuple[PoolKind, ...]) -> Iterator[Split]:
    for activation, function in ACTIVATIONS.items():
        maps = function(call.out)
        if activation != "identity" and torch.equal(maps, call.out):
            continue
        for kind in kinds:
            pooled = POOLS[kind](maps) if kind in POOLS else maps
            chain = _chain(pooled, [later for later in calls if later.start > call.end], logits)
            # An empty chain means that the maps are the logits already (SqueezeNet's 1x1 logit map).
            if chain and any(True for link in chain for _ in link.module.parameters()):
                yield _classify(call, activation, kind, chain)


def _chain(value: Tensor, calls: list[_Call], logits: Tensor) -> list[_Call] | None:
    """Modules through which `value` becomes the logits, leaf modules preferred; reshapes between are free."""
    frontier: list[tuple[Tensor, int, list[_Call]]] = [(value, -1, [])]
    seen: set[int] = set()
    while frontier:
        value, end, chain = frontier.pop()
        if _same(value, logits):
            return chain
        steps = [c for c in calls if c.start > end and c.start not in seen and _same(value, c.read)]
        seen.update(step.start for step in steps)
        # Pushed last means tried first: the innermost module explains most.
        steps.sort(key=lambda step: -step.end)
        frontier.extend((step.out, step.end, [*chain, step]) for step in steps)
    return None


def _same(a: Tensor, b: Tensor) -> bool:
    if a.numel() != b.numel() or len(a) != len(b):
        return False
    return max_relative_error(a.reshape(b.shape), b) <= _SAME_VALUES


def _classify(call: _Call, activation: str, pool: PoolKind, chain: list[_Call]) -> Split:
    dense = max(i for i, link in enumerate(chain) if any(True for _ in link.module.parameters()))
    tail, head = chain[:dense], chain[dense:]
    keeps_neurons = all(
        link.out[0].numel() == call.out.shape[1] and all(p.ndim <= 1 for p in link.module.parameters())
        for link in tail
    )
    # What follows the dense layer may only reshape.
    ends_there = all(_same(link.out, head[0].out) for link in head[1:])
    if pool != "none" and keeps_neurons and _is_dense(head[0]) and ends_there:
        return _make(call, activation, pool, tail, head[:1], "linear")
    return _make(call, activation, pool, [], chain, "nonlinear")


def _is_dense(call: _Call) -> bool:
    module = call.module
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and call.read.shape[2:] == (1, 1) and module.kernel_size == (1, 1)
    return isinstance(module, nn.Linear)


def _make(
    call: _Call,
    activation: str,
    pool: PoolKind,
    tail: list[_Call] | tuple[()],
    head: list[_Call] | tuple[()],
    kind: HeadKind,
) -> Split:
    def steps(links: list[_Call] | tuple[()]) -> tuple[Step, ...]:
        return tuple(Step(link.name, tuple(link.read.shape[1:])) for link in links)

    neurons, height, width = call.out.shape[1:]
    return Split(call.name, activation, pool, steps(tail), steps(head), kind, neurons, (height, width))


def _no_candidate(calls: list[_Call], layer: str | None) -> ModelError:
    names = list(dict.fromkeys(call.name for call in calls if call.out.ndim == 4))
    if not names:
        return ModelError(
            "the model has no layer with spatial feature maps",
            allowed="a convolutional network, some module of which gives (n, channel, h, w)",
            fix="check that this is the CNN that you mean",
        )
    shown = ", ".join(names[-12:])
    return ModelError(
        f"layer {layer!r} gives no spatial feature maps",
        allowed=f"a module that gives (n, channel, h, w), such as the last ones: {shown}",
        fix="name one of them with --layer, or leave it out to have the layer found",
    )

"""Finds the target layer of a network, and proposes splits ``logits == head(tail(pool(features)))``.

The search does not depend on architectures: the network runs once on probe images, the input and output of
every module are saved, and splits are inferred from these values, and from the logits of feature maps that
replace the network's own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network.ensembles import check_single
from vulneuron.network.experiments import Experiments
from vulneuron.network.probes import same_values
from vulneuron.network.split import POOLS, TOLERANCE, AffineHead, HeadKind, PoolKind, Split, Step
from vulneuron.network.taps import Tap, taps_after
from vulneuron.network.tracing import Call, has_weights, is_idle, trace_calls, weighted_calls

_LOCAL_POOLS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d, nn.MaxPool2d)
#: Number of last layers whose feature maps are also looked for behind functions, and replaced in experiments.
_LAST_LAYERS = 2


def find_splits(
    net: nn.Module,
    run: Callable[[Tensor], Tensor],
    probe: Tensor,
    calls: list[Call],
    logits: Tensor,
    *,
    layer: str | None = None,
    tolerance: float = TOLERANCE,
) -> Iterator[Split]:
    """Propose splits of a network that hold on the probe images, the best first; none is verified yet.

    Candidates are the modules with a 4-D output, from the last to the first, and the functions that are
    applied to it. First come those whose globally pooled output reaches the logits through a chain of
    modules, then those whose pooled output determines the logits, then those whose feature maps reach the
    logits through a chain of modules without pooling, then the last candidate, with the head computed by
    rerunning the network.

    Parameters
    ----------
    net
        A network in eval mode that maps images to logits.
    run
        Logits ``(n, class)`` of images, by running the network.
    probe
        Images ``(n, channel, y, x)``, n >= 2, that differ from each other.
    calls, logits
        Calls of modules and logits on these images.
    layer
        Dotted name of the target layer; None to search for it.
    tolerance
        Largest relative difference of logits that rounding can explain.

    Raises
    ------
    ModelError
        If no module has spatial feature maps, or `layer` has none. If no layer is named, also if all feature
        maps are logit maps, or a layer after the last ones reads tokens (transformers, MLP mixers).
    """
    yield from _Search(net, run, probe, calls, logits, layer, tolerance).splits()


@dataclass(frozen=True)
class _Features:
    """Feature maps of the probe images: a tap, and the call of the layer before it."""

    tap: Tap
    call: Call
    values: Tensor


class _Search:
    def __init__(
        self,
        net: nn.Module,
        run: Callable[[Tensor], Tensor],
        probe: Tensor,
        calls: list[Call],
        logits: Tensor,
        layer: str | None,
        tolerance: float,
    ) -> None:
        self._net, self._run, self._probe, self._calls = net, run, probe, calls
        self._logits, self._layer, self._tolerance = logits.float(), layer, tolerance
        self._idle = [call for call in calls if is_idle(call)]

    def splits(self) -> Iterator[Split]:
        """See `find_splits`."""
        check_single(self._net, self._run, self._probe, self._calls, self._logits)
        candidates = self._candidates()
        if not candidates:
            raise self._no_feature_maps()
        token_calls = [call for call in weighted_calls(self._calls) if not self._reads_features(call)]
        if self._layer is not None:
            token_calls = []
        spatial = [call for call in candidates if min(_map_shape(call.out, self._probe)) > 1]
        flat = [call for call in candidates if call not in spatial]
        groups = [spatial, flat] if self._are_pooled(spatial, flat) else [flat, spatial]
        for group in groups:
            last = self._last(group)
            choices = [features for call in group for features in self._features(call, call in last)]
            yield from self._pooled_splits(choices)
            yield from self._determined_splits([features for features in choices if features.call in last])
            for features in choices:
                if not self._after(features.call, token_calls):
                    yield from self._unpooled_splits(features)
        for call in spatial or flat:
            is_logit_map = call.out.shape[1] == self._logits.shape[1] and not self._after(
                call, weighted_calls(self._calls)
            )
            if self._layer is not None or not is_logit_map:
                if later_token_calls := self._after(call, token_calls):
                    raise _not_a_cnn(call, later_token_calls[0])
                yield from (
                    _split(features, "none", (), (), "rerun")
                    for features in self._features(call, self._layer is None)
                )
                return
        raise ModelError(
            "the model's only feature maps are logit maps",
            allowed="a network with weights after the last feature maps",
            fix="name the layer to analyze with --layer",
        )

    # ---- candidates

    def _candidates(self) -> list[Call]:
        candidates = []
        for call in reversed(self._calls):
            if channels_last(call.out, self._probe) is None:
                continue
            if self._layer is not None and call.name != self._layer:
                continue
            if self._layer is None and (call in self._idle or isinstance(call.module, _LOCAL_POOLS)):
                continue
            candidates.append(call)
        return candidates

    def _are_pooled(self, spatial: list[Call], flat: list[Call]) -> bool:
        """Whether 1 x 1 outputs come from a global pooling, and so are no feature maps.

        Feature maps of small images may be 1 x 1, too; those of larger images are not. If the network takes
        no larger images: a global pooling ignores the order of positions, a convolution with a stride does
        not.
        """
        if not spatial or not flat or flat[0].end < spatial[0].end:
            return True
        larger = F.interpolate(self._probe[:1], scale_factor=2.0)
        try:
            calls = trace_calls(self._net, lambda: self._run(larger))
        # Networks for images of one size raise anything.
        except Exception:
            return self._experiments(self._output(spatial[0])).ignores_positions()
        outputs = [call.out for call in calls if (call.name, call.index) == (flat[0].name, flat[0].index)]
        return not any(output.ndim == 4 and min(_map_shape(output, larger)) > 1 for output in outputs)

    def _reads_features(self, call: Call) -> bool:
        is_vector = call.read.ndim == 2 and len(call.read) == len(self._probe)
        return is_vector or channels_last(call.read, self._probe) is not None

    def _after(self, call: Call, calls: list[Call]) -> list[Call]:
        return [later for later in calls if later.start > call.end]

    # ---- proposals

    def _pooled_splits(self, choices: list[_Features]) -> Iterator[Split]:
        """Splits with a global pooling and a head that is a chain of modules."""
        for features in choices:
            for pool, function in POOLS.items():
                chain = self._chain(features.call, function(features.values))
                if chain and any(has_weights(link) for link in chain):
                    yield from self._classified(features, pool, chain)

    def _last(self, calls: list[Call]) -> list[Call]:
        """The last layers with different outputs: a module has the output of the last one inside it."""
        last: list[Call] = []
        for call in calls:
            if not any(
                call.out.shape == later.out.shape and torch.equal(call.out, later.out) for later in last
            ):
                last.append(call)
            if len(last) == _LAST_LAYERS:
                break
        return last

    def _unpooled_splits(self, features: _Features) -> Iterator[Split]:
        """Splits without a global pooling, whose head is a chain of modules."""
        # Modules read the values in the network's own order of axes.
        chain = self._chain(features.call, features.tap.restore(features.values))
        # An empty chain means that the values already are the logits (SqueezeNet's 1x1 logit map).
        if chain and any(has_weights(link) for link in chain) and not features.tap.channels_last:
            yield _split(features, "none", (), chain, "nonlinear")

    def _experiments(self, features: _Features) -> Experiments:
        shape = tuple(features.values.shape[1:])
        return Experiments(self._net, self._run, features.tap, shape, self._probe[0], self._tolerance)

    def _output(self, call: Call) -> _Features:
        last = bool(channels_last(call.out, self._probe))
        tap = Tap(call.name, call.index, (), last)
        return _Features(tap, call, tap.present(call.out))

    def _features(self, call: Call, thorough: bool) -> list[_Features]:
        """A layer's output, after the results of functions that are applied to it, the last one first."""
        output = self._output(call)
        if not thorough:
            return [output]
        results: list[_Features] = []
        for functions, values in taps_after(
            self._net, output.tap, lambda: self._run(self._probe), {idle.name for idle in self._idle}
        ):
            last = channels_last(values, self._probe)
            if last is None or min(_map_shape(values, self._probe)) < min(output.values.shape[2:]):
                continue
            tap = Tap(call.name, call.index, functions, last)
            results.append(_Features(tap, call, tap.present(values)))
        return results[::-1] or [output]

    def _chain(self, call: Call, value: Tensor) -> list[Call] | None:
        """Chain of modules from `value` to the logits, ignoring reshapes; leaf modules are preferred."""
        calls = [later for later in self._after(call, self._calls) if later not in self._idle]
        frontier: list[tuple[Tensor, int, list[Call]]] = [(value, -1, [])]
        seen: set[int] = set()
        while frontier:
            value, end, chain = frontier.pop()
            if self._are_same(value, self._logits):
                return chain
            if end in seen:
                continue
            seen.add(end)
            steps = [c for c in calls if c.start > end and self._are_same(value, c.read)]
            # The last one pushed is tried first: the innermost module.
            steps.sort(key=lambda step: -step.end)
            frontier.extend((step.out, step.end, [*chain, step]) for step in steps)
        return None

    def _classified(self, features: _Features, pool: PoolKind, chain: list[Call]) -> Iterator[Split]:
        """The split whose head is a chain of modules."""
        dense = max(i for i, link in enumerate(chain) if has_weights(link))
        tail, head = chain[:dense], chain[dense:]
        keeps_neurons = all(
            link.out[0].numel() == features.values.shape[1]
            and all(p.ndim <= 1 for p in link.module.parameters())
            for link in tail
        )
        # Modules after the dense layer may only reshape.
        ends_there = all(self._are_same(link.out, head[0].out) for link in head[1:])
        if keeps_neurons and ends_there and (affine := self._dense_layer(head[0])) is not None:
            yield _split(features, pool, tail, head[:1], "linear", affine)
            return
        if (affine := self._experiments(features).affine_head()) is not None:
            yield _split(features, pool, (), (), "linear", affine)
        yield _split(features, pool, (), chain, "nonlinear")

    def _dense_layer(self, call: Call) -> AffineHead | None:
        """Weights of a module that computes ``weight @ values + bias``, whatever its type; None otherwise."""
        weight, bias = getattr(call.module, "weight", None), getattr(call.module, "bias", None)
        read, kind = call.read.flatten(1), call.out.dtype
        if not isinstance(weight, Tensor) or weight.ndim < 2 or weight[0].numel() != read.shape[1]:
            return None
        if bias is None:
            bias = torch.zeros_like(weight.flatten(1)[:, 0])
        if not isinstance(bias, Tensor) or bias.shape != weight.shape[:1]:
            return None
        expected = F.linear(read.to(kind), weight.flatten(1).to(kind), bias.to(kind))
        if not self._are_same(expected, call.out):
            return None
        return AffineHead(weight.flatten(1).float(), bias.float(), call.name)

    def _determined_splits(self, choices: list[_Features]) -> Iterator[Split]:
        """Splits at feature maps whose global average or maximum determines the logits."""
        for features in choices:
            experiments = self._experiments(features)
            pools = experiments.pools()
            if pools and experiments.reads_logit_maps():
                continue
            for pool in pools:
                if (affine := experiments.affine_head()) is not None:
                    yield _split(features, pool, (), (), "linear", affine)
                yield _split(features, pool, (), (), "rerun")
            # Layers before this one reach the logits through it.
            if not features.tap.functions:
                return

    def _are_same(self, a: Tensor, b: Tensor) -> bool:
        # Rounding to fewer bits is the only reason for a larger tolerance.
        return same_values(a, b, tolerance=self._tolerance if self._tolerance > TOLERANCE else None)

    def _no_feature_maps(self) -> ModelError:
        named = (call.name for call in self._calls if channels_last(call.out, self._probe) is not None)
        names = list(dict.fromkeys(named))
        if self._layer is None or not names:
            return ModelError(
                "the model has no layer with spatial feature maps",
                allowed="a convolutional network with a module whose output is (n, channel, h, w)",
                fix="check that this is the right model",
            )
        return ModelError(
            f"layer {self._layer!r} has no spatial feature maps",
            allowed=f"a module with feature maps as output, such as the last ones: {', '.join(names[-12:])}",
            fix="name one of them with --layer, or omit it to find the layer automatically",
        )


def channels_last(values: Tensor, images: Tensor) -> bool | None:
    """Whether feature maps are ``(n, h, w, channel)`` instead of ``(n, channel, h, w)``, by the aspect ratio.

    None if the values are not feature maps of the images.
    """
    if values.ndim != 4 or len(values) != len(images):
        return None
    height, width = images.shape[2:]

    def same_aspect(rows: int, columns: int) -> bool:
        return abs(rows * width - columns * height) <= max(height, width)

    a, b, c = values.shape[1:]
    return not same_aspect(b, c) and same_aspect(a, b)


def _map_shape(values: Tensor, images: Tensor) -> tuple[int, int]:
    a, b, c = values.shape[1:]
    return (a, b) if channels_last(values, images) else (b, c)


def _split(
    features: _Features,
    pool: PoolKind,
    tail: Sequence[Call],
    head: Sequence[Call],
    kind: HeadKind,
    affine: AffineHead | None = None,
) -> Split:
    def steps(links: Sequence[Call]) -> tuple[Step, ...]:
        return tuple(Step(link.name, tuple(link.read.shape[1:])) for link in links)

    neurons, height, width = features.values.shape[1:]
    return Split(features.tap, pool, steps(tail), steps(head), kind, neurons, (height, width), affine)


def _not_a_cnn(call: Call, token_call: Call) -> ModelError:
    return ModelError(
        f"the model has no last convolutional layer: after its last feature maps (those of {call.name!r}), "
        f"{token_call.name!r} reads {tuple(token_call.read.shape)}, neither feature maps nor vectors",
        allowed="a network in which only pooling and dense layers follow the last feature maps",
        fix="use another model, or name the layer to analyze with --layer",
    )

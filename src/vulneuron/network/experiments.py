"""Experiments on a network: logits of feature maps that replace its own."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from vulneuron.network.split import POOLS, AffineHead, PoolKind
from vulneuron.network.taps import Tap

_SEED = 3
_SPREAD = 4.0
#: Number of feature maps in an experiment, each of which runs the whole network.
_MAPS = 2
#: Number of logits to differentiate at once.
_ROWS = 64


@dataclass(frozen=True)
class Experiments:
    """Experiments at a tap of a network.

    Attributes
    ----------
    net
        The network.
    run
        Logits ``(n, class)`` of images, by running the network.
    tap
        Where feature maps are replaced.
    shape
        ``(neuron, row, column)`` of the feature maps.
    image
        Any image ``(channel, y, x)``, on the network's device; its pixels do not matter.
    tolerance
        Largest difference of logits that rounding can explain, relative to the differences between images.
    """

    net: nn.Module
    run: Callable[[Tensor], Tensor]
    tap: Tap
    shape: tuple[int, ...]
    image: Tensor
    tolerance: float

    def logits(self, features: Tensor) -> Tensor:
        """Logits of feature maps ``(n, neuron, row, column)`` that replace the network's own."""
        images = torch.zeros_like(self.image).expand(len(features), -1, -1, -1)
        with (
            torch.set_grad_enabled(features.requires_grad),
            self.tap.open(self.net, lambda own: features.to(own.dtype, copy=True)),
        ):
            return self.run(images).float()

    def pools(self) -> list[PoolKind]:
        """Global poolings that determine the logits: maps of the pooled values have the same logits."""
        features = self._random_features()
        # The split is verified on other maps, so one of each pooling is enough.
        pooled = [self._constant(function(features[:1])) for function in POOLS.values()]
        logits = self.logits(torch.cat([features, *pooled]))
        others = logits[len(features) :].split(1)
        logits = logits[: len(features)]
        return [pool for pool, other in zip(POOLS, others, strict=True) if self._are_same(logits, other)]

    def ignores_positions(self) -> bool:
        """Whether shuffling the positions of the feature maps does not change the logits."""
        features = self._random_features()
        order = torch.randperm(features[0, 0].numel(), generator=torch.Generator().manual_seed(_SEED))
        shuffled = features.flatten(2)[:, :, order].reshape(features.shape)
        return self._are_same(*self.logits(torch.cat([features, shuffled])).split(len(features)))

    def reads_logit_maps(self) -> bool:
        """Whether each neuron changes one logit only, up to a common shift of three logits or more."""
        activations = torch.eye(self.shape[0], device=self.image.device)[:_MAPS] * _SPREAD
        none = torch.zeros_like(activations[:1])
        first, *others = self.logits(self._constant(torch.cat([none, activations])))
        changes = torch.stack(others) - first
        if changes.shape[1] > 2:
            changes = changes - changes.median(1, keepdim=True).values
        changed = changes.abs() > self.tolerance * changes.abs().max()
        return bool(changed.sum(1).max() <= 1)

    def affine_head(self) -> AffineHead | None:
        """Weights of a head that is affine in the activations; None if it is not.

        The head f is affine if f(a + b) = f(a) + f(b) - f(0). Its weights are its derivatives.
        """
        a, b = self._random_features()[:2, :, 0, 0]
        zero = torch.zeros_like(a)
        f0, fa, fb, fab = self.logits(self._constant(torch.stack([zero, a, b, a + b])))
        if (fa + fb - f0 - fab).abs().max() > self.tolerance * (fab - f0).abs().max():
            return None
        with torch.enable_grad():
            leaf = zero[None].requires_grad_()
            (logits,) = self.logits(self._constant(leaf))
            if not logits.requires_grad:
                return None
            return AffineHead(_jacobian(logits, leaf)[:, 0], f0, None)

    def _constant(self, activations: Tensor) -> Tensor:
        """Constant feature maps with the activations ``(n, neuron)`` as their values."""
        return activations[:, :, None, None].expand(-1, *self.shape)

    def _random_features(self) -> Tensor:
        """Random feature maps; some are negative everywhere."""
        generator = torch.Generator().manual_seed(_SEED)
        means = torch.randn(_MAPS, self.shape[0], 1, 1, generator=generator, dtype=torch.float32)
        values = torch.randn(_MAPS, *self.shape, generator=generator, dtype=torch.float32)
        features = (values + means) * _SPREAD
        return features.to(self.image.device)

    def _are_same(self, logits: Tensor, others: Tensor) -> bool:
        """Whether the logits of some maps equal others, which may be those of the first maps only."""
        spread = (logits - logits.mean(0)).abs().max()
        return bool((logits[: len(others)] - others).abs().max() <= self.tolerance * spread)


def _jacobian(outputs: Tensor, leaf: Tensor) -> Tensor:
    """Derivatives ``(output, *leaf)`` of a vector."""
    directions = torch.eye(len(outputs), dtype=outputs.dtype, device=outputs.device)
    differentiate = partial(torch.autograd.grad, outputs, leaf, retain_graph=True)
    try:
        # Ten times as fast for a thousand outputs.
        chunks = [differentiate(rows, is_grads_batched=True)[0] for rows in directions.split(_ROWS)]
    except RuntimeError:
        # The network has a function whose derivative cannot be batched.
        return torch.stack([differentiate(row)[0] for row in directions])
    return torch.cat(chunks)

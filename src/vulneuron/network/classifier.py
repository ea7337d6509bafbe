"""`Classifier`: a user's network, from pixels through feature maps and activations to logits."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import copy as shallow_copy
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network.checks import checked_logits, protect_images
from vulneuron.network.copying import prepared, remove_observers
from vulneuron.network.devices import Precision, autocast, check_precision, resolve_device
from vulneuron.network.execution import choose_execution, set_layout
from vulneuron.network.folding import folded_copy
from vulneuron.network.gradients import check_gradients
from vulneuron.network.normalization import Normalized, checked_normalization
from vulneuron.network.outputs import LogitsField, has_logits_field, logits_wrapper
from vulneuron.network.probes import max_relative_error, probe_images, random_like
from vulneuron.network.search import find_splits
from vulneuron.network.split import POOLS, TOLERANCE, TOLERANCES, Split, Step, wrong_split
from vulneuron.network.taps import Tap
from vulneuron.network.tracing import Call, least_precise_type, trace_calls
from vulneuron.network.unwrapping import layer_names

_SEARCH_SEED, _VERIFICATION_SEED = 0, 1


@dataclass(frozen=True)
class Activity:
    """The network's values on a batch of images, in float32 on the classifier's device.

    Attributes
    ----------
    features
        Feature maps of the target layer, ``(n, neuron, row, column)``.
    activations
        One number per neuron, ``(n, neuron)``: the input of the dense layer. For a head that is not linear,
        the pooled feature maps, or their mean if no global pooling follows, as for a layer other than the
        last.
    logits
        ``(n, class)``.
    """

    features: Tensor
    activations: Tensor
    logits: Tensor


class Classifier:
    """A CNN that maps pixels in [0, 1] to logits, with a verified split into target layer and head.

    The classifier works on a private copy of the model: in eval mode, without parameter gradients, on the
    selected device, in `channels_last` if the network runs in it, with batch normalizations folded into
    convolutions if this preserves the logits. The module that you pass is never changed, unless you disable
    the copy.

    Parameters
    ----------
    model
        Any `torch.nn.Module` that maps ``(n, channel, y, x)`` to logits ``(n, class)``.
    mean, std
        Normalization that the model expects, one number per channel; None if it takes pixels in [0, 1].
    layers
        Dotted name of the target layer, or the module itself, or several; None to find the last one.
    device
        "auto" (cuda, then mps, then cpu) or any device name that torch accepts.
    precision
        "float32", or "float16" / "bfloat16" for automatic mixed precision, which is no faster on a CPU.
    input_shape
        ``(channel, y, x)`` of the images.
    fold
        Whether to fold batch normalizations.
    copy
        Whether to copy the model. If False, the classifier modifies the model itself, which saves memory; do
        not use the model elsewhere.

    Raises
    ------
    ModelError
        If the model cannot run on such images, returns anything but finite logits ``(n, class)``, has no
        gradients, has no spatial feature maps, or cannot be split into a target layer and a head.

    Attributes
    ----------
    returns_logits_field
        Whether the model returns its logits as the field ``logits`` of another object.
    splits
        The split at each target layer, by the layer's name, in the order of the forward pass.
    split
        The split at the selected layer: the last one, or the one selected by `at`.

    Examples
    --------
    >>> body, pool = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(body, pool, nn.Flatten(), nn.Linear(4, 2))
    >>> Classifier(net, input_shape=(3, 8, 8)).split.describe()
    '0, global average pooling, dense layer 3'
    """

    module: nn.Module
    _net: nn.Module

    # Inference tensors as weights would have no gradients with respect to the images.
    @torch.inference_mode(False)
    def __init__(
        self,
        model: nn.Module,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        layers: str | nn.Module | Sequence[str | nn.Module] | None = None,
        device: str = "auto",
        precision: Precision = "float32",
        input_shape: tuple[int, int, int] = (3, 224, 224),
        fold: bool = True,
        copy: bool = True,
    ) -> None:
        check_precision(precision)
        self.device = resolve_device(device)
        # Search and verification need full precision; the requested precision applies afterwards.
        self.precision: Precision = "float32"
        self.input_shape = input_shape
        self._normalization = checked_normalization(mean, std, input_shape[0])
        self._returning_logits: Callable[[nn.Module], nn.Module] | None = None
        probe = probe_images(input_shape, _SEARCH_SEED).to(self.device)
        names = layer_names(model, layers)
        net = prepared(model, copy=copy).to(self.device)
        self.returns_logits_field = has_logits_field(net, probe[:1])
        execution = choose_execution(net, self._whole, probe)
        self._layout, logits = execution.layout, execution.logits
        self._set_net(execution.net)
        remove_observers(self._net, lambda: self.module(probe))
        protect_images(self._net, probe[:1])
        self._returning_logits = logits_wrapper(self.module, probe[:1])
        if self._returning_logits is not None:
            self._set_net(self._net)
            logits = checked_logits(self.module, probe)
        check_gradients(self._net, self.module, probe[:1])
        self.folded = self._fold(probe, logits) if fold else 0
        self.classes: int = logits.shape[1]
        self.splits = self._verified_splits(probe, names)
        self.split = next(reversed(self.splits.values()))
        self.precision = precision

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the target layers, in the order of the forward pass."""
        return tuple(self.splits)

    def at(self, layer: str) -> "Classifier":
        """The same network, sharing module and memory, with another of its `layers` selected.

        Raises
        ------
        ModelError
            If the layer is not one of them.
        """
        if layer not in self.splits:
            raise ModelError(
                f"the classifier does not have the target layer {layer!r}",
                allowed=", ".join(self.layers),
                fix="name it when you create the classifier, with Classifier(model, layers=[...])",
            )
        other = shallow_copy(self)
        other.split = self.splits[layer]
        return other

    @property
    def returns_probabilities(self) -> bool:
        """Whether the model itself returns probabilities, or their logarithms, instead of logits."""
        return self._returning_logits is not None

    @property
    def neurons(self) -> int:
        """Number of channels of the target layer."""
        return self.split.neurons

    @property
    def tolerance(self) -> float:
        """Largest `split_error` that rounding can explain, in the types that the network computes in."""
        return max(self._tolerance, TOLERANCES[getattr(torch, self.precision)])

    @property
    def weights(self) -> Tensor | None:
        """Weights of a linear head ``(class, neuron)``; None if the head is not linear."""
        return None if self.split.affine is None else self.split.affine.weight

    @property
    def bias(self) -> Tensor | None:
        """Biases of a linear head ``(class,)``, zeros if it has none; None if the head is not linear."""
        return None if self.split.affine is None else self.split.affine.bias

    def __call__(self, images: Tensor) -> Tensor:
        """Logits ``(n, class)`` of pixels in [0, 1], differentiable with respect to the pixels."""
        with autocast(self.precision, self.device):
            logits: Tensor = self.module(self._prepare(images))
        return logits.float()

    def logits(self, images: Tensor) -> Tensor:
        """Logits ``(n, class)`` of pixels in [0, 1], without a graph for gradients."""
        with torch.inference_mode():
            return self(images)

    def activity(self, images: Tensor) -> Activity:
        """Feature maps, activations and logits of pixels in [0, 1], from one forward pass."""
        (activity,) = self._activities(images, [self])
        return activity

    def activities(self, images: Tensor) -> dict[str, Activity]:
        """The `activity` at each of the `layers`, from one forward pass."""
        views = [self.at(layer) for layer in self.layers]
        return dict(zip(self.layers, self._activities(images, views), strict=True))

    def pool(self, features: Tensor) -> Tensor:
        """Activations ``(n, neuron)`` of feature maps ``(n, neuron, row, column)``.

        Applies the network's global pooling, and the modules after it that keep one number per neuron.
        Without a global pooling, the activation is the mean of the feature map.
        """
        pooled = POOLS["avg" if self.split.pool == "none" else self.split.pool](features)
        return self._apply(self.split.tail, pooled).flatten(1)

    def head(self, features: Tensor) -> Tensor:
        """Logits ``(n, class)`` of feature maps ``(n, neuron, row, column)``, differentiable."""
        if self.split.kind == "rerun":
            return self._rerun(features)
        if self.split.kind == "linear":
            return self.dense(self.pool(features))
        # A copy, because the first module may work in place.
        pooled = features.clone() if self.split.pool == "none" else POOLS[self.split.pool](features)
        return self._apply(self.split.head, pooled).flatten(1)

    def dense(self, activations: Tensor) -> Tensor:
        """Logits ``(n, class)`` of activations ``(n, neuron)``, for a linear head.

        Raises
        ------
        ModelError
            If the head is not linear: its logits are not a function of the activations alone.
        """
        if self.split.affine is None:
            raise ModelError(
                f"this network's head is not linear ({self.split.describe()})",
                allowed="a network with a global pooling followed by one dense layer",
                fix="use `head`, which takes feature maps",
            )
        return self.split.affine(activations)

    def gradients(self, features: Tensor, labels: Tensor) -> Tensor:
        r"""Gradients of one logit per image with respect to its feature maps.

        Parameters
        ----------
        features
            ``(n, neuron, row, column)``.
        labels
            ``(n,)``, the class of the logit for each image.

        Returns
        -------
        Tensor
            :math:`\partial z_{c} / \partial A_{k,ij}`, of the same shape as `features`.
        """
        with torch.inference_mode(False), torch.enable_grad():
            leaf = features.detach().clone().requires_grad_()
            label_logits = self.head(leaf).gather(1, labels.to(self.device)[:, None]).sum()
            (gradient,) = torch.autograd.grad(label_logits, leaf)
        return gradient

    def contributions(self, activity: Activity, labels: Tensor) -> Tensor:
        r"""Contribution of each neuron to the logit of one class per image, ``(n, neuron)``.

        Linear head: activation x weight, :math:`a_k w_{ck}` (paper, Section 5.2.1). Otherwise gradient x
        activation, :math:`\sum_{ij} A_{k,ij} \, \partial z_c / \partial A_{k,ij}`, which is equivalent for a
        linear head directly after average pooling.
        """
        labels = labels.to(self.device)
        if self.weights is not None:
            return activity.activations * self.weights[labels]
        return (activity.features * self.gradients(activity.features, labels)).sum((2, 3))

    def split_error(self, activity: Activity) -> float:
        r"""Error of the split: the largest \|head(features) - logits\| relative to the largest \|logit\|."""
        with torch.inference_mode():
            return max_relative_error(self.head(activity.features), activity.logits)

    def check_split(self, activity: Activity) -> float:
        """Return the `split_error` on some images, after checking it.

        Raises
        ------
        ModelError
            If it exceeds the classifier's `tolerance`.
        """
        error = self.split_error(activity)
        if not error <= self.tolerance:
            raise wrong_split(self.split, error, self.tolerance)
        return error

    def _activities(self, images: Tensor, views: Sequence["Classifier"]) -> list[Activity]:
        outputs: dict[int, Tensor] = {}

        def capture(view: int, output: Tensor) -> None:
            outputs[view] = output.float().clone(memory_format=torch.contiguous_format)

        with torch.inference_mode():
            with ExitStack() as hooks:
                for index, view in enumerate(views):
                    hooks.enter_context(view.split.tap.open(view._net, partial(capture, index)))
                logits = self(images)
            return [
                Activity(outputs[index], view.pool(outputs[index]), logits)
                for index, view in enumerate(views)
            ]

    def _prepare(self, images: Tensor) -> Tensor:
        if self.device.type == "cuda" and images.device.type == "cpu":
            images = images.pin_memory()
        return images.to(self.device, non_blocking=True).contiguous(memory_format=self._layout)

    def _apply(self, steps: tuple[Step, ...], values: Tensor) -> Tensor:
        for step in steps:
            module = self._net.get_submodule(step.name)
            weight = next(module.parameters(), values)
            values = module(values.reshape(-1, *step.shape).to(weight.dtype))
        return values.float()

    def _rerun(self, features: Tensor) -> Tensor:
        # The feature maps are replaced, so the pixels do not matter. Later layers may change them in place.
        pixels = torch.zeros(len(features), *self.input_shape, dtype=torch.float32, device=self.device)
        with self.split.tap.open(self._net, lambda own: features.to(own.dtype, copy=True)):
            return self(pixels)

    def _fold(self, probe: Tensor, logits: Tensor) -> int:
        plain = self._net
        net, folded = folded_copy(plain)
        if folded == 0:
            return 0
        self._set_net(net)
        with torch.inference_mode():
            unchanged = max_relative_error(self.module(probe).float(), logits) <= TOLERANCE
        if not unchanged:
            self._set_net(plain)
        return folded if unchanged else 0

    def _set_net(self, net: nn.Module) -> None:
        self._net = net
        self.module = self._whole(net)
        set_layout(self.module, self._layout)

    def _whole(self, net: nn.Module) -> nn.Module:
        """The network from pixels to logits."""
        net = LogitsField(net) if self.returns_logits_field else net
        normalized = net if self._normalization is None else Normalized(net, self._normalization)
        module = normalized if self._returning_logits is None else self._returning_logits(normalized)
        return module.eval().to(self.device)

    def _verified_splits(self, probe: Tensor, layers: Sequence[str] | None) -> dict[str, Split]:
        """Proved splits by layer name, for the named layers or the one that is found."""
        probe = self._prepare(probe)
        outputs: list[Tensor] = []
        calls = trace_calls(self._net, lambda: outputs.append(self.module(probe)))
        self._tolerance = TOLERANCES[least_precise_type(calls)]
        names: list[str | None] = list(dict.fromkeys(layers or (None,)))
        splits = [self._verified_split(probe, calls, outputs[0], name) for name in names]
        ends = {(call.name, call.index): call.end for call in calls}
        splits.sort(key=lambda split: ends[split.layer, split.tap.call])
        return {split.layer: split for split in splits}

    def _verified_split(self, probe: Tensor, calls: list[Call], logits: Tensor, layer: str | None) -> Split:
        error, tolerance = torch.nan, self._tolerance
        for split in find_splits(
            self._net, self.module, probe, calls, logits, layer=layer, tolerance=tolerance
        ):
            self.split = split
            error = self._verification_error()
            if error <= tolerance:
                return replace(split, error=error)
        raise wrong_split(self.split, error, tolerance)

    def _verification_error(self) -> float:
        """Larger split error of images not used in the search and of random outputs of the target layer."""
        images = probe_images(self.input_shape, _VERIFICATION_SEED)
        layer = Tap(self.split.layer, self.split.tap.call)
        outputs: list[Tensor] = []
        with layer.open(self._net, outputs.append):
            activity = self.activity(images)
        random = random_like(outputs[0], _VERIFICATION_SEED)
        with layer.open(self._net, lambda own: random.to(own.dtype, copy=True)):
            random_activity = self.activity(images)
        # Unlike the built-in max, this propagates NaN.
        return float(torch.tensor([self.split_error(activity), self.split_error(random_activity)]).max())

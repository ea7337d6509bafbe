"""`Classifier`: a user's network, from pixels over feature maps and activations to logits."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.folding import fold_batch_norms, max_relative_error
from vulneuron.split import ACTIVATIONS, POOLS, TOLERANCE, Split, Step, find_split

Precision = Literal["float32", "float16", "bfloat16"]
_PROBE_SEED = 0
_DTYPES: dict[str, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Activity:
    """What the network did on a batch of images, in float32 on the classifier's device.

    Attributes
    ----------
    maps
        Feature maps of the target layer, ``(n, neuron, row, column)``.
    activations
        One number a neuron, ``(n, neuron)``: what the dense layer reads; for a head that is not linear, the
        pooled maps (their mean where the network has no global pooling).
    logits
        ``(n, class)``.
    """

    maps: Tensor
    activations: Tensor
    logits: Tensor


class Normalised(nn.Module):
    """A network behind the normalisation ``(pixels - mean) / std``, so that it reads pixels in [0, 1]."""

    def __init__(self, net: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.net = net
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of pixels in [0, 1]."""
        logits: Tensor = self.net((pixels - self.mean) / self.std)
        return logits


class Classifier:
    """A CNN that maps pixels in [0, 1] to logits, with its target layer and head found and proved.

    The classifier works on a private copy of the model: in eval mode, without parameter gradients, on the
    chosen device, in `channels_last`, with batch normalisations folded into convolutions where that gives
    the same logits. The module that you pass is never changed.

    Parameters
    ----------
    model
        Any `torch.nn.Module` that maps ``(n, channel, y, x)`` to logits ``(n, class)``.
    mean, std
        Normalisation that the model expects, one number a channel; None if it reads pixels in [0, 1].
    layer
        Dotted name of the target layer; found when None.
    device
        "auto" (cuda, then mps, then cpu) or any name that torch knows.
    precision
        "float32", or "float16" / "bfloat16" for automatic mixed precision on an accelerator.
    input_shape
        ``(channel, y, x)`` of the images.
    class_names
        Names of the outputs, in order.
    fold
        Whether to fold batch normalisations.

    Raises
    ------
    ModelError
        If the model cannot run on such images, gives something else than finite logits ``(n, class)``, has
        no spatial feature maps, or if the split into maps and head cannot be proved for the named layer.

    Examples
    --------
    >>> body, pool = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(body, pool, nn.Flatten(), nn.Linear(4, 2))
    >>> Classifier(net, input_shape=(3, 8, 8)).split.describe()
    '0, global average pooling, dense layer 3'
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        layer: str | None = None,
        device: str = "auto",
        precision: Precision = "float32",
        input_shape: tuple[int, int, int] = (3, 224, 224),
        class_names: Sequence[str] | None = None,
        fold: bool = True,
    ) -> None:
        self.device = resolve_device(device)
        self.precision = _checked_precision(precision, self.device)
        self.input_shape = tuple(input_shape)
        self._net = _private_copy(model).to(self.device)
        self.module: nn.Module = _with_normalisation(self._net, mean, std, input_shape[0]).to(self.device)
        probe, unseen = _probes(input_shape, self.device)
        logits = self._checked_logits(probe)
        self.folded = self._fold(probe, logits) if fold else 0
        self.module.to(memory_format=torch.channels_last)
        self.classes: int = logits.shape[1]
        self.class_names = _checked_names(class_names, self.classes)
        self.split = self._proved_split(probe, unseen, layer)

    @property
    def neurons(self) -> int:
        """Number of channels of the target layer."""
        return self.split.neurons

    @property
    def weights(self) -> Tensor | None:
        """Weights of the dense layer ``(class, neuron)``; None where the head is not linear."""
        return self._dense.weight.flatten(1) if self.split.dense else None  # type: ignore[operator]

    @property
    def bias(self) -> Tensor | None:
        """Biases of the dense layer ``(class,)``, zeros where it has none; None without a linear head."""
        if self.split.dense is None:
            return None
        bias = self._dense.bias
        return bias if isinstance(bias, Tensor) else torch.zeros(self.classes, device=self.device)

    def __call__(self, images: Tensor) -> Tensor:
        """Logits ``(n, class)`` of pixels in [0, 1], differentiable with respect to the pixels."""
        with torch.autocast(self.device.type, _DTYPES.get(self.precision), enabled=self.precision in _DTYPES):
            logits: Tensor = self.module(self._prepare(images))
        return logits.float()

    def logits(self, images: Tensor) -> Tensor:
        """Logits ``(n, class)`` of pixels in [0, 1], without a graph for gradients."""
        with torch.inference_mode():
            return self(images)

    def activity(self, images: Tensor) -> Activity:
        """Feature maps, activations and logits of pixels in [0, 1], from one forward pass."""
        captured: list[Tensor] = []
        with torch.inference_mode():
            with self._layer_hook(lambda output: captured.append(output.clone())):
                logits = self(images)
            maps = ACTIVATIONS[self.split.activation](captured[-1].float()).contiguous()
            return Activity(maps, self.pool(maps), logits)

    def pool(self, maps: Tensor) -> Tensor:
        """Activations ``(n, neuron)`` of feature maps ``(n, neuron, row, column)``.

        The network's global pooling, and the modules behind it that keep one number a neuron. A network
        without global pooling has no such number of its own; its maps' mean stands for it.
        """
        pooled = POOLS["avg" if self.split.pool == "none" else self.split.pool](maps)
        return self._through(self.split.tail, pooled).flatten(1)

    def head(self, maps: Tensor) -> Tensor:
        """Logits ``(n, class)`` that the network gives for feature maps, differentiable."""
        if self.split.kind == "rerun":
            return self._rerun(maps)
        if self.split.kind == "linear":
            return self.dense(self.pool(maps))
        pooled = maps if self.split.pool == "none" else POOLS[self.split.pool](maps)
        return self._through(self.split.head, pooled).flatten(1)

    def dense(self, activations: Tensor) -> Tensor:
        """Logits ``(n, class)`` of activations ``(n, neuron)``, for a linear head.

        Raises
        ------
        ModelError
            If the head is not linear: its logits are no function of the activations alone.
        """
        if self.weights is None or self.bias is None:
            raise ModelError(
                f"this network's head is not linear ({self.split.describe()})",
                allowed="a network whose last layer is one dense layer behind a global pooling",
                fix="use `head`, which takes feature maps",
            )
        return activations @ self.weights.T + self.bias

    def gradients(self, maps: Tensor, labels: Tensor) -> Tensor:
        r"""Gradients of one logit an image with respect to its feature maps.

        Parameters
        ----------
        maps
            ``(n, neuron, row, column)``.
        labels
            ``(n,)``, the class whose logit is taken for each image.

        Returns
        -------
        Tensor
            :math:`\partial z_{c} / \partial A_{k,ij}`, the shape of `maps`.
        """
        with torch.inference_mode(False), torch.enable_grad():
            leaf = maps.detach().clone().requires_grad_()
            chosen = self.head(leaf).gather(1, labels.to(self.device)[:, None]).sum()
            (gradient,) = torch.autograd.grad(chosen, leaf)
        return gradient

    def contributions(self, activity: Activity, labels: Tensor) -> Tensor:
        r"""What each neuron adds to the logit of one class an image, ``(n, neuron)``.

        Linear head: activation x weight, :math:`a_k w_{ck}` (paper, Section 5.2.1). Otherwise gradient x
        activation, :math:`\sum_{ij} A_{k,ij} \, \partial z_c / \partial A_{k,ij}`, which is equal to it for
        a linear head behind average pooling.
        """
        labels = labels.to(self.device)
        if self.weights is not None:
            return activity.activations * self.weights[labels]
        return (activity.maps * self.gradients(activity.maps, labels)).sum((2, 3))

    def split_error(self, activity: Activity) -> float:
        r"""Largest \|head(maps) - logits\|, relative to the largest \|logit\|: how well the split holds."""
        with torch.inference_mode():
            return max_relative_error(self.head(activity.maps), activity.logits)

    @property
    def _dense(self) -> nn.Module:
        return self._net.get_submodule(self.split.dense or "")

    def _prepare(self, images: Tensor) -> Tensor:
        if self.device.type == "cuda" and images.device.type == "cpu":
            images = images.pin_memory()
        return images.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)

    def _through(self, steps: tuple[Step, ...], values: Tensor) -> Tensor:
        for step in steps:
            values = self._net.get_submodule(step.name)(values.reshape(-1, *step.shape))
        return values

    def _rerun(self, maps: Tensor) -> Tensor:
        # The layer's output is replaced, so the pixels do not matter. What follows may change it in place.
        pixels = torch.zeros(len(maps), *self.input_shape, device=self.device)
        with self._layer_hook(lambda _output: maps.clone()):
            return self(pixels)

    @contextmanager
    def _layer_hook(self, function: object) -> Iterator[None]:
        def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor | None:
            result = function(output)  # type: ignore[operator]
            return result if isinstance(result, Tensor) else None

        handle = self._net.get_submodule(self.split.layer).register_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()

    def _checked_logits(self, probe: Tensor) -> Tensor:
        try:
            with torch.inference_mode(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = self.module(probe)
        except Exception as error:
            raise ModelError(
                f"the model fails on images {tuple(probe.shape)}: {type(error).__name__}: {error}",
                allowed="a model that maps images (n, channel, y, x) to logits (n, class)",
                fix="check the image size (--image-size) and the number of channels that it expects",
            ) from error
        if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[0] != len(probe):
            found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise _no_logits(f"the model's output is {found}")
        if output.shape[1] < 2:
            raise _no_logits(f"the model has {output.shape[1]} output")
        if not output.isfinite().all():
            raise ModelError(
                "the model's logits are NaN or infinite",
                allowed="finite logits on pixels in [0, 1]",
                fix=f"check its weights{_first_bad_tensor(self._net)} and the normalisation (--mean, --std)",
            )
        return output.float()

    def _fold(self, probe: Tensor, logits: Tensor) -> int:
        plain = self._net
        self._net = copy.deepcopy(plain)
        folded = fold_batch_norms(self._net)
        self._set_net(self._net)
        with torch.inference_mode():
            unchanged = folded > 0 and max_relative_error(self.module(probe).float(), logits) <= TOLERANCE
        if not unchanged:
            self._set_net(plain)
        return folded if unchanged else 0

    def _set_net(self, net: nn.Module) -> None:
        self._net = net
        if isinstance(self.module, Normalised):
            self.module.net = net
        else:
            self.module = net

    def _proved_split(self, probe: Tensor, unseen: Tensor, layer: str | None) -> Split:
        with torch.no_grad():
            probe = self._normalise(self._prepare(probe))
            self.split = find_split(self._net, probe, self._net(probe).float(), layer=layer)
        error = self.split_error(self.activity(unseen))
        if not error <= TOLERANCE:
            raise ModelError(
                f"the split of the network at {self.split.describe()} changes the logits by {error:.1e}",
                allowed=f"a relative difference of at most {TOLERANCE:g}",
                fix="name the layer that the global pooling reads with --layer",
            )
        return replace(self.split, error=error)

    def _normalise(self, pixels: Tensor) -> Tensor:
        if isinstance(self.module, Normalised):
            pixels = (pixels - self.module.mean) / self.module.std
        return pixels


def resolve_device(name: str) -> torch.device:
    """Device of that name; "auto" takes cuda, then mps, then cpu.

    Raises
    ------
    ModelError
        If torch does not know the device, or this machine does not have it.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(
            f"device {name!r} cannot be used ({str(error).splitlines()[0]})",
            allowed="auto, cpu, cuda, cuda:N, mps",
            fix="leave --device out to have it chosen",
        ) from error
    return device


def _checked_precision(precision: str, device: torch.device) -> str:
    if precision != "float32" and precision not in _DTYPES:
        raise ModelError(
            f"precision {precision!r} is unknown",
            allowed="float32, float16, bfloat16",
            fix="leave it out for float32",
        )
    if precision in _DTYPES and device.type == "cpu":
        raise ModelError(
            f"mixed precision ({precision}) was asked for on the CPU",
            allowed="float32 on the CPU; float16 and bfloat16 on cuda and mps",
            fix="leave it out, or choose an accelerator with --device",
        )
    return precision


def _private_copy(model: nn.Module) -> nn.Module:
    try:
        private = copy.deepcopy(model)
    except Exception as error:
        raise ModelError(
            f"the model cannot be copied ({type(error).__name__}: {error})",
            allowed="a module that copy.deepcopy can copy",
            fix="detach tensors that were kept from a forward pass, or load the model afresh",
        ) from error
    return private.eval().requires_grad_(False).float()


def _with_normalisation(
    net: nn.Module, mean: Sequence[float] | None, std: Sequence[float] | None, channels: int
) -> nn.Module:
    if mean is None and std is None:
        return net
    mean, std = mean or [0.0] * channels, std or [1.0] * channels
    if len(mean) not in (1, channels) or len(std) not in (1, channels) or min(std) <= 0:
        raise ModelError(
            f"the normalisation mean {tuple(mean)}, std {tuple(std)} does not fit",
            allowed=f"{channels} numbers each, std above 0",
            fix="give --mean and --std as comma-separated numbers, on the scale of pixels in [0, 1]",
        )
    return Normalised(net, mean, std).eval()


def _probes(input_shape: tuple[int, int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(_PROBE_SEED)
    probes = torch.rand(4, *input_shape, generator=generator).to(device)
    return probes[:2], probes[2:]


def _checked_names(names: Sequence[str] | None, classes: int) -> tuple[str, ...] | None:
    if names is not None and len(names) != classes:
        raise ModelError(
            f"{len(names)} class names were given, but the model has {classes} outputs",
            allowed="one name for each output, in order",
            fix="check --class-names, or the number of classes of the model",
        )
    return None if names is None else tuple(names)


def _no_logits(given: str) -> ModelError:
    return ModelError(
        given,
        allowed="one matrix of logits (n, class) with at least 2 classes",
        fix="wrap the model so that its forward returns only the logits",
    )


def _first_bad_tensor(net: nn.Module) -> str:
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return f" ({name} holds NaN or infinity)"
    return ""

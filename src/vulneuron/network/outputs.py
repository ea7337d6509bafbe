"""Logits of networks that return probabilities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from vulneuron.errors import ModelError
from vulneuron.network.process_state import quiet

#: Functions that turn logits into probabilities or their logarithms over all classes.
_SOFTMAX = {"softmax", "log_softmax", "_softmax", "_log_softmax"}
#: Functions that turn each logit into a probability by itself.
_SIGMOID = {"sigmoid", "sigmoid_", "log_sigmoid", "logsigmoid", "expit"}


_SUM_TOLERANCE = 1e-4


@dataclass(frozen=True)
class _FinalCall:
    """One call of a softmax or a sigmoid; its number counts calls of both."""

    number: int
    function: str
    output: Tensor


class _Normalizations(TorchFunctionMode):
    """Numbers the calls of softmax and sigmoid functions, and returns the input of one of them unchanged."""

    def __init__(self, skip: int | None = None) -> None:
        super().__init__()
        self._skip = skip
        self._number = 0
        self.latest: _FinalCall | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call the function, or return its input."""
        name = func.__name__
        if name not in _SOFTMAX and name not in _SIGMOID:
            return func(*args, **(kwargs or {}))
        self._number += 1
        if self._number - 1 == self._skip:
            return args[0] if args else kwargs["input"]
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor):
            self.latest = _FinalCall(self._number - 1, name, output)
        return output


class Logits(nn.Module):
    """A network without its final softmax, which is one call among those of softmax and sigmoid functions."""

    def __init__(self, net: nn.Module, call: int) -> None:
        super().__init__()
        self.net = net
        self.call = call

    def forward(self, images: Tensor) -> Tensor:
        """The input of the final softmax."""
        with _Normalizations(self.call):
            logits: Tensor = self.net(images)
        return logits


def skip_last_softmax(graph: fx.Graph, root: nn.Module) -> None:
    """Skip the last softmax of a graph, in place, as `Logits` does in a forward pass."""
    modules = dict(root.named_modules())

    def is_softmax(node: fx.Node) -> bool:
        if node.op == "call_module":
            return isinstance(modules[str(node.target)], nn.Softmax | nn.LogSoftmax)
        return getattr(node.target, "__name__", node.target) in _SOFTMAX

    for node in reversed(graph.nodes):
        if is_softmax(node):
            node.replace_all_uses_with(node.all_input_nodes[0])
            graph.erase_node(node)
            return


class LogitsField(nn.Module):
    """The logits of a network that returns them as a field of its output, as Hugging Face's models do."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """The field ``logits`` of the output."""
        logits: Tensor = _logits_field(self.net(images))
        return logits


def has_logits_field(net: nn.Module, images: Tensor) -> bool:
    """Whether a network returns an object or a mapping with the tensor ``logits``."""
    try:
        with torch.inference_mode(), quiet():
            output = net(images.clone())
    # User code can raise anything.
    except Exception:
        return False
    return not isinstance(output, Tensor) and isinstance(_logits_field(output), Tensor)


def _logits_field(output: Any) -> Any:
    return output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)


class CenteredLogProbabilities(nn.Module):
    """Logits of a network that returns the logarithms of probabilities: their differences from their mean.

    A softmax gives the same probabilities. Logits that are affine in some values remain affine, because the
    term that they have in common disappears.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Centered logits."""
        outputs: Tensor = self.net(images)
        return outputs - outputs.mean(1, keepdim=True)


def logits_wrapper(net: nn.Module, images: Tensor) -> Callable[[nn.Module], nn.Module] | None:
    """Wrapper that makes a network return logits instead of probabilities; None if it returns logits.

    Raises
    ------
    ModelError
        If the network ends in a sigmoid, whose probabilities are not those of a softmax over the classes, or
        computes probabilities by a function that cannot be skipped.
    """
    with torch.no_grad(), _Normalizations() as calls:
        output = net(images)
    latest = calls.latest
    if latest is not None and _same_memory(output, latest.output):
        if latest.function in _SIGMOID:
            raise ModelError(
                "the model ends in a sigmoid, whose outputs are separate probabilities, one for each class",
                allowed="logits of classes that exclude each other, as for a softmax",
                fix="remove the sigmoid; models that find several classes in one image are not supported",
            )
        return partial(Logits, call=latest.number)
    if _are_probabilities(output):
        raise ModelError(
            "the model returns probabilities, whose logarithms are infinite if they are too small",
            allowed="logits, or probabilities from torch.softmax, which is skipped",
            fix="change its forward method to return the values before the softmax",
        )
    return CenteredLogProbabilities if _are_probabilities(output.exp()) else None


def _are_probabilities(values: Tensor) -> bool:
    sums = values.float().sum(1)
    return bool(values.min() >= 0 and torch.allclose(sums, torch.ones_like(sums), atol=_SUM_TOLERANCE))


def _same_memory(output: Tensor, other: Tensor) -> bool:
    """Whether an output is the other tensor, possibly reshaped."""
    same = output.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
    return same and output.numel() == other.numel()

"""Support for attacks of other libraries: a plain network, seeding, errors in one line."""

import importlib
import inspect
import math
import random
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vulneuron.attacks.base import Attack, Goal, Parameter
from vulneuron.attacks.epsilon import format_epsilon
from vulneuron.errors import AttackError, VulneuronError, one_line
from vulneuron.network import Classifier
from vulneuron.network.devices import out_of_memory

_INSTALL = {
    "foolbox": "install it with: pip install 'vulneuron[foolbox]'",
    "torchattacks": "install it with: pip install --no-deps torchattacks==3.5.1 (its imports are already "
    "installed; with dependencies, pip would downgrade requests to 2.25, which torchattacks never imports)",
}


class ForeignAttack(Attack):
    """Base class of the adapters: seeds third-party attacks, and reports their exceptions in one line.

    Out-of-memory errors pass through, so callers can retry with fewer images.

    Random numbers come from the generators of PyTorch, NumPy and Python, which are seeded from the images'
    seeds and restored afterwards. The same batch gives the same result; in another batch, an image's result
    may differ.
    """

    @abstractmethod
    def run(self, classifier: Classifier, images: Tensor, goal: Goal) -> object:
        """Call the third-party attack, which returns a tensor or a NumPy array."""

    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        """Call `run` and convert its result to a tensor."""
        try:
            with _seeded(seeds, classifier.device):
                result = self.run(classifier, images.contiguous(), goal)
            if isinstance(result, np.ndarray):
                result = torch.from_numpy(np.array(result))
        except Exception as error:
            if isinstance(error, VulneuronError) or out_of_memory(error):
                raise
            raise AttackError(
                f"attack {self.name} failed: {one_line(error)}",
                allowed="an attack that runs on this model and these images",
                fix="check its parameters, and that it supports this norm and target",
            ) from error
        finally:
            # Some libraries leave a network in train mode.
            classifier.module.eval()
        return result  # type: ignore[return-value]  # the base class rejects non-tensors


class PlainNetwork(nn.Module):
    """A classifier as a plain module from pixels to logits, with contiguous gradients.

    A classifier computes in ``channels_last``, and its pixel gradients come in that layout. Several attacks
    reshape them with ``view``, which would fail.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        # Libraries take the device from the parameters.
        self.network = classifier.module
        self._logits = classifier.__call__
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits ``(n, class)``."""
        pixels = _ContiguousGradient.apply(pixels)
        return self._logits(pixels)


class _ContiguousGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pixels: Tensor) -> Tensor:
        return pixels.view_as(pixels)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous()


def require(package: str) -> ModuleType:
    """Import ``foolbox`` or ``torchattacks``, or explain how to install it.

    Raises
    ------
    AttackError
        If it cannot be imported.
    """
    try:
        # Users cannot change deprecated names that a library imports.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(package)
    except ImportError as error:
        raise AttackError(
            f"the package {package} cannot be imported ({one_line(error)})",
            allowed=f"attacks of {package} only where it is installed",
            fix=_INSTALL[package],
        ) from error


def comes_from(package: str, obj: object) -> bool:
    """Whether an object or class derives from a class of `package`; does not import the package."""
    kind = obj if isinstance(obj, type) else type(obj)
    return any(base.__module__.partition(".")[0] == package for base in kind.__mro__)


def accepts(function: Callable[..., Any], positional: int, arguments: Mapping[str, Any]) -> bool:
    """Whether a function accepts this number of positional arguments and these named ones."""
    try:
        inspect.signature(function).bind(*[None] * positional, **arguments)
    except TypeError:
        return False
    # Some functions written in C have no signature.
    except ValueError:
        return True
    return True


def argument_names(function: Callable[..., Any]) -> list[str]:
    """Names of the arguments that can be passed by keyword."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name for name, argument in inspect.signature(function).parameters.items() if argument.kind in kinds
    ]


def argument_defaults(function: Callable[..., Any]) -> dict[str, object]:
    """Default values of the arguments that have one."""
    signature = inspect.signature(function)
    return {
        name: argument.default
        for name, argument in signature.parameters.items()
        if argument.default is not inspect.Parameter.empty
    }


def function_name(function: Callable[..., Any]) -> str:
    """Name of a function or class, or of the class of a callable object."""
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def json_values(values: Mapping[str, Any]) -> dict[str, Parameter]:
    """Parameters of third-party attacks as JSON values for the record.

    Whole numbers of gray levels become strings n/255. Objects become the name of their class, as their
    ``repr`` may contain an address that differs between runs.
    """
    return {name.strip("_"): _json_value(value) for name, value in values.items()}


def _json_value(value: Any) -> Parameter:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return repr(value)
        text = format_epsilon(value) if value > 0 else ""
        return text if text.endswith("/255") and "." not in text else value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, bool | int | float | str) for item in value):
        return repr(value)
    return function_name(value)


@contextmanager
def _seeded(seeds: Sequence[int], device: torch.device) -> Iterator[None]:
    seed = int(np.random.SeedSequence(list(seeds)).generate_state(1)[0])
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002  # used by third-party code
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)

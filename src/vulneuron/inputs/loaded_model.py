"""`LoadedModel`: a network and the preprocessing of its inputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from vulneuron.inputs.preprocessing import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
RANDOM_WEIGHTS = "The weights are random: this network is untrained. Give a checkpoint to analyze it."
_SEED = 0


@dataclass(frozen=True)
class ThreatModel:
    """Budget of the attacks that a network was trained against.

    Attributes
    ----------
    norm
        "linf" or "l2".
    eps
        Radius of the ball, for pixels in [0, 1].
    """

    norm: Literal["linf", "l2"]
    eps: float


@dataclass(frozen=True)
class LoadedModel:
    """A network and the preprocessing of its inputs.

    Attributes
    ----------
    module
        The network, on its original device (usually the CPU) and in its original mode.
    spec
        The spec it was loaded from, or the name of its class.
    mean, std
        Normalization of its inputs, one number per channel; None if it takes pixels in [0, 1].
    preprocessing
        Size of its inputs; None if unknown.
    class_names
        Names of its outputs, in order; None if unknown.
    threat_model
        Budget of the default attack; None if unknown.
    notes
        Remarks about the loading, a sentence or two each.
    fresh
        Whether a library has just built the module, so there is no other reference to it.
    """

    module: nn.Module
    spec: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] | None = None
    threat_model: ThreatModel | None = None
    notes: tuple[str, ...] = ()
    fresh: bool = False


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Seed random weights for networks built inside; the caller's random state is restored."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        yield

"""`LoadedModel`: a network and what is known about the images it reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from vulneuron.inputs.preprocessing import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
RANDOM_WEIGHTS = "The weights are random: this network has learned nothing. Name a checkpoint to analyze."
_SEED = 0


@dataclass(frozen=True)
class LoadedModel:
    """A model and what is known about the images it reads.

    Attributes
    ----------
    module
        The network, where its author put it (mostly the CPU), its mode unchanged.
    spec
        The string that it was loaded from, or the name of its class.
    mean, std
        Normalization that it expects, one number a channel; None if it reads pixels in [0, 1].
    preprocessing
        Size that it expects; None if it says nothing about it.
    class_names
        Names of its outputs, in order; None if unknown.
    notes
        What a user should know about how it was loaded, a sentence or two each.
    fresh
        Whether nobody else can have the module, as a library has just built it.
    """

    module: nn.Module
    spec: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    fresh: bool = False


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Build networks inside, so that random weights are the same in each run; the caller's seed is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        yield

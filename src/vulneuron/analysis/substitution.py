"""Substitution of the neurons of pairs, one at a time or together, by their values on the other image."""

from functools import cached_property
from operator import attrgetter
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from cachetools import LRUCache, cachedmethod

from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.model import Network
from vulneuron.measures.sides import ByEffect, Side
from vulneuron.measures.substitution import (
    Head,
    SetSubstitution,
    substitute_each,
    substitute_each_map,
    substitute_map_set,
    substitute_set,
)
from vulneuron.network import Classifier
from vulneuron.network.batch_size import in_batches

Doubles = npt.NDArray[np.float64]
_CACHED_PAIRS = 64


class Substitution:
    """Substitution of neurons: in closed form for a linear head, otherwise by running the network's head.

    Parameters
    ----------
    data
        The pairs.
    network
        Runs the head if it is not linear.
    """

    def __init__(self, data: LayerData, network: Network) -> None:
        self._data = data
        self._network = network
        self._cache: LRUCache[tuple[int, ...], ByEffect[Doubles]] = LRUCache(_CACHED_PAIRS)
        self._lock = Lock()

    @cached_property
    def _weight(self) -> Doubles:
        """The weights as float64, whose conversion would take most of the time of one substitution."""
        return self._data.weight.astype(np.float64)

    def each_neuron(self, pairs: Ints, *, run_head: bool = True) -> ByEffect[Doubles]:
        """Every neuron on its own, ``(pair, neuron)``; NaN if the head has to run and the network is missing.

        Parameters
        ----------
        run_head
            Whether a head that is not linear may run once per neuron and pair.
        """
        data = self._data
        if data.linear:
            benign, adversarial = np.moveaxis(data.activations[pairs], 1, 0)
            return substitute_each(benign, adversarial, data.weight, data.bias, **data.labels_of(pairs))
        if not (run_head and self._network.ready):
            unknown = np.full((len(pairs), data.neurons), np.nan)
            return ByEffect(unknown, unknown)
        effects = [self._each_feature_map(int(pair)) for pair in pairs]
        return ByEffect(
            np.stack([effect.benign_drop for effect in effects]),
            np.stack([effect.adversarial_gain for effect in effects]),
        )

    def neuron_set(self, pair: int, neurons: Ints, into: Side) -> SetSubstitution:
        """A set of neurons together; see `Analysis.substitute`."""
        data, labels = self._data, self._data.labels(pair)
        if data.linear:
            benign, adversarial = data.activations[pair]
            return substitute_set(benign, adversarial, self._weight, data.bias, neurons, into=into, **labels)
        purpose = "substitution in front of a head that is not linear"
        head = _head(self._network.require(purpose, data.layer.name))
        features = data.features(pair)
        return substitute_map_set(features.benign, features.adversarial, head, neurons, into=into, **labels)

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def _each_feature_map(self, pair: int) -> ByEffect[Doubles]:
        features = self._data.features(pair)
        head = _head(self._network.require("substitution", self._data.layer.name))
        return substitute_each_map(features.benign, features.adversarial, head, **self._data.labels(pair))


def _head(classifier: Classifier) -> Head:
    """The classifier's head as a function of arrays."""

    def head(features: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        with torch.inference_mode():
            tensor = torch.from_numpy(np.ascontiguousarray(features, np.float32))

            def batch(part: slice) -> npt.NDArray[np.float32]:
                logits: npt.NDArray[np.float32] = classifier.head(tensor[part].to(classifier.device)).numpy(
                    force=True
                )
                return logits

            return np.concatenate(in_batches(batch, len(tensor), len(tensor)))

    return head

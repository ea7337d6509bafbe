"""`Substituting`: what the attack gains by the neurons of a pair, one by one or together."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vulneuron.analysis.loading import required
from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.measures.neuron_substitution import (
    Head,
    Into,
    NeuronSubstitutions,
    SetSubstitution,
    substitute_each,
    substitute_each_map,
    substitute_map_set,
    substitute_set,
)
from vulneuron.network import Classifier

_CACHED_PAIRS = 64


class Substituting:
    """Substitution of neurons: in closed form for a linear head, else by running the classifier's head.

    Parameters
    ----------
    data
        The pairs.
    """

    def __init__(self, data: PairData) -> None:
        self._data = data
        self._each_map = lru_cache(_CACHED_PAIRS)(self._compute_each_map)

    def each(self, pairs: Ints, classifier: Classifier | None) -> NeuronSubstitutions:
        """Every neuron alone, ``(pair, neuron)``; NaN where the classifier is needed and there is none."""
        data = self._data
        if data.linear:
            benign, adversarial = np.moveaxis(data.activations[pairs], 1, 0)
            return substitute_each(benign, adversarial, data.weight, data.bias, **data.labels_of(pairs))
        if classifier is None:
            unknown = np.full((len(pairs), data.neurons), np.nan)
            return NeuronSubstitutions(unknown, unknown)
        found = [self._each_map(int(pair), classifier) for pair in pairs]
        return NeuronSubstitutions(
            np.stack([one.benign_drop for one in found]), np.stack([one.adversarial_gain for one in found])
        )

    def together(
        self, pair: int, neurons: Ints, into: Into, classifier: Classifier | None
    ) -> SetSubstitution:
        """A set of neurons; see `Analysis.substitute`."""
        data, labels = self._data, self._data.labels(pair)
        if data.linear:
            benign, adversarial = data.activations[pair]
            return substitute_set(benign, adversarial, data.weight, data.bias, neurons, into=into, **labels)
        head = _head(required(classifier, "substitution in front of a head that is not linear"))
        maps = data.maps(pair)
        return substitute_map_set(maps.benign, maps.adversarial, head, neurons, into=into, **labels)

    def _compute_each_map(self, pair: int, classifier: Classifier) -> NeuronSubstitutions:
        maps, head = self._data.maps(pair), _head(classifier)
        return substitute_each_map(maps.benign, maps.adversarial, head, **self._data.labels(pair))


def _head(classifier: Classifier) -> Head:
    """The classifier's head as a function of arrays."""

    def head(maps: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        with torch.inference_mode():
            tensor = torch.from_numpy(np.ascontiguousarray(maps, np.float32)).to(classifier.device)
            logits: npt.NDArray[np.float32] = classifier.head(tensor).numpy(force=True)
            return logits

    return head

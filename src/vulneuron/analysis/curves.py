"""`Curves`: contributions of a pair's neurons, and the bands of its two classes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.settings import Settings
from vulneuron.measures.bands import Band, band, class_rows
from vulneuron.measures.contribution import (
    Contributions,
    Weights,
    contributions,
    curve_weights,
    label_contributions,
)
from vulneuron.record.schema import ADVERSARIAL, BENIGN

_CACHED_CELLS = 256


@dataclass(frozen=True)
class Bands:
    """Bands of the benign class and of the adversarial class."""

    benign: Band
    adversarial: Band


class Curves:
    """The curves and bands of the neuron vulnerability view (paper, Figure 4).

    Parameters
    ----------
    data
        The pairs.
    """

    def __init__(self, data: PairData) -> None:
        self._data = data
        self._cell_bands = lru_cache(_CACHED_CELLS)(self._compute_bands)

    def contributions(self, pair: int, weights: Weights) -> Contributions:
        """What each neuron adds to the logits that `weights` names, on both images."""
        data = self._data
        if not data.linear:
            return label_contributions(data.contribution[pair], weights)
        benign, adversarial = data.activations[pair]
        return contributions(benign, adversarial, data.weight, weights=weights, **data.labels(pair))

    def bands(self, pair: int, settings: Settings) -> Bands:
        """Bands of the pair's two classes.

        For a head that is not linear the record has contributions to each image's own labels only, so there
        are no bands for other weights than "own".
        """
        return self._cell_bands(
            int(self._data.benign_label[pair]), int(self._data.adversarial_label[pair]), settings
        )

    def _compute_bands(self, benign_label: int, adversarial_label: int, settings: Settings) -> Bands:
        data = self._data
        of_benign = class_rows(data.benign_label, data.adversarial_label, benign_label)
        of_adversarial = class_rows(
            data.benign_label, data.adversarial_label, adversarial_label, settings.band_images
        )
        side = BENIGN if settings.band_images == "benign" else ADVERSARIAL
        if data.linear:
            weights = curve_weights(
                data.weight,
                benign_label=benign_label,
                adversarial_label=adversarial_label,
                weights=settings.weights,
            )
            benign = data.activations[of_benign, BENIGN] * weights.benign
            adversarial = data.activations[of_adversarial, side] * weights.adversarial
        elif settings.weights == "own":
            # Each image's own label: the benign one on the benign side, the adversarial one on the other.
            benign = data.contribution[of_benign, BENIGN, BENIGN]
            adversarial = data.contribution[of_adversarial, side, side]
        else:
            benign = adversarial = np.empty((0, data.neurons))
        kind, confidence = settings.band, settings.confidence
        return Bands(
            band(benign, kind=kind, confidence=confidence),
            band(adversarial, kind=kind, confidence=confidence),
        )

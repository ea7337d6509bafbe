"""The table of all neurons and all measures, for one pair or averaged over many."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from vulneuron.analysis.curves import Curves
from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.pair_masks import Masks
from vulneuron.analysis.results import Overlaps
from vulneuron.analysis.settings import Settings
from vulneuron.measures.bands import band_gap
from vulneuron.measures.neuron_substitution import (
    Head,
    NeuronSubstitutions,
    substitute_each,
    substitute_each_map,
)
from vulneuron.measures.ranking import Ranking
from vulneuron.measures.receptive_field import dead
from vulneuron.network import Classifier

Columns = dict[str, npt.NDArray[Any]]

COLUMNS = (
    "activation_benign",
    "activation_adversarial",
    "contribution_benign",
    "contribution_adversarial",
    "band_benign_low",
    "band_benign_high",
    "band_adversarial_low",
    "band_adversarial_high",
    "band_gap",
    "curve_gap",
    "substitution_benign_drop",
    "substitution_adversarial_gain",
    "iou_benign_drop",
    "iou_adversarial_gain",
    "dead_benign",
    "dead_adversarial",
)
#: Columns that neurons can be sorted by.
MEASURES = COLUMNS[:4] + COLUMNS[8:14]


def neuron_columns(
    data: PairData,
    curves: Curves,
    pair: int,
    settings: Settings,
    masks: Masks,
    overlaps: Overlaps | None,
    classifier: Classifier | None,
) -> Columns:
    """All measures of all neurons on one pair, `COLUMNS` to ``(neuron,)``; NaN for what cannot be known."""
    benign, adversarial = data.activations[pair]
    contributions = curves.contributions(pair, settings.weights)
    bands = curves.bands(pair, settings)
    substitution = _substitutions(data, pair, classifier)
    unknown = np.full(data.neurons, np.nan)
    values = (
        benign,
        adversarial,
        contributions.benign,
        contributions.adversarial,
        bands.benign.low,
        bands.benign.high,
        bands.adversarial.low,
        bands.adversarial.high,
        band_gap(bands.benign, bands.adversarial),
        contributions.curve_gap,
        unknown if substitution is None else substitution.benign_drop,
        unknown if substitution is None else substitution.adversarial_gain,
        unknown if overlaps is None else overlaps.benign_drop,
        unknown if overlaps is None else overlaps.adversarial_gain,
        dead(masks.benign),
        dead(masks.adversarial),
    )
    return dict(zip(COLUMNS, values, strict=True))


def mean_columns(columns: Sequence[Columns]) -> Columns:
    """Means over pairs of all columns; NaN is left out, and stays where no pair has a value."""
    return {name: _mean(np.stack([of_pair[name] for of_pair in columns])) for name in COLUMNS}


def as_table(columns: Columns, ranking: Ranking | None = None) -> pd.DataFrame:
    """Columns as a table indexed by neuron, with the ranks at its end if there is a ranking."""
    ranks = {} if ranking is None else {
        "rank": ranking.rank,
        "rank_low": ranking.rank_low,
        "rank_high": ranking.rank_high,
    }  # fmt: skip
    neurons = pd.RangeIndex(len(columns[COLUMNS[0]]), name="neuron")
    return pd.DataFrame({**columns, **ranks}, index=neurons)


def head_of(classifier: Classifier) -> Head:
    """The classifier's head as a function of arrays."""

    def head(maps: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        with torch.inference_mode():
            tensor = torch.from_numpy(np.ascontiguousarray(maps, np.float32)).to(classifier.device)
            logits: npt.NDArray[np.float32] = classifier.head(tensor).numpy(force=True)
            return logits

    return head


def _substitutions(data: PairData, pair: int, classifier: Classifier | None) -> NeuronSubstitutions | None:
    labels = data.labels(pair)
    if data.linear:
        benign, adversarial = data.activations[pair]
        return substitute_each(benign, adversarial, data.weight, data.bias, **labels)
    if classifier is None:
        return None
    maps = data.maps(pair)
    return substitute_each_map(maps.benign, maps.adversarial, head_of(classifier), **labels)


def _mean(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    present = ~np.isnan(values)
    totals = np.where(present, values, 0).sum(axis=0, dtype=np.float64)
    counts = present.sum(axis=0)
    unknown = np.full(values.shape[1], np.nan)
    return np.asarray(np.divide(totals, counts, out=unknown, where=counts > 0))

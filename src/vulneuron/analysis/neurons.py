"""`NeuronTable`: all neurons and all measures, of one pair or averaged over many."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from vulneuron.analysis.contributions import Curves
from vulneuron.analysis.data import Ints, PairData
from vulneuron.analysis.fields import DeadNeurons
from vulneuron.analysis.settings import Settings
from vulneuron.analysis.substitution import Substitution
from vulneuron.analysis.vulnerability import PairVulnerability
from vulneuron.engines import Cancel, Progress
from vulneuron.errors import Cancelled, MeasureError
from vulneuron.measures.bands import band_gap
from vulneuron.measures.choices import check_choice
from vulneuron.measures.ranking import rank_neurons

Doubles = npt.NDArray[np.float64]
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
#: Why there may be no value of a measure, by the beginning of its name, and what to do.
_UNKNOWN = {
    "band": (
        "as a class has fewer than two images, or has none for these weights",
        "sort by curve_gap, or take Analysis.suggested_settings",
    ),
    "iou": (
        "as there are no vulnerability maps, or they are left out",
        "run `vulneuron maps` first, or give the model",
    ),
    "substitution": ("as the head is not linear, so that the network is needed", "give the model"),
    "contribution": ("as the record has none for these weights", "take other weights"),
}
#: Values ``(pair, neuron)`` of a column that are computed at once, to stay in a CPU's cache.
_VALUES_AT_ONCE = 2**16


class NeuronTable:
    """Puts the columns together; each comes from the part of the analysis that knows it.

    Parameters
    ----------
    data, curves, substitution, dead, vulnerability
        Sources of the columns.
    """

    def __init__(
        self,
        data: PairData,
        curves: Curves,
        substitution: Substitution,
        dead: DeadNeurons,
        vulnerability: PairVulnerability,
    ) -> None:
        self._data = data
        self._curves = curves
        self._dead = dead
        self._vulnerability = vulnerability
        self._substitution = substitution

    def for_pair(self, pair: int, settings: Settings) -> pd.DataFrame:
        """All measures of all neurons on one pair, `COLUMNS` indexed by neuron; see `Analysis.neurons`."""
        columns = self._columns(np.array([pair]), settings, quick=False)
        return _as_table({name: values[0] for name, values in columns.items()})

    def for_pairs(
        self,
        pairs: Ints,
        sort_by: str,
        settings: Settings,
        *,
        quick: bool,
        resamples: int,
        allow_unknown: bool,
        progress: Progress | None,
        cancelled: Cancel | None,
    ) -> pd.DataFrame:
        """Means of all measures over pairs, and ranks; see `Analysis.rank`."""
        totals = {name: np.zeros(self._data.neurons) for name in COLUMNS}
        counts = {name: np.zeros(self._data.neurons) for name in COLUMNS}
        ranked = np.empty((len(pairs), self._data.neurons))
        for start, block in self._blocks(pairs, progress, cancelled):
            columns = self._columns(block, settings, quick=quick)
            ranked[start : start + len(block)] = columns[sort_by]
            for name, values in columns.items():
                present = ~np.isnan(values)
                totals[name] += values.sum(axis=0, where=present, dtype=np.float64)
                counts[name] += present.sum(axis=0)
        unknown = np.full(self._data.neurons, np.nan)
        means = {
            name: np.divide(totals[name], counts[name], out=unknown.copy(), where=counts[name] > 0)
            for name in COLUMNS
        }
        if np.isnan(means[sort_by]).all():
            if not allow_unknown:
                raise _unknown_measure(sort_by)
            return _as_table({**means, "rank": unknown, "rank_low": unknown, "rank_high": unknown})
        ranking = rank_neurons(ranked, confidence=settings.confidence, resamples=resamples)
        ranks = {"rank": ranking.rank, "rank_low": ranking.rank_low, "rank_high": ranking.rank_high}
        return _as_table({**means, **ranks})

    def _blocks(
        self, pairs: Ints, progress: Progress | None, cancelled: Cancel | None
    ) -> Iterator[tuple[int, Ints]]:
        """Start and numbers of the pairs of each block."""
        size = max(1, _VALUES_AT_ONCE // self._data.neurons)
        for start in range(0, len(pairs), size):
            if cancelled is not None and cancelled():
                raise Cancelled(
                    f"the ranking was cancelled after {start} of {len(pairs)} pairs",
                    allowed="a run to the end, which gives the means",
                    fix="start it again",
                )
            yield start, pairs[start : start + size]
            if progress is not None:
                progress(min(start + size, len(pairs)), len(pairs))

    def _columns(self, pairs: Ints, settings: Settings, *, quick: bool) -> Columns:
        """`COLUMNS` to ``(pair, neuron)``; NaN for what cannot be known."""
        benign, adversarial = np.moveaxis(self._data.activations[pairs], 1, 0)
        contributions = self._curves.contributions(pairs, settings.weights)
        bands = self._curves.bands(pairs, settings)
        substitution = self._substitution.each_neuron(pairs, run_head=not quick)
        unknown = np.full(benign.shape, np.nan)
        drop, gain = (unknown, unknown) if quick else self._overlaps(pairs, settings)
        dead = (unknown, unknown) if quick else np.moveaxis(self._dead.dead(pairs, settings.threshold), 1, 0)
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
            substitution.benign_drop,
            substitution.adversarial_gain,
            drop,
            gain,
            *dead,
        )
        return dict(zip(COLUMNS, values, strict=True))

    def _overlaps(self, pairs: Ints, settings: Settings) -> tuple[Doubles, Doubles]:
        """IoUs ``(pair, neuron)`` with the top of either map, NaN for pairs without maps."""
        drop, gain = np.full((2, len(pairs), self._data.neurons), np.nan)
        for row in np.flatnonzero(self._vulnerability.with_maps(pairs, settings)):
            overlaps = self._vulnerability.overlaps(int(pairs[row]), settings)
            drop[row], gain[row] = overlaps.benign_drop, overlaps.adversarial_gain
        return drop, gain


def known_measure(neurons: pd.DataFrame, measure: str | None) -> str:
    """What to sort neurons by.

    Parameters
    ----------
    neurons
        As `Analysis.neurons` or `Analysis.rank` gives them.
    measure
        What was asked for; None for the band gap, or the curve gap where no neuron has a band.

    Raises
    ------
    MeasureError
        If there is no such measure, or no neuron has a value of it.
    """
    if measure is None:
        return "band_gap" if neurons["band_gap"].notna().any() else "curve_gap"
    check_choice(measure, "sort_by", MEASURES)
    if neurons[measure].isna().all():
        raise _unknown_measure(measure)
    return measure


def _unknown_measure(measure: str) -> MeasureError:
    reason, fix = _UNKNOWN[measure.partition("_")[0]]
    return MeasureError(f"{measure} is unknown here, {reason}", allowed="a measure with values", fix=fix)


def _as_table(columns: Columns) -> pd.DataFrame:
    neurons = pd.RangeIndex(len(columns[COLUMNS[0]]), name="neuron")
    # Nothing times a negative weight is -0.0, which reads as if it meant something.
    shown = {name: values if values.dtype == np.bool_ else values + 0 for name, values in columns.items()}
    return pd.DataFrame(shown, index=neurons)

"""The table of neurons: one row per neuron, one column per measure, for one pair or averaged over many."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from vulneuron.analysis.contributions import Curves
from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.fields import DeadNeurons
from vulneuron.analysis.means import MeasureCache, PairSet
from vulneuron.analysis.settings import Settings
from vulneuron.analysis.substitution import Substitution
from vulneuron.analysis.vulnerability import FieldOverlaps, PairVulnerability
from vulneuron.engines import UNWATCHED, Watch
from vulneuron.errors import MeasureError, did_you_mean
from vulneuron.measures import MEASURES, ByEffect, BySide, NeuronMeasure
from vulneuron.measures.bands import Band
from vulneuron.measures.ranking import rank_neurons

Doubles = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]

#: Columns that `Analysis.rank` adds.
RANKS = ("rank", "rank_low", "rank_high")
#: Default measures to sort neurons by: the first of these that has values is used.
DEFAULT_SORTS = ("band_gap", "curve_gap")
#: Values ``(pair, neuron)`` of a column that stay in a CPU's cache, and bytes per value with intermediates.
_VALUES_IN_CACHE = 2**16
_BYTES_PER_VALUE = 64


class PairBlock:
    """A `NeuronContext`: the values of a block of pairs from which measures are computed.

    Parameters
    ----------
    table
        The table that the values belong to.
    pairs
        A set of pairs with settings.
    block
        Pairs of the set that are in the block.
    """

    def __init__(self, table: "NeuronTable", pairs: PairSet, block: slice) -> None:
        self._table, self._all, self._settings = table, pairs, pairs.settings
        self._pairs = pairs.pairs[block]

    @cached_property
    def activations(self) -> BySide[npt.NDArray[Any]]:
        """Activations on both images, ``(pair, neuron)``."""
        return BySide(*np.moveaxis(self._table.data.activations[self._pairs], 1, 0))

    @cached_property
    def contributions(self) -> BySide[Doubles]:
        """Contributions on both images, ``(pair, neuron)``."""
        return self._table.curves.contributions(self._pairs, self._settings.curves.weights)

    @cached_property
    def bands(self) -> BySide[Band]:
        """Bands of each pair's two classes, ``(pair, neuron)``."""
        return self._table.curves.bands(self._pairs, self._settings.curves)

    @cached_property
    def substitution(self) -> ByEffect[Doubles]:
        """Effect of substituting each neuron on its own, ``(pair, neuron)``."""
        return self._table.substitution.each_neuron(self._pairs)

    @cached_property
    def overlaps(self) -> ByEffect[Doubles]:
        """IoU with the top of either vulnerability map, ``(pair, neuron)``; NaN for pairs without maps."""
        drop, gain = np.full((2, len(self._pairs), self._table.data.neurons), np.nan)
        settings = self._settings
        for row in np.flatnonzero(np.isin(self._pairs, self._all.with_maps)):
            drop[row], gain[row] = self._table.overlaps.overlaps(
                int(self._pairs[row]), settings.fields, settings.vmaps
            )
        return ByEffect(drop, gain)

    @cached_property
    def dead(self) -> BySide[npt.NDArray[np.bool_]]:
        """Whether the neuron captures nothing on each image, ``(pair, neuron)``."""
        return BySide(*np.moveaxis(self._table.dead.dead(self._pairs, self._settings.fields.threshold), 1, 0))

    @cached_property
    def feature_maps(self) -> BySide[npt.NDArray[Any]]:
        """Feature maps on both images, ``(pair, neuron, row, column)``."""
        features = [self._table.data.features(int(pair)) for pair in self._pairs]
        return BySide(
            np.stack([one.benign for one in features]), np.stack([one.adversarial for one in features])
        )

    @cached_property
    def labels(self) -> BySide[Ints]:
        """Benign and adversarial label, ``(pair,)``."""
        data = self._table.data
        return BySide(data.benign_label[self._pairs], data.adversarial_label[self._pairs])

    @cached_property
    def logits(self) -> BySide[npt.NDArray[Any]]:
        """Logits on both images, ``(pair, class)``."""
        return BySide(*np.moveaxis(self._table.data.logits[self._pairs], 1, 0))


class NeuronTable:
    """Computes the columns of the declared measures, in blocks of pairs.

    Parameters
    ----------
    data, curves, substitution, dead, vulnerability, overlaps
        Sources of the values from which measures are computed.
    memory
        Approximate number of bytes that the values of a block of pairs may take.
    """

    def __init__(
        self,
        data: LayerData,
        curves: Curves,
        substitution: Substitution,
        dead: DeadNeurons,
        vulnerability: PairVulnerability,
        overlaps: FieldOverlaps,
        *,
        memory: int,
    ) -> None:
        self.data = data
        self.curves = curves
        self.substitution = substitution
        self.dead = dead
        self.vulnerability = vulnerability
        self.overlaps = overlaps
        self._values_at_once = min(_VALUES_IN_CACHE, memory // _BYTES_PER_VALUE)
        self._cache = MeasureCache()

    def for_pair(self, pair: int, settings: Settings, measures: Sequence[NeuronMeasure]) -> pd.DataFrame:
        """Columns of one pair, indexed by neuron; see `Analysis.neurons`."""
        pairs = self._pair_set(np.array([pair]), settings)
        columns = self._columns(pairs, slice(None), measures)
        return _as_table({name: values[0] for name, values in columns.items()})

    def means(
        self, pairs: Ints, settings: Settings, measures: Sequence[NeuronMeasure], watch: Watch
    ) -> pd.DataFrame:
        """Means of the columns over the pairs that have a value; see `Analysis.mean_neurons`."""
        chosen = self._pair_set(pairs, settings)
        cached = {measure.name: self._cache.get(measure, chosen, "mean") for measure in measures}
        new = [measure for measure in measures if cached[measure.name] is None]
        columns: Columns = {name: mean for name, mean in cached.items() if mean is not None}
        if new:
            means = self._means(chosen, new, watch)
            for measure in new:
                self._cache.keep(means[measure.name], measure, chosen, "mean")
            columns |= means
        return _as_table({measure.name: columns[measure.name] for measure in measures})

    def means_done(self, pairs: Ints, settings: Settings, measures: Sequence[NeuronMeasure]) -> int:
        """Number of pairs that are in the means of the columns; see `Analysis.means_done`."""
        chosen = self._pair_set(pairs, settings)
        # Which pairs have maps would have to be read; measures are computed together with the others.
        asked = [measure for measure in measures if "vulnerability_maps" not in measure.needs]
        new = [measure for measure in asked if self._cache.get(measure, chosen, "mean") is None]
        sums = self._cache.running(chosen)
        return min([sums.reached(chosen.question(measure)) for measure in new], default=len(pairs))

    def ranks(
        self, pairs: Ints, settings: Settings, measure: NeuronMeasure, *, resamples: int
    ) -> pd.DataFrame:
        """Rank of each neuron by the mean of a measure over pairs, and its interval: the columns `RANKS`.

        Raises
        ------
        MeasureError
            If none of the pairs has a value of the measure.
        """
        chosen, confidence = self._pair_set(pairs, settings), settings.curves.confidence
        # Another thread may be computing them now.
        with self._cache.running(chosen).lock:
            ranks = self._cache.get(measure, chosen, "ranks", confidence, resamples)
            if ranks is None:
                ranks = self._ranks(chosen, measure, resamples)
                self._cache.keep(ranks, measure, chosen, "ranks", confidence, resamples)
        return _as_table(dict(zip(RANKS, ranks, strict=True)))

    def _means(self, pairs: PairSet, measures: Sequence[NeuronMeasure], watch: Watch) -> Columns:
        sums, questions = self._cache.running(pairs), {one.name: pairs.question(one) for one in measures}
        for block in self._blocks(pairs.pairs, watch):
            with sums.lock:
                new = [one for one in measures if sums.reached(questions[one.name]) == block.start]
                for name, values in self._columns(pairs, block, new).items():
                    sums.add(questions[name], values)
        return {name: sums.mean(question) for name, question in questions.items()}

    def _ranks(self, pairs: PairSet, measure: NeuronMeasure, resamples: int) -> Doubles:
        """Ranks and the ends of their intervals, ``(column of RANKS, neuron)``."""
        values = np.empty((len(pairs.pairs), self.data.neurons))
        for block in self._blocks(pairs.pairs, UNWATCHED):
            values[block] = self._columns(pairs, block, [measure])[measure.name]
        if np.isnan(values).all():
            raise measure.missing()
        ranking = rank_neurons(
            values,
            descending=measure.first == "largest",
            confidence=pairs.settings.curves.confidence,
            resamples=resamples,
        )
        return np.stack([ranking.rank, ranking.rank_low, ranking.rank_high])

    def _columns(self, pairs: PairSet, block: slice, measures: Sequence[NeuronMeasure]) -> Columns:
        context = PairBlock(self, pairs, block)
        shape = (len(pairs.pairs[block]), self.data.neurons)
        return {measure.name: self._cache.computed(measure, context, shape) for measure in measures}

    def _pair_set(self, pairs: Ints, settings: Settings) -> PairSet:
        return PairSet(pairs, settings, self.vulnerability)

    def _blocks(self, pairs: Ints, watch: Watch) -> Iterator[slice]:
        size = max(1, self._values_at_once // self.data.neurons)
        blocks = (range(start, min(start + size, len(pairs))) for start in range(0, len(pairs), size))
        for block in watch.over(blocks, len(pairs), "pairs"):
            yield slice(block.start, block.stop)


def declared_measures(columns: Sequence[str] | None) -> list[NeuronMeasure]:
    """Measures of these columns, in this order; all of them for None.

    Raises
    ------
    MeasureError
        If there is no such column.
    """
    for name in columns or ():
        if name not in MEASURES:
            raise MeasureError(
                f"given column {name!r}",
                allowed=", ".join(MEASURES),
                fix=did_you_mean(str(name), MEASURES) or "choose among these columns",
            )
    return [MEASURES[name] for name in (MEASURES if columns is None else columns)]


def sort_measure(neurons: pd.DataFrame, sort_by: str | None = None) -> NeuronMeasure:
    """The measure that a table of neurons is sorted by.

    Parameters
    ----------
    neurons
        As `Analysis.neurons` or `Analysis.rank` return it.
    sort_by
        Name of the measure; None for the first of `DEFAULT_SORTS` that has values.

    Raises
    ------
    MeasureError
        If there is no such measure, or no neuron has a value of it.
    """
    names = DEFAULT_SORTS if sort_by is None else (sort_by,)
    measures = [MEASURES.sortable(name) for name in names]
    for measure in measures:
        if neurons[measure.name].notna().any():
            return measure
    raise measures[-1].missing()


def sorted_neurons(neurons: pd.DataFrame, measure: NeuronMeasure, *, reverse: bool = False) -> pd.DataFrame:
    """The table in the order of a measure: the end that comes first in rankings at the top.

    Parameters
    ----------
    reverse
        Whether to put the other end at the top.
    """
    ascending = (measure.first == "smallest") != reverse
    return neurons.sort_values(measure.name, ascending=ascending, kind="stable")


def _as_table(columns: Columns) -> pd.DataFrame:
    # Adding 0 turns -0.0, the product of 0 and a negative weight, into 0.0.
    values = {name: column if column.dtype == np.bool_ else column + 0 for name, column in columns.items()}
    neurons = len(next(iter(columns.values())))
    return pd.DataFrame(values, index=pd.RangeIndex(neurons, name="neuron"))

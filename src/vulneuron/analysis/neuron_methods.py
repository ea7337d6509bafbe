"""Methods of `Analysis` about neurons: their measures, rankings, substitution and clusters."""

from collections.abc import Sequence

import pandas as pd

from vulneuron.analysis.base import AnalysisBase
from vulneuron.analysis.data import Ints
from vulneuron.analysis.neurons import DEFAULT_SORTS, declared_measures
from vulneuron.analysis.selection import checked_neurons, checked_pairs
from vulneuron.analysis.settings import Settings
from vulneuron.engines import UNWATCHED, Watch
from vulneuron.measures import MEASURES, Side
from vulneuron.measures.clustering import Dendrogram
from vulneuron.measures.substitution import SetSubstitution


class NeuronMethods(AnalysisBase):
    """Measures of neurons, and clusters of neurons that capture the same image regions."""

    def neurons(
        self, pair: int, *, columns: Sequence[str] | None = None, settings: Settings | None = None
    ) -> pd.DataFrame:
        """Measures of all neurons on one pair, indexed by neuron.

        Parameters
        ----------
        pair
            Number of the pair.
        columns
            Names of columns, see `vulneuron.measures.MEASURES`; None for all columns, without computing new
            vulnerability maps. If a named column needs vulnerability maps and the network is attached, they
            are computed, which takes seconds.

        Returns
        -------
        DataFrame
            Missing values are NaN: bands of a class with fewer than two images, IoUs without vulnerability
            maps, and, without the network, substitution for a head that is not linear.

        Raises
        ------
        MeasureError
            If there is no such pair or column.
        """
        settings, number = settings or self.settings, self.data.check_pair(pair)
        measures = declared_measures(columns)
        maps_needed = columns is not None and any(
            "vulnerability_maps" in measure.needs for measure in measures
        )
        if maps_needed and self.network.ready:
            self._vulnerability.maps(number, settings.vmaps)
        return self._table.for_pair(number, settings, measures)

    def mean_neurons(
        self,
        pairs: Sequence[int] | Ints,
        *,
        columns: Sequence[str] | None = None,
        settings: Settings | None = None,
        watch: Watch = UNWATCHED,
    ) -> pd.DataFrame:
        """Means of the measures over a set of pairs, such as a matrix cell, indexed by neuron.

        Most columns follow from activations and weights in closed form: thousands of pairs take less than a
        second. Measures with expensive `NeuronMeasure.needs` read or compute values for each pair.

        Parameters
        ----------
        pairs
            Numbers of the pairs.
        columns
            As for `neurons`, but no new vulnerability maps are computed. Means include only the pairs that
            have a value; for IoUs, those with vulnerability maps.
        watch
            Reports progress after each block of pairs, and may cancel.

        Raises
        ------
        MeasureError
            If there is no such pair or column.
        Cancelled
            If `watch` cancels.
        """
        return self._table.means(
            checked_pairs(self.record, pairs),
            settings or self.settings,
            declared_measures(columns),
            watch,
        )

    def means_done(
        self,
        pairs: Sequence[int] | Ints,
        *,
        columns: Sequence[str] | None = None,
        settings: Settings | None = None,
    ) -> int:
        """Number of pairs that are in the means of `mean_neurons` while another thread computes them.

        Parameters
        ----------
        pairs, columns, settings
            As for `mean_neurons`. Columns that need vulnerability maps do not count.

        Raises
        ------
        MeasureError
            If there is no such pair or column.
        """
        return self._table.means_done(
            checked_pairs(self.record, pairs), settings or self.settings, declared_measures(columns)
        )

    def rank(
        self,
        pairs: Sequence[int] | Ints,
        *,
        sort_by: str = DEFAULT_SORTS[0],
        columns: Sequence[str] | None = None,
        settings: Settings | None = None,
        resamples: int = 1000,
        watch: Watch = UNWATCHED,
    ) -> pd.DataFrame:
        """Means over a set of pairs, and each neuron's rank by the mean of one measure.

        Parameters
        ----------
        sort_by
            Measure to rank by. Rank 1 is the end that the measure declares as first: the most inhibited
            neuron for gaps, the largest value for other measures.
        resamples
            Number of bootstrap resamples of the pairs for the intervals of the ranks; 0 for no intervals
            (NaN).
        pairs, columns, settings, watch
            As for `mean_neurons`.

        Returns
        -------
        DataFrame
            The means, and ``rank, rank_low, rank_high``, with the interval at the settings' confidence. All
            pairs of a cell have the same band gap, so the interval of its rank has no width.

        Raises
        ------
        MeasureError
            If there is no such pair, column or measure, or none of the pairs has a value of the measure.
        Cancelled
            If `watch` cancels.
        """
        measure, numbers = MEASURES.sortable(sort_by), checked_pairs(self.record, pairs)
        chosen = settings or self.settings
        ranks = self._table.ranks(numbers, chosen, measure, resamples=resamples)
        means = self.mean_neurons(numbers, columns=columns, settings=chosen, watch=watch)
        return means.join(ranks)

    def substitute(
        self, pair: int, neurons: Sequence[int] | Ints, *, into: Side = "benign"
    ) -> SetSubstitution:
        """Effect of replacing the benign values of some neurons by the adversarial ones, or vice versa.

        Raises
        ------
        MeasureError
            If the pair or a neuron is unknown, or the head is not linear and there is no classifier.
        """
        chosen = checked_neurons(neurons, self.data.neurons)
        return self._substitution.neuron_set(self.data.check_pair(pair), chosen, into)

    def dendrogram(self, pair: int, *, settings: Settings | None = None) -> Dendrogram:
        """Neurons clustered by what they capture on both images of a pair (paper, Section 5.2.2)."""
        chosen = settings or self.settings
        return self._clusters.dendrogram(self.data.check_pair(pair), chosen.fields, chosen.clusters)

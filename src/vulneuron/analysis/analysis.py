"""`Analysis`: every number and picture of a record, one method each."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.image_methods import ImageMethods
from vulneuron.analysis.model import Network
from vulneuron.analysis.nearest import Likeness, nearest_pairs
from vulneuron.analysis.neuron_methods import NeuronMethods
from vulneuron.analysis.pair_filters import Range, filtered_pairs
from vulneuron.analysis.pair_orders import ordered_pairs
from vulneuron.analysis.results import NearestPairs, Pair
from vulneuron.analysis.selection import cell_pairs, checked_pairs
from vulneuron.analysis.settings import Settings, suggested_settings
from vulneuron.analysis.vulnerability import PairVulnerability
from vulneuron.engines import Dense, Engine, Incremental
from vulneuron.measures.choices import check_whole
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY
from vulneuron.record import Record, open_record
from vulneuron.record.map_points import SAVE_SECONDS


class Analysis(NeuronMethods, ImageMethods):
    """Analysis of a record: vulnerable neurons, and the image features that they capture.

    Notebooks, exports and the dashboard all use this class, so their numbers agree. Results are cached, and
    vulnerability maps are stored in the record.

    Parameters
    ----------
    record
        A finished record, or its path.
    classifier
        The network of the record's run; needed for new vulnerability maps, and for the substitution of
        neurons if the head is not linear.
    layer
        Name of the target layer whose neurons are analyzed, one of ``record.layers``; None for the last one.
    settings
        Default settings of all methods; the `settings` of a method take precedence.
    memory
        Approximate number of bytes for the network's feature maps while vulnerability maps are computed, and
        for the measures of many pairs.
    save_every
        Seconds between two saves of vulnerability maps during their computation.
    engines
        Custom engines by the names "dense" and "incremental"; `memory` does not apply to them.

    Attributes
    ----------
    record
        The record.
    network
        Its network, which may be attached later.
    settings
        Default settings of all methods.
    data
        The pairs of the record, and the values of the layer's neurons.

    Raises
    ------
    RecordError
        If the record has no such layer.
    ModelError
        If the classifier is not the network of the record's run.
    MeasureError
        If `memory` is not a positive integer.
    """

    def __init__(
        self,
        record: Record | str | Path,
        classifier: Classifier | None = None,
        layer: str | None = None,
        *,
        settings: Settings | None = None,
        memory: int = MEMORY,
        save_every: float = SAVE_SECONDS,
        engines: Mapping[str, Engine] | None = None,
    ) -> None:
        check_whole(memory, "memory")
        record = record if isinstance(record, Record) else open_record(record)
        network, data = Network(record, classifier), LayerData(record, layer)
        # Created once, because engines cache their analysis of the network.
        own_engines: dict[str, Engine] = {
            "dense": Dense(memory=memory),
            "incremental": Incremental(memory=memory),
        }
        vulnerability = PairVulnerability(
            data, network, engines=engines or own_engines, save_every=save_every
        )
        super().__init__(record, network, data, vulnerability, settings or Settings(), memory)

    @property
    def layer(self) -> str:
        """Name of the target layer whose neurons are analyzed."""
        return self.data.layer.name

    def at(self, layer: str) -> "Analysis":
        """The same analysis for the neurons of another layer; network and vulnerability maps are shared.

        Raises
        ------
        RecordError
            If the record has no such layer.
        """
        if layer == self.layer:
            return self
        other = copy(self)
        other._read_layer(LayerData(self.record, layer))
        return other

    def with_settings(self, settings: Settings) -> "Analysis":
        """The same analysis with other default settings; everything computed so far is shared."""
        other = copy(self)
        other.settings = settings
        return other

    @cached_property
    def suggested_settings(self) -> Settings:
        """Default settings, with bands of adversarial images if most pairs would have no other band."""
        return suggested_settings(self.data.benign_label, self.data.adversarial_label)

    @property
    def layer_threshold(self) -> float:
        """Default absolute threshold of receptive fields: see `vulneuron.measures.thresholds`."""
        return self._thresholds.layer_default

    def prediction_matrix(self) -> pd.DataFrame:
        """Number of pairs by true label (rows) and adversarial label (columns) (paper, Figure 2-a4).

        Rows and columns without pairs are omitted.
        """
        pairs = self.record.pairs
        return pd.crosstab(
            pairs["benign_label"].cat.remove_unused_categories(),
            pairs["adversarial_label"].cat.remove_unused_categories(),
        )

    def cell(self, benign: str | None, adversarial: str | None) -> Ints:
        """Pairs of a cell of the prediction matrix; None for a whole row or column."""
        return cell_pairs(self.record, benign, adversarial)

    def order_pairs(self, order: str, pairs: Sequence[int] | Ints | None = None) -> Ints:
        """Pairs in the order of the image grid (paper, Sections 5.1, 6.1.3 and 6.2.2).

        Parameters
        ----------
        order
            Name of one of `vulneuron.analysis.PAIR_ORDERS`, such as "l2_up" or "change_down".
        pairs
            The pairs to sort; None for all.

        Raises
        ------
        MeasureError
            If the order or a pair is unknown.
        """
        return ordered_pairs(self._rows(pairs), order)

    def filter_pairs(
        self,
        pairs: Sequence[int] | Ints | None = None,
        *,
        text: str = "",
        **values: Range | bool | None,
    ) -> Ints:
        """Pairs that pass all given filters, ascending; none may be left.

        Parameters
        ----------
        pairs
            The pairs to filter; None for all.
        text
            Words, each of which is the pair's number or part of a label or of the image's name, in upper or
            lower case.
        values
            Values of `vulneuron.analysis.PAIR_FILTERS` by name: a range, such as
            ``benign_probability=(0.5, 0.9)`` or ``perturbation_l2=(None, 1.2)``, which includes its ends;
            or ``survives_8bit=True``.

        Raises
        ------
        MeasureError
            If a filter or a pair is unknown, or a value is invalid.
        """
        return filtered_pairs(self._rows(pairs), text, values)

    def nearest_pairs(
        self,
        pair: int,
        *,
        by: Likeness = "benign",
        count: int = 24,
        pairs: Sequence[int] | Ints | None = None,
        settings: Settings | None = None,
    ) -> NearestPairs:
        r"""Pairs that are most like a given one, the nearest first.

        The distance is the cosine distance :math:`1 - u \cdot v / (|u| |v|)` of two vectors with one value
        per neuron, and 1 if one of them is 0. All pairs are compared.

        Parameters
        ----------
        by
            "benign" or "adversarial": activations on that image. "change": contributions on the adversarial
            minus those on the benign image, with the settings' ``weights``: the same neurons change alike.
        count
            Largest number of results.
        pairs
            The pairs to choose from; None for all. The given pair is left out.

        Raises
        ------
        MeasureError
            If a pair, `by` or the count is invalid.
        """
        among = np.arange(self.data.count) if pairs is None else checked_pairs(self.record, pairs)
        weights = (settings or self.settings).curves.weights
        number = self.data.check_pair(pair)
        return nearest_pairs(self.data, self._curves, number, among, by=by, count=count, weights=weights)

    def pair(self, pair: int) -> Pair:
        """Labels, probabilities and perturbation of one pair."""
        return self.data.describe(self.data.check_pair(pair))

    def _rows(self, pairs: Sequence[int] | Ints | None) -> pd.DataFrame:
        """Rows of ``record.pairs``; None for all."""
        table = self.record.pairs
        return table if pairs is None else table.iloc[checked_pairs(self.record, pairs)]

"""`Analysis`: every number and picture of a record, one method each."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vulneuron.analysis.clusters import Clusters
from vulneuron.analysis.context import Order, context
from vulneuron.analysis.contributions import Curves
from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.fields import DeadNeurons, FieldThresholds, ReceptiveFields, combined
from vulneuron.analysis.model import Network
from vulneuron.analysis.neurons import DEFAULT_SORTS, NeuronTable, declared_measures
from vulneuron.analysis.occlusion import Occlusion
from vulneuron.analysis.results import Context, Masks, Pair, ReceptiveField, TopMasks
from vulneuron.analysis.selection import cell_pairs, checked_neurons, checked_numbers, checked_pairs
from vulneuron.analysis.settings import (
    COMBINATIONS,
    Combination,
    Settings,
    suggested_settings,
)
from vulneuron.analysis.substitution import Substitution
from vulneuron.analysis.vulnerability import FieldOverlaps, OnStage, PairVulnerability
from vulneuron.engines import Cancel, Dense, Engine, Incremental, Progress, Watch
from vulneuron.maps.occlusion import DiscrepancyMaps, Occluder
from vulneuron.maps.vulnerability_map import VulnerabilityMaps
from vulneuron.measures import MEASURES, SIDES, ByEffect, Side
from vulneuron.measures.choices import check_choice, check_size, check_whole
from vulneuron.measures.clustering import Dendrogram
from vulneuron.measures.context import Scope
from vulneuron.measures.substitution import SetSubstitution
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY
from vulneuron.record import Record, open_record
from vulneuron.record.map_points import SAVE_SECONDS

__all__ = ["Analysis", "Combination", "Order"]


class Analysis:
    """Answers the two questions about a record: which neurons are vulnerable, and what do they capture.

    Everything is computed in one place and cached, so that notebooks, exports and the dashboard show the same
    numbers. Vulnerability maps are kept in the record.

    Parameters
    ----------
    record
        A finished record, or its path.
    classifier
        The network that made the record, for what the record does not hold: new vulnerability maps, and the
        substitution of neurons in front of a head that is not linear.
    layer
        Name of the target layer whose neurons are analyzed, one of ``record.layers``; the last one when None.
    settings
        Choices behind the numbers; a method's own `settings` come first.
    memory
        Approximate number of bytes that the network's feature maps may take at once while vulnerability
        maps are computed.
    save_every
        Seconds between two saves of vulnerability maps that are being computed.
    engines
        Other engines under the names "dense" and "incremental"; `memory` is theirs to observe.

    Attributes
    ----------
    record
        The record.
    network
        Its network, which may be attached later.
    settings
        Default settings of all methods.
    data
        What the record holds of its pairs, and of the layer's neurons on them.

    Raises
    ------
    RecordError
        If the record has no such layer.
    ModelError
        If the classifier is another network than the one that made the record.
    MeasureError
        If `memory` is no whole number above 0.
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
        self.record = record if isinstance(record, Record) else open_record(record)
        self.settings = settings or Settings()
        self.network = Network(self.record, classifier)
        self.data = LayerData(self.record, layer)
        self._vulnerability = PairVulnerability(
            self.data,
            self.network,
            # Engines remember what they learn about the network.
            engines=engines or {"dense": Dense(memory=memory), "incremental": Incremental(memory=memory)},
            save_every=save_every,
        )
        self._read_layer(self.data)

    @property
    def layer(self) -> str:
        """Name of the target layer whose neurons are analyzed."""
        return self.data.layer.name

    def at(self, layer: str) -> "Analysis":
        """The same analysis of the neurons of another layer; network and vulnerability maps are shared.

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

    def _read_layer(self, data: LayerData) -> None:
        """Prepare all that depends on the layer; the numbers themselves are computed on demand."""
        self.data = data
        self._thresholds = FieldThresholds(data)
        self._fields = ReceptiveFields(data, self._thresholds)
        self._overlaps = FieldOverlaps(self._fields, self._vulnerability)
        self._substitution = Substitution(data, self.network)
        self._occlusion = Occlusion(data, self.network)
        self._clusters = Clusters(data, self._fields)
        dead = DeadNeurons(data, self._thresholds)
        self._table = NeuronTable(
            data, Curves(data), self._substitution, dead, self._vulnerability, self._overlaps
        )

    @cached_property
    def suggested_settings(self) -> Settings:
        """The default settings; but with bands of adversarial images where the record has no other ones."""
        return suggested_settings(self.data.benign_label, self.data.adversarial_label)

    @property
    def layer_threshold(self) -> float:
        """Default absolute threshold of receptive fields: see `vulneuron.measures.thresholds`."""
        return self._thresholds.layer_default

    # -- pairs -------------------------------------------------------------------------------------------

    def prediction_matrix(self) -> pd.DataFrame:
        """Numbers of pairs: true labels as rows, adversarial labels as columns (paper, Figure 2-a4).

        Classes without a pair are left out, on each side.
        """
        pairs = self.record.pairs
        return pd.crosstab(
            pairs["benign_label"].cat.remove_unused_categories(),
            pairs["adversarial_label"].cat.remove_unused_categories(),
        )

    def cell(self, benign: str | None, adversarial: str | None) -> Ints:
        """Pairs of a cell of the prediction matrix; None for a whole row or column."""
        return cell_pairs(self.record, benign, adversarial)

    def pair(self, pair: int) -> Pair:
        """Labels, probabilities and perturbation of one pair."""
        return self.data.describe(self.data.check_pair(pair))

    # -- neurons -----------------------------------------------------------------------------------------

    def neurons(
        self, pair: int, *, columns: Sequence[str] | None = None, settings: Settings | None = None
    ) -> pd.DataFrame:
        """Measures of all neurons on one pair, indexed by neuron.

        Parameters
        ----------
        pair
            Number of the pair.
        columns
            Names of columns, see `vulneuron.measures.MEASURES`. None for all of them, as far as they can be
            had without new vulnerability maps. Naming a column that needs vulnerability maps computes these
            if the network is there, which takes seconds.

        Returns
        -------
        DataFrame
            NaN where there is no value: bands of a class with fewer than two images, IoUs without
            vulnerability maps, substitution in front of a head that is not linear without the network.

        Raises
        ------
        MeasureError
            If there is no such pair or column.
        """
        settings, number = settings or self.settings, self.data.check_pair(pair)
        measures = declared_measures(columns)
        wanted = columns is not None and any("vulnerability_maps" in one.needs for one in measures)
        if wanted and self.network.ready:
            self._vulnerability.maps(number, settings.vmaps)
        return self._table.for_pair(number, settings, measures)

    def mean_neurons(
        self,
        pairs: Sequence[int] | Ints,
        *,
        columns: Sequence[str] | None = None,
        settings: Settings | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> pd.DataFrame:
        """Means of the measures over a set of pairs, such as a matrix cell, indexed by neuron.

        Most columns follow from activations and weights in closed form, for thousands of pairs within a
        second. Those with costly `NeuronMeasure.needs` read or compute something for each pair.

        Parameters
        ----------
        pairs
            Numbers of the pairs.
        columns
            As for `neurons`. No new vulnerability maps are computed here: a mean is over the pairs that have
            a value, for IoUs those with maps.
        progress, cancelled
            Called after and before each block of pairs, with the number of pairs done and of all.

        Raises
        ------
        MeasureError
            If there is no such pair or column.
        Cancelled
            If `cancelled` returns True.
        """
        return self._table.means(
            checked_pairs(self.record, pairs),
            settings or self.settings,
            declared_measures(columns),
            progress=progress,
            cancelled=cancelled,
        )

    def rank(
        self,
        pairs: Sequence[int] | Ints,
        *,
        sort_by: str = DEFAULT_SORTS[0],
        columns: Sequence[str] | None = None,
        settings: Settings | None = None,
        resamples: int = 1000,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> pd.DataFrame:
        """Means over a set of pairs, and each neuron's rank by the mean of one measure.

        Parameters
        ----------
        sort_by
            The measure that ranks. Rank 1 is the end that the measure declares as the first: the most
            inhibited neuron for gaps, the largest value for the others.
        resamples
            Bootstrap resamples of the pairs behind the intervals of the ranks; 0 for none (NaN).
        pairs, columns, settings, progress, cancelled
            As for `mean_neurons`.

        Returns
        -------
        DataFrame
            The means, and ``rank, rank_low, rank_high``, the interval at the settings' confidence. All pairs
            of a cell have the same band gap, so its rank has no width there.

        Raises
        ------
        MeasureError
            If there is no such pair, column or measure, or none of the pairs has a value of the measure.
        Cancelled
            If `cancelled` returns True.
        """
        measure, numbers = MEASURES.to_rank_by(sort_by), checked_pairs(self.record, pairs)
        chosen = settings or self.settings
        ranks = self._table.ranks(numbers, chosen, measure, resamples=resamples)
        means = self.mean_neurons(
            numbers, columns=columns, settings=chosen, progress=progress, cancelled=cancelled
        )
        return means.join(ranks)

    def substitute(
        self, pair: int, neurons: Sequence[int] | Ints, *, into: Side = "benign"
    ) -> SetSubstitution:
        """Put the adversarial values of a set of neurons into the benign image's, or the other way round.

        Raises
        ------
        MeasureError
            If the pair or a neuron is unknown, or the head is not linear and there is no classifier.
        """
        chosen = checked_neurons(neurons, self.data.neurons)
        return self._substitution.neuron_set(self.data.check_pair(pair), chosen, into)

    # -- image parts -------------------------------------------------------------------------------------

    def masks(self, pair: int, *, settings: Settings | None = None) -> Masks:
        """What every neuron captures on both images, each ``(neuron, y, x)`` of the images' size."""
        return self._fields.masks_for_all(
            self.data.check_pair(pair), (settings or self.settings).fields.threshold
        )

    def neuron_masks(
        self, neuron: int, pairs: Sequence[int] | Ints, *, settings: Settings | None = None
    ) -> Masks:
        """What one neuron captures on these pairs, each ``(pair, y, x)`` of the images' size."""
        (chosen,) = checked_neurons(neuron, self.data.neurons).tolist()
        numbers = checked_numbers(pairs, "pair", self.data.count)
        return self._fields.masks_for_pairs(numbers, chosen, (settings or self.settings).fields.threshold)

    def receptive_fields(
        self,
        pair: int,
        neurons: int | Sequence[int] | Ints,
        *,
        size: tuple[int, int] | None = None,
        settings: Settings | None = None,
    ) -> Masks:
        """What these neurons capture on both images, each ``(k, y, x)``, in the order given.

        Only their masks are computed, in milliseconds, so that a slider can move the threshold.

        Parameters
        ----------
        neurons
            One number, or several.
        size
            Size ``(y, x)`` of the masks; that of the images if None.

        Raises
        ------
        MeasureError
            If the pair or a neuron is unknown, or the size is not two positive integers.
        """
        chosen, numbers = settings or self.settings, checked_neurons(neurons, self.data.neurons)
        if size is not None:
            check_size(size, "size")
        return self._fields.masks_for_some(self.data.check_pair(pair), numbers, chosen.fields.threshold, size)

    def receptive_field(
        self,
        pair: int,
        neurons: int | Sequence[int] | Ints,
        side: Side,
        combine: Combination = "union",
        *,
        size: tuple[int, int] | None = None,
        settings: Settings | None = None,
    ) -> ReceptiveField:
        """What a neuron, or a set of neurons, captures on one image (paper, Section 3.2).

        Parameters
        ----------
        neurons
            One number, or several.
        side
            "benign" or "adversarial".
        combine
            "union" or "intersection" of the neurons' receptive fields.
        size
            Size ``(y, x)`` of the mask; that of the images if None.

        Raises
        ------
        MeasureError
            If the pair, a neuron, the side or the combination is unknown, or the size is not two positive
            integers.
        """
        check_choice(side, "side", SIDES)
        check_choice(combine, "combine", COMBINATIONS)
        masks = self.receptive_fields(pair, neurons, size=size, settings=settings)[side]
        return combined(masks, self.data.images(pair)[side], combine)

    def discrepancy_map(
        self,
        pair: int,
        neurons: int | Sequence[int] | Ints,
        side: Side,
        *,
        patch: int | None = None,
        stride: int = 1,
        occluder: Occluder = "noise",
        seed: int = 0,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> DiscrepancyMaps:
        """How activations change when parts of one image are occluded: another estimate of receptive fields.

        All neurons together take as long as one, namely one pass of the network a patch.

        Parameters
        ----------
        neurons
            One number, or several.
        side
            "benign" or "adversarial".
        patch, stride, occluder, seed
            See `vulneuron.maps.occlusion.discrepancy_maps`.
        progress, cancelled
            Called after and asked before each batch.

        Returns
        -------
        DiscrepancyMaps
            Its ``values`` are ``(k, ceil(y / stride), ceil(x / stride))``, in the order of `neurons`.

        Raises
        ------
        MeasureError
            If the pair, a neuron, the side or a parameter is unknown, or there is no classifier.
        Cancelled
            If `cancelled` says so; then nothing is kept.
        """
        return self._occlusion.discrepancy_maps(
            self.data.check_pair(pair), checked_neurons(neurons, self.data.neurons), side,
            patch=patch, stride=stride, occluder=occluder, seed=seed, watch=Watch(progress, cancelled),
        )  # fmt: skip

    def prepare_maps(self, *, settings: Settings | None = None) -> None:
        """Make sure that new vulnerability maps can be kept, before hours are spent on them.

        Raises
        ------
        RecordError
            If the record cannot be written to.
        """
        chosen = settings or self.settings
        self._vulnerability.prepare(chosen.vmaps)

    def has_maps(self, pair: int, *, settings: Settings | None = None) -> bool:
        """Whether the vulnerability maps of a pair are there already."""
        return bool(len(self.pairs_with_maps([pair], settings=settings)))

    def pairs_with_maps(
        self, pairs: Sequence[int] | Ints | None = None, *, settings: Settings | None = None
    ) -> Ints:
        """Pairs whose vulnerability maps are there already, of these or of all pairs; ascending."""
        chosen = settings or self.settings
        numbers = np.arange(self.data.count) if pairs is None else checked_pairs(self.record, pairs)
        return numbers[self._vulnerability.with_maps(numbers, chosen.vmaps)]

    def vulnerability_maps(
        self,
        pair: int,
        *,
        settings: Settings | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
        on_stage: OnStage | None = None,
        **choices: object,
    ) -> VulnerabilityMaps:
        """Which parts of the benign image are vulnerable (paper, Algorithm 1); kept in the record.

        Parameters
        ----------
        progress, cancelled
            Called after and asked before each batch.
        on_stage
            Called with each stage. Exact engines, too, then begin with the stages of "anytime", and compute
            the other points after that.
        choices
            Single settings that take precedence, such as ``stride=2``. Exact maps of any engine serve all
            engines.

        Raises
        ------
        MeasureError
            If the pair or a setting is unknown, or the maps are not there and there is no classifier to
            compute them.
        Cancelled
            If `cancelled` says so; the points that are computed by then are kept, and the next call goes on.
        """
        chosen = (settings or self.settings).replace(**choices).vmaps
        return self._vulnerability.maps(
            self.data.check_pair(pair), chosen, watch=Watch(progress, cancelled), on_stage=on_stage
        )

    def top_masks(self, pair: int, *, settings: Settings | None = None) -> TopMasks:
        """The most vulnerable pixels by benign drop and by adversarial gain, at the settings' percentage."""
        chosen, number = settings or self.settings, self.data.check_pair(pair)
        return self._vulnerability.top_masks(number, chosen.vmaps)

    def overlap(
        self,
        pair: int,
        neurons: int | Sequence[int] | Ints,
        combine: Combination = "union",
        *,
        settings: Settings | None = None,
    ) -> ByEffect[float]:
        """IoU of the combined receptive field of some neurons with the `top_masks` of a pair.

        The receptive field is that on the image that the settings' ``iou_side`` names, of the images' size.
        For a single neuron these are the ``iou_*`` columns of `neurons`.

        Raises
        ------
        MeasureError
            If the pair, a neuron or the combination is unknown, or the maps are not there and there is no
            classifier to compute them.
        """
        check_choice(combine, "combine", COMBINATIONS)
        numbers, chosen = checked_neurons(neurons, self.data.neurons), settings or self.settings
        return self._overlaps.overlap(
            self.data.check_pair(pair), numbers, combine, chosen.fields, chosen.vmaps
        )

    def context(
        self,
        pair: int,
        neuron: int,
        *,
        order: Order = "activation",
        scope: Scope = "same_labels",
        count: int = 6,
    ) -> Context:
        """Other pairs that show what a neuron captures (paper, Section 5.3); `neuron_masks` has its masks.

        Parameters
        ----------
        order
            "activation": pairs that excite the neuron most on the benign image. "confidence": pairs whose
            benign image is predicted with the highest probability. Either way the largest first.
        scope, count
            Which pairs may be listed, and how many at most.
        """
        (chosen,) = checked_neurons(neuron, self.data.neurons).tolist()
        number = self.data.check_pair(pair)
        return context(self.data, number, chosen, order=order, scope=scope, count=count)

    def dendrogram(self, pair: int, *, settings: Settings | None = None) -> Dendrogram:
        """Neurons clustered by what they capture on both images of a pair (paper, Section 5.2.2)."""
        chosen = settings or self.settings
        return self._clusters.dendrogram(self.data.check_pair(pair), chosen.fields, chosen.clusters)

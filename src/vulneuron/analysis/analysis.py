"""`Analysis`: every number and picture of a record, one method each."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from vulneuron.analysis.curves import Curves
from vulneuron.analysis.loading import check_classifier
from vulneuron.analysis.map_store import MapKey, MapStore
from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.pair_masks import Masks, PairMasks
from vulneuron.analysis.pair_selection import cell_pairs, checked_pairs
from vulneuron.analysis.results import Context, Overlaps, ReceptiveField, TopMasks
from vulneuron.analysis.settings import SIDES, Settings, Side
from vulneuron.analysis.table import MEASURES, Columns, as_table, head_of, mean_columns, neuron_columns
from vulneuron.errors import MeasureError
from vulneuron.measures import distances, receptive_field
from vulneuron.measures.choices import check_choice
from vulneuron.measures.clustering import Dendrogram, cluster
from vulneuron.measures.context import Scope, confidence, context_pairs
from vulneuron.measures.neuron_substitution import Into, SetSubstitution, substitute_map_set, substitute_set
from vulneuron.measures.overlap import iou
from vulneuron.measures.ranking import rank_neurons
from vulneuron.measures.vulnerability_map import VulnerabilityMaps, to_full_size, top_mask, vulnerability_maps
from vulneuron.network import Classifier
from vulneuron.record import Record, open_record
from vulneuron.record.schema import BENIGN
from vulneuron.substitution import Cancel, PatchGrid, Progress, default_patch

Ints = npt.NDArray[np.int64]
_CACHED = 32
_ENGINE = "dense"
Combination = Literal["union", "intersection"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)
Order = Literal["activation", "confidence"]
ORDERS: tuple[Order, ...] = get_args(Order)


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
    settings
        Choices behind the numbers; a method's own `settings` come first.

    Raises
    ------
    ModelError
        If the classifier is another network than the one that made the record.
    """

    def __init__(
        self,
        record: Record | str | Path,
        classifier: Classifier | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        self.record = record if isinstance(record, Record) else open_record(record)
        self.classifier = classifier
        self.settings = settings or Settings()
        if classifier is not None:
            check_classifier(self.record, classifier)
        self.data = PairData(self.record)
        self._curves = Curves(self.data)
        self._store = MapStore(self.record)
        self._masks = PairMasks(self.data)
        self._overlaps = lru_cache(_CACHED)(self._compute_overlaps)
        self._dendrogram = lru_cache(_CACHED)(self._compute_dendrogram)

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

    # -- neurons -----------------------------------------------------------------------------------------

    def neurons(
        self, pair: int, *, settings: Settings | None = None, compute_maps: bool = True
    ) -> pd.DataFrame:
        """All measures of all neurons on one pair, indexed by neuron.

        Columns: ``activation_benign, activation_adversarial, contribution_benign, contribution_adversarial,
        band_benign_low, band_benign_high, band_adversarial_low, band_adversarial_high, band_gap, curve_gap,
        substitution_benign_drop, substitution_adversarial_gain, iou_benign_drop, iou_adversarial_gain,
        dead_benign, dead_adversarial``. What cannot be known is NaN: bands of a class with fewer than two
        images, IoUs without vulnerability maps, substitution without the network of a nonlinear head.

        Parameters
        ----------
        pair
            Number of the pair.
        compute_maps
            Whether to compute vulnerability maps that are not there yet, which takes seconds and needs the
            classifier.
        """
        chosen = settings or self.settings
        if compute_maps and self.classifier is not None:
            self.vulnerability_maps(pair, chosen.patch, chosen.stride)
        return as_table(self._columns(pair, chosen))

    def rank(
        self, pairs: Sequence[int] | Ints, *, sort_by: str = "band_gap", settings: Settings | None = None
    ) -> pd.DataFrame:
        """Means of all measures over a set of pairs, with the rank of each neuron and its bootstrap interval.

        Parameters
        ----------
        pairs
            Numbers of pairs: a matrix cell, a lasso.
        sort_by
            The measure that ranks: a numeric column of `neurons`, the largest first.

        Returns
        -------
        DataFrame
            The columns of `neurons`, averaged, and ``rank, rank_low, rank_high`` (of 1,000 bootstrap
            resamples of the pairs, at the settings' confidence). A band gap is the same for all pairs of a
            cell, so its rank has no width there. IoUs are means over the pairs that have vulnerability maps.

        Raises
        ------
        MeasureError
            If there is no such pair or measure.
        """
        chosen = settings or self.settings
        check_choice(sort_by, "sort_by", MEASURES)
        columns = [self._columns(int(pair), chosen) for pair in checked_pairs(self.record, pairs)]
        ranking = rank_neurons(np.stack([one[sort_by] for one in columns]), confidence=chosen.confidence)
        return as_table(mean_columns(columns), ranking)

    def substitute(
        self, pair: int, neurons: Sequence[int] | Ints, *, into: Into = "benign"
    ) -> SetSubstitution:
        """Put the adversarial values of a set of neurons into the benign image's, or the other way round.

        Raises
        ------
        MeasureError
            If the pair or a neuron is unknown, or the head is not linear and there is no classifier.
        """
        pair, data = self.data.check_pair(pair), self.data
        chosen, labels = self._checked_neurons(neurons), data.labels(pair)
        if data.linear:
            benign, adversarial = data.activations[pair]
            return substitute_set(benign, adversarial, data.weight, data.bias, chosen, into=into, **labels)
        maps = data.maps(pair)
        head = head_of(self._require_classifier("substitution in front of a head that is not linear"))
        return substitute_map_set(maps.benign, maps.adversarial, head, chosen, into=into, **labels)

    # -- image parts -------------------------------------------------------------------------------------

    def masks(self, pair: int, *, settings: Settings | None = None) -> Masks:
        """What every neuron captures on both images, each ``(neuron, y, x)`` of the images' size."""
        return self._masks.masks(self.data.check_pair(pair), (settings or self.settings).threshold)

    def receptive_field(
        self,
        pair: int,
        neurons: int | Sequence[int] | Ints,
        side: Side,
        combine: Combination = "union",
        *,
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

        Raises
        ------
        MeasureError
            If the pair, a neuron, the side or the combination is unknown.
        """
        check_choice(side, "side", SIDES)
        check_choice(combine, "combine", COMBINATIONS)
        pair, chosen, numbers = (
            self.data.check_pair(pair),
            settings or self.settings,
            self._checked_neurons(neurons),
        )
        if chosen.rf_size is None:
            masks = self._masks.masks(pair, chosen.threshold).of(side)[numbers]
        else:
            masks = self._masks.sized(pair, side, chosen.threshold, chosen.rf_size)[numbers]
        combined = receptive_field.union(masks) if combine == "union" else receptive_field.intersection(masks)
        image = receptive_field.masked_image(self.data.images(pair).of(side), combined)
        return ReceptiveField(combined, image, float(combined.mean()), receptive_field.dead(masks))

    def has_maps(self, pair: int, *, settings: Settings | None = None) -> bool:
        """Whether the vulnerability maps of a pair are there already."""
        chosen = settings or self.settings
        return (
            self._store.read(self.data.check_pair(pair), self._key(chosen.patch, chosen.stride)) is not None
        )

    def vulnerability_maps(
        self,
        pair: int,
        patch: int | None = None,
        stride: int = 1,
        *,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> VulnerabilityMaps:
        """Which parts of the benign image are vulnerable (paper, Algorithm 1); kept in the record.

        Parameters
        ----------
        patch, stride
            In pixels; see `vulneuron.vulnerability_maps`.
        progress, cancelled
            Called after and asked before each batch.

        Raises
        ------
        MeasureError
            If the pair is unknown, or its maps are not there and there is no classifier to compute them.
        Cancelled
            If `cancelled` says so; then nothing is kept.
        """
        pair, key = self.data.check_pair(pair), self._key(patch, stride)
        kept = self._store.read(pair, key)
        if kept is not None:
            return kept
        classifier = self._require_classifier(f"the vulnerability maps of pair {pair}")
        images = self.data.images(pair)
        maps = vulnerability_maps(
            classifier,
            images.benign,
            images.adversarial,
            patch=key.patch,
            stride=key.stride,
            progress=progress,
            cancelled=cancelled,
            **self.data.labels(pair),
        )
        return self._store.write(pair, maps)

    def top_masks(self, pair: int, *, settings: Settings | None = None) -> TopMasks:
        """The most vulnerable pixels by benign drop and by adversarial gain, at the settings' percentage."""
        chosen = settings or self.settings
        maps = self.vulnerability_maps(pair, chosen.patch, chosen.stride)
        drop, gain = (
            top_mask(to_full_size(values, self.data.image_size, maps.stride), chosen.top)
            for values in (maps.benign_drop, maps.adversarial_gain)
        )
        return TopMasks(drop, gain)

    def context(
        self,
        pair: int,
        neuron: int,
        *,
        order: Order = "activation",
        scope: Scope = "same_labels",
        count: int = 6,
        settings: Settings | None = None,
    ) -> Context:
        """Other pairs that show what a neuron captures, with its receptive fields (paper, Section 5.3).

        Parameters
        ----------
        order
            "activation": pairs that excite the neuron most on the benign image. "confidence": pairs whose
            benign image is predicted with the highest probability.
        scope, count
            Which pairs may be listed, and how many at most.
        """
        check_choice(order, "order", ORDERS)
        pair, data, chosen = self.data.check_pair(pair), self.data, settings or self.settings
        number = int(self._checked_neurons(neuron)[0])
        by_activation = order == "activation"
        values = data.activations[:, BENIGN, number] if by_activation else self._confidences
        found = context_pairs(
            values, data.benign_label, data.adversarial_label, pair, scope=scope, count=count
        )
        maps = data.feature_maps(found.pairs, number)
        masks = [self._masks.of_neuron(maps[:, side], number, chosen.threshold) for side in range(2)]
        return Context(
            found.pairs,
            found.values,
            self.record.images(found.pairs, "benign"),
            self.record.images(found.pairs, "adversarial"),
            *masks,
        )

    def dendrogram(self, pair: int, *, settings: Settings | None = None) -> Dendrogram:
        """Neurons clustered by what they capture on both images of a pair (paper, Section 5.2.2)."""
        return self._dendrogram(self.data.check_pair(pair), settings or self.settings)

    # -- computed once -----------------------------------------------------------------------------------

    @cached_property
    def _confidences(self) -> npt.NDArray[np.floating]:
        return confidence(self.data.logits[:, BENIGN], self.data.benign_label)

    def _columns(self, pair: int, settings: Settings) -> Columns:
        pair = self.data.check_pair(pair)
        masks = self._masks.masks(pair, settings.threshold)
        overlaps = self._overlaps(pair, settings) if self.has_maps(pair, settings=settings) else None
        return neuron_columns(self.data, self._curves, pair, settings, masks, overlaps, self.classifier)

    def _compute_overlaps(self, pair: int, settings: Settings) -> Overlaps:
        masks = self._masks.masks(pair, settings.threshold).of(settings.iou_side)
        top = self.top_masks(pair, settings=settings)
        return Overlaps(iou(masks, top.benign_drop), iou(masks, top.adversarial_gain))

    def _compute_dendrogram(self, pair: int, settings: Settings) -> Dendrogram:
        if settings.distance == "feature_map":
            maps = self.data.maps(pair)
            return cluster(distances.feature_map_distances(maps.benign, maps.adversarial), settings.method)
        masks = self._masks.masks(pair, settings.threshold)
        if settings.distance == "iou":
            return cluster(distances.iou_distances(masks.benign, masks.adversarial), settings.method)
        images = self.data.images(pair)
        found = distances.receptive_field_distances(
            masks.benign, masks.adversarial, images.benign, images.adversarial
        )
        return cluster(found, settings.method)

    def _key(self, patch: int | None, stride: int) -> MapKey:
        size = self.data.image_size
        grid = PatchGrid(size, default_patch(size) if patch is None else patch, stride)
        return MapKey(grid.patch, grid.stride, _ENGINE)

    def _checked_neurons(self, neurons: int | Sequence[int] | Ints) -> Ints:
        numbers = np.atleast_1d(np.asarray(neurons, dtype=np.int64))
        outside = numbers[(numbers < 0) | (numbers >= self.data.neurons)]
        if len(outside) or not len(numbers):
            raise MeasureError(
                f"given neuron {outside[0]}" if len(outside) else "given no neuron",
                allowed=f"0 to {self.data.neurons - 1}",
                fix="choose a neuron of this record",
            )
        return numbers

    def _require_classifier(self, what: str) -> Classifier:
        if self.classifier is None:
            raise MeasureError(
                f"{what} cannot be had from the record alone",
                allowed="an Analysis with the network that made the record",
                fix="use Analysis(record, vulneuron.load_classifier(record))",
            )
        return self.classifier

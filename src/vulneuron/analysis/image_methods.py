"""Methods of `Analysis` about image regions: receptive fields, vulnerability maps, context images."""

from collections.abc import Sequence

import numpy as np

from vulneuron.analysis.base import AnalysisBase
from vulneuron.analysis.context import Order, context
from vulneuron.analysis.data import Ints
from vulneuron.analysis.fields import combined
from vulneuron.analysis.results import Context, Masks, ReceptiveField, TopMasks
from vulneuron.analysis.selection import checked_neurons, checked_numbers, checked_pairs
from vulneuron.analysis.settings import COMBINATIONS, Combination, Settings
from vulneuron.analysis.vulnerability import OnStage
from vulneuron.engines import UNWATCHED, Watch
from vulneuron.maps.occlusion import DiscrepancyMaps, Occluder
from vulneuron.maps.vulnerability_map import VulnerabilityMaps
from vulneuron.measures import SIDES, ByEffect, BySide, Side
from vulneuron.measures.choices import check_choice, check_size
from vulneuron.measures.context import Scope


class ImageMethods(AnalysisBase):
    """Image regions that neurons capture, and regions that are vulnerable."""

    def masks(self, pair: int, *, settings: Settings | None = None) -> Masks:
        """Receptive fields of all neurons on both images, each ``(neuron, y, x)`` of the images' size."""
        packed = self._fields.masks_for_all(
            self.data.check_pair(pair), (settings or self.settings).fields.threshold
        )
        return BySide(packed.benign.unpacked(), packed.adversarial.unpacked())

    def neuron_masks(
        self, neuron: int, pairs: Sequence[int] | Ints, *, settings: Settings | None = None
    ) -> Masks:
        """Receptive fields of one neuron on several pairs, each ``(pair, y, x)`` of the images' size."""
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
        """Receptive fields of some neurons on both images, each ``(k, y, x)``, in the order given.

        Only the masks of these neurons are computed, within milliseconds.

        Parameters
        ----------
        neurons
            Number of a neuron, or several.
        size
            Size ``(y, x)`` of the masks; None for the size of the images.

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
        """Receptive field of a neuron, or of several combined, on one image (paper, Section 3.2).

        Parameters
        ----------
        neurons
            Number of a neuron, or several.
        side
            "benign" or "adversarial".
        combine
            "union" or "intersection" of the neurons' receptive fields.
        size
            Size ``(y, x)`` of the mask; None for the size of the images.

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
        watch: Watch = UNWATCHED,
    ) -> DiscrepancyMaps:
        """Changes of activations when image regions are occluded: another estimate of receptive fields.

        The network runs once per patch, whatever the number of neurons.

        Parameters
        ----------
        neurons
            Number of a neuron, or several.
        side
            "benign" or "adversarial".
        patch, stride, occluder, seed
            See `vulneuron.maps.occlusion.discrepancy_maps`.
        watch
            Reports progress after each batch, and may cancel.

        Returns
        -------
        DiscrepancyMaps
            Its ``values`` are ``(k, ceil(y / stride), ceil(x / stride))``, in the order of `neurons`.

        Raises
        ------
        MeasureError
            If the pair, a neuron, the side or a parameter is unknown, or there is no classifier.
        Cancelled
            If `watch` cancels; the result is lost.
        """
        return self._occlusion.discrepancy_maps(
            self.data.check_pair(pair), checked_neurons(neurons, self.data.neurons), side,
            patch=patch, stride=stride, occluder=occluder, seed=seed, watch=watch,
        )  # fmt: skip

    def prepare_maps(self, *, settings: Settings | None = None) -> None:
        """Check that new vulnerability maps can be stored, before hours are spent on computing them.

        Raises
        ------
        RecordError
            If the record cannot be written to.
        """
        chosen = settings or self.settings
        self._vulnerability.prepare(chosen.vmaps)

    def has_maps(self, pair: int, *, settings: Settings | None = None) -> bool:
        """Whether the record has the vulnerability maps of a pair."""
        return bool(len(self.pairs_with_maps([pair], settings=settings)))

    def pairs_with_maps(
        self, pairs: Sequence[int] | Ints | None = None, *, settings: Settings | None = None
    ) -> Ints:
        """Pairs whose vulnerability maps are in the record, among these or all pairs; ascending."""
        chosen = settings or self.settings
        numbers = np.arange(self.data.count) if pairs is None else checked_pairs(self.record, pairs)
        return numbers[self._vulnerability.with_maps(numbers, chosen.vmaps)]

    def vulnerability_maps(
        self,
        pair: int,
        *,
        settings: Settings | None = None,
        watch: Watch = UNWATCHED,
        on_stage: OnStage | None = None,
        **choices: object,
    ) -> VulnerabilityMaps:
        """Vulnerability maps of the benign image (paper, Algorithm 1), computed once, stored in the record.

        Parameters
        ----------
        watch
            Reports progress after each batch, and may cancel.
        on_stage
            Called with each stage. Exact engines then also begin with the stages of "anytime", before they
            compute the remaining points.
        choices
            Individual settings that take precedence, such as ``stride=2``. Exact maps in the record are used
            for any engine.

        Raises
        ------
        MeasureError
            If the pair or a setting is unknown, or the record has no maps and there is no classifier to
            compute them.
        Cancelled
            If `watch` cancels; the points computed so far are stored, and the next call resumes from them.
        """
        chosen = (settings or self.settings).replace(**choices).vmaps
        return self._vulnerability.maps(self.data.check_pair(pair), chosen, watch=watch, on_stage=on_stage)

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

        The settings' ``iou_side`` selects the image of the receptive field. For a single neuron, the results
        are the ``iou_*`` columns of `neurons`.

        Raises
        ------
        MeasureError
            If the pair, a neuron or the combination is unknown, or the record has no maps and there is no
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
        start: int = 0,
        pairs: Sequence[int] | Ints | None = None,
        settings: Settings | None = None,
    ) -> Context:
        """Other pairs that show what a neuron captures (paper, Section 5.3); see also `neuron_masks`.

        With the scope "given", it shows one neuron on many pairs, such as those of a cell.

        Parameters
        ----------
        order
            "activation": by the neuron's activation on the benign image. "confidence": by the probability of
            the benign label on the benign image. "rise" and "fall": by how much the neuron's contribution
            rises or falls, with the settings' ``weights``. The largest value comes first. "given": in the
            order of `pairs`.
        scope
            Pairs to choose from: those with the "same_labels", those with the "same_benign_label", "all"
            pairs, or the "given" `pairs`. Only the last may contain the pair itself.
        count, start
            Maximum number of results, and number of those at the top that are left out.
        pairs
            Pairs for the scope "given"; each counts once.

        Raises
        ------
        MeasureError
            If the pair, the neuron or a choice is invalid.
        """
        (chosen,) = checked_neurons(neuron, self.data.neurons).tolist()
        given = None
        if pairs is not None:
            numbers = checked_numbers(pairs, "pair", self.data.count)
            given = numbers[np.sort(np.unique(numbers, return_index=True)[1])]
        return context(
            self.data, self._curves, self.data.check_pair(pair), chosen,
            order=order, scope=scope, count=count, start=start, given=given,
            weights=(settings or self.settings).curves.weights,
        )  # fmt: skip

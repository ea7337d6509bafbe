"""An opened record: its analysis, its network, and values that are the same for every request."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from vulneuron._version import __version__
from vulneuron.analysis import (
    DEFAULT_SORTS,
    LIKENESSES,
    PAIR_ORDERS,
    PAIR_VALUES,
    RANKS,
    Analysis,
    VulnerabilityMapSettings,
    sort_measure,
    sorted_neurons,
)
from vulneuron.analysis.context import CONTEXT_ORDERS
from vulneuron.analysis.pair_filters import distinguishing_filters
from vulneuron.attacks import attack_label
from vulneuron.engines import Watch
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.vulnerability_map import NEGLIGIBLE
from vulneuron.measures import MEASURES, SIDES
from vulneuron.measures.context import SCOPES
from vulneuron.measures.registry import Need
from vulneuron.network.batch_size import MEMORY
from vulneuron.plots.sheet import WIDTHS
from vulneuron.record import Record
from vulneuron.server import dto, record_models
from vulneuron.server.network import RecordNetwork
from vulneuron.server.pixels import Pixels
from vulneuron.server.problems import NotFound
from vulneuron.server.provenance import provenance_in_words, value_text
from vulneuron.server.settings import dashboard_settings, described_choices, described_settings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
#: Number of bootstrap resamples for the intervals of ranks.
RESAMPLES = 1000
#: Largest number of logits for which substitutions over all pairs are computed in advance, in about a minute.
_MOST_LOGITS = 2**33
#: Levels of the layer's quantiles, half a percent apart.
_LEVELS = np.linspace(0, 1, 201)

PAIR_COLUMNS = (
    "benign_x",
    "benign_y",
    "adversarial_x",
    "adversarial_y",
    "benign_label",
    "adversarial_label",
    *PAIR_VALUES,
)
#: Largest report that the page offers, which takes some minutes.
MOST_REPORT_PAIRS = 100
#: Number of classes whose probabilities are shown.
_SHOWN_LABELS = 3
#: Smallest number of pairs on the first screen, if the record has as many.
_FEWEST_PAIRS = 5
#: The substitution of a single patch hardly changes probabilities above this.
_SATURATED = 0.99


class OpenedRecord:
    """A record in the state in which it was opened.

    Parameters
    ----------
    record
        A finished record.
    name
        Its name in URLs.
    network
        Makes the `RecordNetwork` of an analysis.
    memory
        As for `Analysis`.
    """

    def __init__(
        self,
        record: Record,
        name: str,
        network: Callable[[Analysis], RecordNetwork],
        *,
        memory: int = MEMORY,
    ) -> None:
        self.record = record
        self.id = name
        # Browsers cache responses by it forever, and tables of another version may have other columns.
        content = [__version__, list(MEASURES), dict(record.attributes)]
        described = json.dumps(content, sort_keys=True, default=str)
        self.fingerprint = hashlib.sha256(described.encode()).hexdigest()[:16]
        analysis = Analysis(record, memory=memory)
        self.pixels = Pixels(record)
        self.network = network(analysis)
        self._last = OpenedLayer(self, analysis)
        self._layers = {analysis.layer: self._last}
        self._lock = Lock()

    def at(self, layer: str | None = None) -> "OpenedLayer":
        """One of its target layers; the last one when None.

        Raises
        ------
        NotFound
            If the record has no such layer.
        """
        if layer is None:
            return self._last
        if layer not in self.record.layers:
            raise NotFound(
                f"given layer {layer[:80]!r}",
                allowed=", ".join(self.record.layers),
                fix="choose one of these layers",
            )
        with self._lock:
            if layer not in self._layers:
                self._layers[layer] = OpenedLayer(self, self._last.analysis.at(layer))
            return self._layers[layer]

    def warm_up(self) -> None:
        """Compute the values of the first screen, and decode all images if they fit into the cache."""
        _ = self._last.summary, self._last.pair_table
        if self.pixels.fits:
            self.pixels.load_all()

    def prepare_means(self, watch: Watch) -> None:
        """Cache the numbers over all pairs, which may take seconds.

        Raises
        ------
        Cancelled
            If `watch` cancels.
        """
        self._last.prepare_means(watch)


class OpenedLayer:
    """A target layer of an opened record, from which routes compute their responses.

    Parameters
    ----------
    record
        The record, whose images and network all layers share.
    analysis
        Its analysis at the layer.
    """

    def __init__(self, record: OpenedRecord, analysis: Analysis) -> None:
        self.analysis = analysis
        self.record, self.id, self.fingerprint = record.record, record.id, record.fingerprint
        self.pixels, self.network = record.pixels, record.network

    def prepare_means(self, watch: Watch) -> None:
        """Cache means over all pairs, and ranks by the default measure; see `OpenedRecord.prepare_means`."""
        data, settings = self.analysis.data, dashboard_settings(self.analysis)
        logits = data.count * data.neurons * len(self.record.class_names)
        unprepared: set[Need] = {"vulnerability_maps"}
        if not data.linear or logits > _MOST_LOGITS:
            unprepared.add("network")
        columns = [name for name, measure in MEASURES.items() if not measure.needs & unprepared]
        pairs = range(data.count)
        means = self.analysis.mean_neurons(pairs, columns=columns, settings=settings, watch=watch)
        sort_by = next(name for name in DEFAULT_SORTS if means[name].notna().any())
        self.analysis.rank(pairs, sort_by=sort_by, columns=[sort_by], settings=settings, resamples=RESAMPLES)

    # -- the same for every request ----------------------------------------------------------------------

    @cached_property
    def pair_table(self) -> Floats:
        """``(column, pair)``: `PAIR_COLUMNS`."""
        pairs, projection = self.record.pairs, self.analysis.data.projection
        values = (
            *np.moveaxis(projection, 0, -1).reshape(4, -1),
            self.analysis.data.benign_label,
            self.analysis.data.adversarial_label,
            *(value(pairs) for value in PAIR_VALUES.values()),
        )
        return np.stack([np.asarray(column, np.float32) for column in values])

    @cached_property
    def used_classes(self) -> Ints:
        """Indices of the classes that occur as a label, ascending."""
        data = self.analysis.data
        return np.union1d(data.benign_label, data.adversarial_label)

    @cached_property
    def matrix(self) -> npt.NDArray[np.int32]:
        """Numbers of pairs ``(benign class, adversarial class)`` over the used classes."""
        counts = self.analysis.prediction_matrix()
        names = [self.record.class_names[label] for label in self.used_classes]
        return counts.reindex(index=names, columns=names, fill_value=0).to_numpy(np.int32)

    @cached_property
    def summary(self) -> record_models.RecordSummary:
        """Everything that the dashboard needs before it draws, with the network's state at that time."""
        info, data = self.record.info(), self.analysis.data
        channels, height, width = info["image_shape"]
        map_height, map_width = data.layer.map_shape
        return record_models.RecordSummary(
            id=self.id,
            fingerprint=self.fingerprint,
            classes=list(self.record.class_names),
            used_classes=self.used_classes.tolist(),
            pairs=data.count,
            neurons=data.neurons,
            image=record_models.ImageShape(height=height, width=width, channels=channels),
            map=record_models.MapShape(height=map_height, width=map_width),
            model=info["model"]["spec"],
            layer=data.layer.name,
            layers=[
                record_models.LayerModel(
                    name=layer["layer"], neurons=layer["neurons"], contribution=layer["contribution"]
                )
                for layer in info["layers"]
            ],
            head="linear" if data.linear else "gradient x activation",
            activation=data.layer.attributes["activation"],
            attack=_attack(info["attack"]),
            counts=record_models.CountsModel(
                images=info["images"],
                right=info["correct"],
                attacked=info["attacked"],
                succeeded=info["successes"],
            ),
            clean_accuracy=info["clean_accuracy"],
            attack_success_rate=info["attack_success_rate"],
            robust_accuracy=info["robust_accuracy"],
            warnings=info["audit"]["flags"],
            network=self.network.status,
            negligible_change=NEGLIGIBLE,
            layer_percentiles=np.quantile(data.threshold_features, _LEVELS).tolist(),
            settings=described_settings(self.analysis),
            defaults=record_models.SettingsModel(**vars(dashboard_settings(self.analysis))),
            pair_columns=list(PAIR_COLUMNS),
            pair_orders=list(PAIR_ORDERS),
            pair_filters=distinguishing_filters(self.record.pairs),
            likenesses=described_choices(LIKENESSES),
            figure_widths=described_choices(WIDTHS),
            context=record_models.ContextChoices(
                orders=described_choices(CONTEXT_ORDERS),
                scopes=described_choices(SCOPES),
                counts=[6, 12, 24, 48],
            ),
            neuron_columns=list(MEASURES),
            rank_columns=[*MEASURES, *RANKS],
            measures=[
                record_models.MeasureModel.for_head(MEASURES[name], linear=data.linear)
                for name in dict.fromkeys((*MEASURES.sortable_names, *MEASURES))
            ],
            default_sorts=list(DEFAULT_SORTS),
            first_view=self._first_view(),
            most_report_pairs=MOST_REPORT_PAIRS,
            provenance=provenance_in_words(info),
        )

    def pair(self, pair: int) -> dto.PairModel:
        """Labels, norms and probabilities of one pair."""
        described, data = self.analysis.pair(pair), self.analysis.data
        labels = (int(data.benign_label[pair]), int(data.adversarial_label[pair]))
        return dto.PairModel(
            pair=pair,
            image_id=described.image_id,
            benign_label=labels[0],
            adversarial_label=labels[1],
            perturbation_l2=described.perturbation_l2,
            perturbation_linf=described.perturbation_linf,
            survives_8bit=described.survives_8bit,
            probabilities=dto.SideProbabilities(
                benign=most_probable(described.benign_probabilities, labels),
                adversarial=most_probable(described.adversarial_probabilities, labels),
            ),
        )

    def grid(self, vmaps: VulnerabilityMapSettings) -> PatchGrid:
        """Patches of the vulnerability maps with these settings."""
        return PatchGrid.for_image(self.analysis.data.image_size, vmaps.patch, vmaps.stride)

    @cached_property
    def first_pairs(self) -> Ints:
        """The pairs that are selected initially, ascending."""
        names = self.record.class_names
        named = (None if label is None else names[label] for label in self._first_cell())
        return self.analysis.cell(*named)

    def _first_view(self) -> record_models.FirstView:
        benign, adversarial = self._first_cell()
        pairs = self.analysis.order_pairs(PAIR_ORDERS[0].name, self.first_pairs)
        probability = self.record.pairs["benign_label_p_benign"].to_numpy()[pairs]
        # No single patch changes a saturated probability, so the vulnerability maps would be all but zero.
        unsure = np.flatnonzero(probability <= _SATURATED)
        pair = int(pairs[unsure[0] if len(unsure) else np.argmin(probability)])
        return record_models.FirstView(
            benign=benign, adversarial=adversarial, pair=pair, neuron=self.first_neuron(pair)
        )

    def _first_cell(self) -> tuple[int | None, int | None]:
        """The fullest cell, or its row, its column or everything if it has too few pairs."""
        row, column = (int(place) for place in np.unravel_index(np.argmax(self.matrix), self.matrix.shape))
        benign, adversarial = (int(self.used_classes[place]) for place in (row, column))
        if self.matrix[row, column] >= _FEWEST_PAIRS:
            return benign, adversarial
        if self.matrix[row].sum() >= _FEWEST_PAIRS:
            return benign, None
        if self.matrix[:, column].sum() >= _FEWEST_PAIRS:
            return None, adversarial
        return None, None

    def first_neuron(self, pair: int) -> int:
        """The first neuron by the default sort that captures something on both images, or else the first."""
        settings = self.analysis.suggested_settings
        table = self.analysis.neurons(pair, columns=DEFAULT_SORTS, settings=settings)
        neurons = [int(neuron) for neuron in sorted_neurons(table, sort_measure(table)).index]
        return next((neuron for neuron in neurons if self._captures(pair, neuron)), neurons[0])

    def _captures(self, pair: int, neuron: int) -> bool:
        settings = self.analysis.suggested_settings
        fields = self.analysis.receptive_fields(pair, [neuron], settings=settings)
        return all(fields[side].any() for side in SIDES)


def _attack(attack: Mapping[str, Any]) -> record_models.AttackModel:
    parameters = {
        key: value_text(value) for key, value in attack.items() if key != "name" and value is not None
    }
    eps, norm = attack.get("eps"), attack.get("norm")
    return record_models.AttackModel(
        name=attack["name"],
        label=attack_label(attack["name"]),
        eps_text=None if eps is None else value_text(eps),
        norm=None if norm is None else value_text(norm),
        parameters=parameters,
    )


def shown_labels(probabilities: npt.NDArray[Any], labels: Sequence[int]) -> list[int]:
    """Labels whose probabilities are shown: the pair's own and the most probable others, most probable first.

    Parameters
    ----------
    probabilities
        ``(class,)``.
    labels
        Benign and adversarial label.
    """
    order = np.argsort(-probabilities, kind="stable").tolist()
    others = [label for label in order if label not in labels]
    shown = {*labels, *others[: _SHOWN_LABELS - len(set(labels))]}
    return [label for label in order if label in shown]


def most_probable(probabilities: npt.NDArray[Any], labels: Sequence[int]) -> list[dto.Probability]:
    """Probabilities of the shown labels."""
    return probabilities_of(shown_labels(probabilities, labels), probabilities)


def probabilities_of(labels: Sequence[int], probabilities: npt.NDArray[Any]) -> list[dto.Probability]:
    """Probabilities of some labels, in their order."""
    return [dto.Probability(label=label, probability=float(probabilities[label])) for label in labels]

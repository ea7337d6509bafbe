"""What a report contains: its pairs, the values of the settings that it has numbers for, and some neurons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product, zip_longest

import numpy as np
import numpy.typing as npt

from vulneuron.analysis import Settings, sorted_neurons
from vulneuron.analysis.settings import GROUPS
from vulneuron.measures import MEASURES
from vulneuron.measures.contribution import WEIGHTS
from vulneuron.server.settings import dashboard_settings
from vulneuron.server.summary import OpenedLayer

Ints = npt.NDArray[np.int64]
Value = str | float | int | None

#: Percentages of the maps' pixels that count as vulnerable.
TOPS = (1.0, 5.0, 10.0, 20.0, 30.0)
#: Number of RF thresholds, the default included.
_LEVELS = 7
#: Neurons with context images, and pairs that these come from, per pair.
CONTEXT_NEURONS, CONTEXT_PAIRS = 32, 6
_DIGITS = 6


@dataclass(frozen=True)
class Variation:
    """A choice of settings, as its places in the lists of `ReportContents.values`.

    Attributes
    ----------
    key
        The places of all values that are not the first view's, such as ``threshold_level:2,top:0``.
    settings
        The settings.
    """

    key: str
    settings: Settings


@dataclass(frozen=True)
class ReportContents:
    """The contents of a report.

    Parameters
    ----------
    layer
        Layer of a record.
    pairs
        Pairs in the report, the initially focused one first.
    findings
        Whether the report has the findings about its pairs, and the groups.
    """

    layer: OpenedLayer
    pairs: Ints
    findings: bool = False

    @cached_property
    def first(self) -> Settings:
        """Settings that the report opens with, and that all of its numbers are available for."""
        return dashboard_settings(self.layer.analysis, self.pairs)

    @cached_property
    def values(self) -> Mapping[str, Sequence[Value]]:
        """The values of each setting that the report has numbers for, by name."""
        first = {
            name: getattr(getattr(self.first, group), name)
            for group, kind in GROUPS.items()
            for name in kind.model_fields
        }
        chosen: dict[str, Sequence[Value]] = {name: [value] for name, value in first.items()}
        tops = sorted({*TOPS, float(first["top"])})
        return {**chosen, "weights": list(WEIGHTS), "threshold_level": self._levels, "top": tops}

    @cached_property
    def levels(self) -> Sequence[Variation]:
        """The RF thresholds, ascending."""
        return self._variations("threshold_level")

    @cached_property
    def tops(self) -> Sequence[Variation]:
        """The percentages of vulnerable pixels, ascending."""
        return self._variations("top")

    @cached_property
    def curves(self) -> Sequence[Variation]:
        """All weights of the contribution curves."""
        return self._variations("weights")

    @cached_property
    def overlaps(self) -> Sequence[Variation]:
        """All RF thresholds with all percentages."""
        return self._variations("threshold_level", "top")

    @cached_property
    def cells(self) -> list[Ints]:
        """The pairs of all cells of the prediction matrix that pairs of the report are in."""
        data = self.layer.analysis.data
        labels = np.stack([data.benign_label, data.adversarial_label], axis=1)
        cells = np.unique(labels[self.pairs], axis=0)
        return [np.flatnonzero((labels == cell).all(axis=1)) for cell in cells]

    def context_neurons(self, pair: int) -> list[int]:
        """Neurons with context images: the first view's, and both ends of all orders in turn."""
        analysis = self.layer.analysis
        table = analysis.neurons(pair, settings=self.first)
        names = [name for name in MEASURES.sortable_names if table[name].notna().any()]
        orders = [sorted_neurons(table, MEASURES[name]).index for name in names]
        ends = [order for one in orders for order in (one, one[::-1])]
        in_turn = (neuron for place in zip_longest(*ends) for neuron in place)
        unique = dict.fromkeys([self.layer.first_neuron(pair), *(int(neuron) for neuron in in_turn)])
        return sorted(islice(unique, CONTEXT_NEURONS))

    @property
    def _levels(self) -> Sequence[float | None]:
        """RF thresholds at even steps of the page's slider, with None for the default."""
        percentiles = np.array(self.layer.summary.layer_percentiles)
        least = np.flatnonzero(percentiles == percentiles[0])[-1]
        places = np.linspace(least, len(percentiles) - 2, _LEVELS).round().astype(int)
        default = self.layer.analysis.layer_threshold
        levels = np.unique([float(f"{percentiles[place]:.{_DIGITS}g}") for place in places])
        nearest = int(np.abs(levels - default).argmin())
        return [None if place == nearest else float(level) for place, level in enumerate(levels)]

    def _variations(self, *names: str) -> Sequence[Variation]:
        lists = [list(enumerate(self.values[name])) for name in names]
        made = []
        for chosen in product(*lists):
            settings = self.first.replace(
                **{name: value for name, (_, value) in zip(names, chosen, strict=True)}
            )
            key = ",".join(
                f"{name}:{place}"
                for name, (place, value) in zip(names, chosen, strict=True)
                if not self._is_first(name, value)
            )
            made.append(Variation(key, settings))
        return made

    def _is_first(self, name: str, value: Value) -> bool:
        group = next(group for group, kind in GROUPS.items() if name in kind.model_fields)
        return bool(getattr(getattr(self.first, group), name) == value)

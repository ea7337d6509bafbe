"""`Discrepancies`: discrepancy maps, kept for a while as they take long."""

from typing import Any

from vulneuron.analysis.loading import required
from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.analysis.recent import Recent
from vulneuron.analysis.settings import SIDES, Side
from vulneuron.measures.choices import check_choice
from vulneuron.measures.discrepancy import DiscrepancyMaps, discrepancy_maps
from vulneuron.network import Classifier
from vulneuron.substitution import Cancel, Progress

_KEPT = 32


class Discrepancies:
    """Discrepancy maps of images of pairs.

    Parameters
    ----------
    data
        The pairs.
    """

    def __init__(self, data: PairData) -> None:
        self._data = data
        self._recent: Recent[tuple[Any, ...], DiscrepancyMaps] = Recent(_KEPT)

    def maps(
        self,
        pair: int,
        neurons: Ints,
        side: Side,
        classifier: Classifier | None,
        *,
        progress: Progress | None,
        cancelled: Cancel | None,
        **options: Any,
    ) -> DiscrepancyMaps:
        """Maps as they were computed with these options, or anew; see `Analysis.discrepancy_map`."""
        check_choice(side, "side", SIDES)
        key = (pair, tuple(neurons.tolist()), side, *sorted(options.items()))
        kept = self._recent.get(key)
        if kept is not None:
            return kept
        found = discrepancy_maps(
            required(classifier, f"a discrepancy map of pair {pair}"),
            self._data.images(pair).of(side),
            neurons,
            progress=progress,
            cancelled=cancelled,
            **options,
        )
        return self._recent.put(key, found)

"""What an `Analysis` is put together from: each part knows one thing, and some need others."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from vulneuron.analysis.clustering import dendrogram
from vulneuron.analysis.curves import Curves
from vulneuron.analysis.dead_neurons import DeadNeurons
from vulneuron.analysis.discrepancies import Discrepancies
from vulneuron.analysis.levels import Levels
from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.pair_masks import PairMasks
from vulneuron.analysis.settings import Settings
from vulneuron.analysis.substituting import Substituting
from vulneuron.analysis.table import NeuronTable
from vulneuron.analysis.vulnerable_parts import VulnerableParts
from vulneuron.measures.clustering import Dendrogram

_CACHED_DENDROGRAMS = 32


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts, each with its own cache.

    Attributes
    ----------
    levels, masks, vulnerable, substituting, table, discrepancies
        See their classes.
    dendrogram
        Of a pair, by its number and the settings.
    """

    levels: Levels
    masks: PairMasks
    vulnerable: VulnerableParts
    substituting: Substituting
    table: NeuronTable
    discrepancies: Discrepancies
    dendrogram: Callable[[int, Settings], Dendrogram]

    @classmethod
    def of(cls, data: PairData, memory: int) -> "Parts":
        """Parts of the analysis of some pairs; engines of vulnerability maps may take so many bytes."""
        levels = Levels(data)
        masks = PairMasks(data, levels)
        vulnerable = VulnerableParts(data, masks, memory)
        substituting = Substituting(data)
        return cls(
            levels=levels,
            masks=masks,
            vulnerable=vulnerable,
            substituting=substituting,
            table=NeuronTable(data, Curves(data), substituting, DeadNeurons(data, levels), vulnerable),
            discrepancies=Discrepancies(data),
            dendrogram=lru_cache(_CACHED_DENDROGRAMS)(partial(dendrogram, data, masks)),
        )

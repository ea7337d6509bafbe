"""`Analysis`: every number and picture of a record."""

from vulneuron.analysis.analysis import Analysis
from vulneuron.analysis.model import load_classifier
from vulneuron.analysis.nearest import LIKENESSES
from vulneuron.analysis.neurons import DEFAULT_SORTS, RANKS, sort_measure, sorted_neurons
from vulneuron.analysis.pair_filters import PAIR_FILTERS, PairFilter
from vulneuron.analysis.pair_orders import PAIR_ORDERS, PAIR_VALUES, PairOrder
from vulneuron.analysis.results import Context, Masks, NearestPairs, Pair, ReceptiveField
from vulneuron.analysis.selection import checked_neurons, checked_pairs, named_cell, select_pairs
from vulneuron.analysis.settings import (
    ClusterSettings,
    CurveSettings,
    FieldSettings,
    Settings,
    VulnerabilityMapSettings,
)

__all__ = [
    "DEFAULT_SORTS",
    "LIKENESSES",
    "PAIR_FILTERS",
    "PAIR_ORDERS",
    "PAIR_VALUES",
    "RANKS",
    "Analysis",
    "ClusterSettings",
    "Context",
    "CurveSettings",
    "FieldSettings",
    "Masks",
    "NearestPairs",
    "Pair",
    "PairFilter",
    "PairOrder",
    "ReceptiveField",
    "Settings",
    "VulnerabilityMapSettings",
    "checked_neurons",
    "checked_pairs",
    "load_classifier",
    "named_cell",
    "select_pairs",
    "sort_measure",
    "sorted_neurons",
]

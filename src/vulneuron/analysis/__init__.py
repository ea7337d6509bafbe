"""`Analysis`: every number and picture of a record."""

from vulneuron.analysis.analysis import Analysis
from vulneuron.analysis.model import load_classifier
from vulneuron.analysis.neurons import COLUMNS, MEASURES, known_measure
from vulneuron.analysis.results import Context, Masks, Overlap, Pair, ReceptiveField
from vulneuron.analysis.selection import checked_neurons, checked_pairs, named_cell, select_pairs
from vulneuron.analysis.settings import Settings
from vulneuron.measures.thresholds import Threshold

__all__ = [
    "COLUMNS",
    "MEASURES",
    "Analysis",
    "Context",
    "Masks",
    "Overlap",
    "Pair",
    "ReceptiveField",
    "Settings",
    "Threshold",
    "checked_neurons",
    "checked_pairs",
    "known_measure",
    "load_classifier",
    "named_cell",
    "select_pairs",
]

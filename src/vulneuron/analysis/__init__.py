"""`Analysis`: every number and picture of a record."""

from vulneuron.analysis.analysis import Analysis
from vulneuron.analysis.loading import load_classifier
from vulneuron.analysis.pair_selection import select_pairs
from vulneuron.analysis.results import Context, ReceptiveField
from vulneuron.analysis.settings import Settings
from vulneuron.analysis.table import COLUMNS, MEASURES

__all__ = [
    "COLUMNS",
    "MEASURES",
    "Analysis",
    "Context",
    "ReceptiveField",
    "Settings",
    "load_classifier",
    "select_pairs",
]

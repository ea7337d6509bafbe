"""Measures: pure functions on arrays, and the registry of those that describe neurons."""

# Importing a module declares its measures; the order here is that of the columns.
from vulneuron.measures import activation, bands, contribution, substitution, overlap, fields  # noqa: F401, I001
from vulneuron.measures.registry import MEASURES, NeuronContext, NeuronMeasure, neuron_measure
from vulneuron.measures.sides import EFFECTS, SIDES, ByEffect, BySide, Effect, Side

__all__ = [
    "EFFECTS",
    "MEASURES",
    "SIDES",
    "ByEffect",
    "BySide",
    "Effect",
    "NeuronContext",
    "NeuronMeasure",
    "Side",
    "neuron_measure",
]

"""Figures for papers: each function draws one view of the dashboard from an `Analysis`, with matplotlib.

Their arguments are the choices of the view. The dashboard's figures are drawn by the same functions, so the
same arguments give the same picture. Save a figure with ``figure.savefig("name.pdf")``, also as SVG or PNG.
Text stays text, and images keep their own pixels.
"""

from vulneuron.plots.clusters import clusters
from vulneuron.plots.context import context
from vulneuron.plots.matrix import prediction_matrix
from vulneuron.plots.neuron import neuron
from vulneuron.plots.neurons import neurons
from vulneuron.plots.pairs import pairs
from vulneuron.plots.scatterplots import scatterplots

__all__ = [
    "clusters",
    "context",
    "neuron",
    "neurons",
    "pairs",
    "prediction_matrix",
    "scatterplots",
]

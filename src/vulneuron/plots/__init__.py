"""Figures for papers: each function draws one view of the dashboard from an `Analysis`, with matplotlib.

Their arguments are the choices of the view. The dashboard's figures are drawn by the same functions, so the
same arguments give the same picture. Save a figure with ``figure.savefig("name.pdf")``, also as SVG or PNG.
Text stays text, and images keep their own pixels.
"""

from vulneuron.plots.context_images import context
from vulneuron.plots.dendrogram import clusters
from vulneuron.plots.matrix import prediction_matrix
from vulneuron.plots.neuron_curves import neurons
from vulneuron.plots.neuron_pictures import neuron
from vulneuron.plots.overview import scatterplots
from vulneuron.plots.pair_grid import pairs

__all__ = [
    "clusters",
    "context",
    "neuron",
    "neurons",
    "pairs",
    "prediction_matrix",
    "scatterplots",
]

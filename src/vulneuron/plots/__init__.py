"""Figures for papers, with matplotlib: each draws one view of an `Analysis` and returns the figure.

Colors are those of the dashboard: blue for benign, orange for adversarial, safe for color-blind readers.
Figures belong to pyplot: save one with ``figure.savefig("name.pdf")``, and close it with
``plt.close(figure)`` when drawing many.
"""

from vulneuron.plots.clusters import dendrogram
from vulneuron.plots.images import context, receptive_fields, vulnerability_maps
from vulneuron.plots.matrix import prediction_matrix
from vulneuron.plots.neurons import contribution_curves

__all__ = [
    "context",
    "contribution_curves",
    "dendrogram",
    "prediction_matrix",
    "receptive_fields",
    "vulnerability_maps",
]

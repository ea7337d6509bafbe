"""Runs: from a model, images and an attack to a record."""

from vulneuron.pipeline.analyze import analyze
from vulneuron.pipeline.run import Run, Selection

__all__ = ["Run", "Selection", "analyze"]

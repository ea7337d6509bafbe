"""The network: from pixels to logits, with its target layer and head found and proved."""

from vulneuron.network.classifier import Activity, Classifier
from vulneuron.network.normalization import expected_channels

__all__ = ["Activity", "Classifier", "expected_channels"]

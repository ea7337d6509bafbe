"""Networks: from pixels to logits, with a verified split into target layer and head."""

from vulneuron.network.classifier import Activity, Classifier
from vulneuron.network.normalization import expected_channels

__all__ = ["Activity", "Classifier", "expected_channels"]

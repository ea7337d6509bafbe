"""The dendrogram of a pair's neurons."""

from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.pair_masks import PairMasks
from vulneuron.analysis.settings import Settings
from vulneuron.measures.clustering import Dendrogram, cluster
from vulneuron.measures.distances import (
    Distances,
    feature_map_distances,
    iou_distances,
    receptive_field_distances,
)


def dendrogram(data: PairData, masks: PairMasks, pair: int, settings: Settings) -> Dendrogram:
    """Neurons clustered by the distance that the settings choose (paper, Section 5.2.2)."""
    return cluster(_distances(data, masks, pair, settings), settings.method)


def _distances(data: PairData, masks: PairMasks, pair: int, settings: Settings) -> Distances:
    if settings.distance == "feature_map":
        maps = data.maps(pair)
        return feature_map_distances(maps.benign, maps.adversarial)
    captured = masks.of_all(pair, settings.threshold)
    if settings.distance == "iou":
        return iou_distances(captured.benign, captured.adversarial)
    images = data.images(pair)
    return receptive_field_distances(captured.benign, captured.adversarial, images.benign, images.adversarial)

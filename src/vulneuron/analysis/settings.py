"""`Settings`: all choices that decide what an analysis shows, in one place."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vulneuron.engines import ENGINES, EngineName
from vulneuron.errors import MeasureError
from vulneuron.measures.bands import BAND_KINDS, BandKind
from vulneuron.measures.choices import check_choice, check_confidence, check_per_cent, check_size, check_whole
from vulneuron.measures.clustering import METHODS, Method
from vulneuron.measures.contribution import WEIGHTS, Weights
from vulneuron.measures.sides import SIDES, Side
from vulneuron.measures.thresholds import Threshold

Ints = npt.NDArray[np.int64]
Combination = Literal["union", "intersection"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)
DistanceKind = Literal["receptive_field", "iou", "feature_map"]
DISTANCES: tuple[DistanceKind, ...] = get_args(DistanceKind)


@dataclass(frozen=True)
class Settings:
    """Choices behind the numbers and pictures of an `Analysis`; hashable, so that results are cached by it.

    Parameters
    ----------
    weights
        Which class's weights the two contribution curves use: "own", "benign", "adversarial", "margin".
    band, confidence
        "mean" (t-interval of the mean) or "quantile" (central quantile band), and its level.
    band_images
        What the adversarial band is made of: "benign" images of the adversarial class, or "adversarial"
        images that are predicted as it.
    threshold
        From where on a neuron counts as responding.
    rf_size
        Size ``(y, x)`` at which `Analysis.receptive_field` and `receptive_fields` show them; that of the
        images when None. Measures always compare masks of the images' size.
    top
        How many per cent of the pixels of a vulnerability map count as vulnerable.
    iou_side
        Whose receptive fields are compared with the vulnerability maps.
    patch, stride
        Of vulnerability maps, in pixels; the default patch when None.
    engine
        How vulnerability maps are computed: "incremental" or "dense", which give the same maps up to
        rounding, or "anytime", which computes no more than settles the top mask.
    distance, linkage
        Of the clustering; Ward for L2 distances and average for IoU when None.

    Raises
    ------
    MeasureError
        If a choice is unknown or a number out of its range.
    """

    weights: Weights = "own"
    band: BandKind = "mean"
    confidence: float = 0.95
    band_images: Side = "benign"
    threshold: Threshold = field(default_factory=Threshold)
    rf_size: tuple[int, int] | None = None
    top: float = 20.0
    iou_side: Side = "benign"
    patch: int | None = None
    stride: int = 1
    engine: EngineName = "incremental"
    distance: DistanceKind = "receptive_field"
    linkage: Method | None = None

    def __post_init__(self) -> None:
        check_choice(self.weights, "weights", WEIGHTS)
        check_choice(self.band, "band", BAND_KINDS)
        check_confidence(self.confidence)
        check_choice(self.band_images, "band_images", SIDES)
        check_choice(self.iou_side, "iou_side", SIDES)
        check_choice(self.distance, "distance", DISTANCES)
        if self.linkage is not None:
            check_choice(self.linkage, "linkage", METHODS)
        if not isinstance(self.threshold, Threshold):
            raise MeasureError(
                f"given threshold = {self.threshold!r}",
                allowed="a vulneuron.Threshold",
                fix="write for example Threshold('absolute', 0.3)",
            )
        if self.rf_size is not None:
            check_size(self.rf_size, "rf_size")
        check_per_cent(self.top, "top")
        if self.patch is not None:
            check_whole(self.patch, "patch", least=2)
        check_whole(self.stride, "stride")
        check_choice(self.engine, "engine", ENGINES)

    @property
    def method(self) -> Method:
        """Linkage method that the clustering uses."""
        return self.linkage or ("average" if self.distance == "iou" else "ward")


def suggested_settings(benign_label: Ints, adversarial_label: Ints) -> Settings:
    """Default settings, adapted so that most pairs have bands.

    If most pairs' adversarial class has fewer than two benign images, as in a small run with many classes,
    the adversarial bands are made of adversarial images, provided that gives more pairs a band.

    Parameters
    ----------
    benign_label, adversarial_label
        ``(pair,)``, labels of all pairs of the record.
    """
    default = _share_with_band(benign_label, adversarial_label)
    if default < 0.5 and default < _share_with_band(adversarial_label, adversarial_label):
        return Settings(band_images="adversarial")
    return Settings()


def _share_with_band(band_labels: Ints, pair_labels: Ints) -> float:
    """Share of the pairs whose label at least two images of the band have."""
    images = np.bincount(band_labels, minlength=int(pair_labels.max()) + 1)
    return float(np.mean(images[pair_labels] >= 2))

"""Thresholds of receptive fields (RFs): the activation above which a neuron responds (paper, Section 3.2)."""

from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import Choice, check_choice

Floats = npt.NDArray[np.float32]
Floating = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Mode = Literal["absolute", "quantile", "relative"]
#: Default levels of the modes "absolute" and "quantile", and of "relative".
DEFAULT_QUANTILE, DEFAULT_FRACTION = 0.8, 0.5
MODES: dict[Mode, Choice] = {
    "absolute": Choice("absolute", "One activation for all neurons"),
    "quantile": Choice(
        "per neuron",
        "A quantile of each neuron's own activations on benign images",
        legend=("{ordinal} percentile",),
        implies={"threshold_level": DEFAULT_QUANTILE},
        limits={"threshold_level": (0, 1)},
    ),
    "relative": Choice(
        "relative",
        "A fraction of each feature map's own maximum",
        legend=("{percent} % of its maximum",),
        implies={"threshold_level": DEFAULT_FRACTION},
        limits={"threshold_level": (0, 1)},
    ),
}


@dataclass(frozen=True)
class Threshold:
    """Rule for the threshold that a neuron's upsampled feature map has to exceed.

    Parameters
    ----------
    mode
        "absolute": one value for all neurons of the layer.
        "quantile": one value per neuron, a quantile of its own benign feature maps (Bau, Zhou, Khosla, Oliva
        and Torralba, "Network Dissection", CVPR 2017, with 0.995).
        "relative": a fraction of the maximum of the feature map itself, with which every neuron that responds
        at all captures something.
    level
        The value, quantile (0 to 1) or fraction (0 to 1). If None: for "absolute" the 0.8 quantile of the
        layer's benign feature maps, for "quantile" 0.8, for "relative" 0.5.

    Raises
    ------
    MeasureError
        If the mode is unknown or the level is out of range.
    """

    mode: Mode = "absolute"
    level: float | None = None

    def __post_init__(self) -> None:
        check_choice(self.mode, "threshold mode", MODES)
        if self.level is None:
            return
        number = isinstance(self.level, Real) and np.isfinite(float(self.level))
        low, high = MODES[self.mode].limits.get("threshold_level", (-np.inf, np.inf))
        if not number or not low <= self.level <= high:
            raise MeasureError(
                f"given {self.mode} threshold {self.level!r}",
                allowed="a finite activation" if low == -np.inf else f"{low:g} to {high:g}",
                fix="choose another level, or leave it out",
            )


def choose_thresholds(rule: Threshold, features: Floating, benign_features: Floating) -> Floats:
    """Thresholds of all neurons for one image, ``(neuron,)``, in the unit of the feature maps.

    Parameters
    ----------
    rule
        Rule for the thresholds.
    features
        ``(neuron, row, column)``: the image's feature maps; only "relative" reads them.
    benign_features
        ``(image, neuron, row, column)``: feature maps of benign images; only "quantile", and "absolute"
        without a level, read them.
    """
    if rule.mode == "relative":
        return relative_thresholds(features, DEFAULT_FRACTION if rule.level is None else rule.level)
    if rule.mode == "quantile":
        return neuron_thresholds(benign_features, DEFAULT_QUANTILE if rule.level is None else rule.level)
    level = layer_threshold(benign_features) if rule.level is None else rule.level
    return np.full(len(features), level, np.float32)


def layer_threshold(benign_features: Floating, quantile: float = DEFAULT_QUANTILE) -> float:
    """One threshold for a layer: a quantile over all neurons and cells of benign feature maps.

    The feature maps are not upsampled, which is cheap and nearly equivalent: with 0.8, RFs cover about 20 %
    of an image on average (20.6 % on CIFAR-10). If more than 80 % of the cells are 0, the threshold is 0, and
    RFs cover less. For a large record, a seeded sample of the images (`sample`) is enough.

    Parameters
    ----------
    benign_features
        ``(image, neuron, row, column)``.
    quantile
        From 0 to 1.
    """
    return float(np.quantile(benign_features, quantile))


def neuron_thresholds(benign_features: Floating, quantile: float = DEFAULT_QUANTILE) -> Floats:
    """One threshold per neuron, ``(neuron,)``: a quantile over its own cells in benign feature maps.

    As in Network Dissection (Bau et al., CVPR 2017), but without upsampling the feature maps.

    Parameters
    ----------
    benign_features
        ``(image, neuron, row, column)``.
    quantile
        From 0 to 1.
    """
    cells = np.moveaxis(benign_features, 1, 0).reshape(benign_features.shape[1], -1)
    return np.asarray(np.quantile(cells, quantile, axis=1), np.float32)


def relative_thresholds(features: Floating, fraction: float = DEFAULT_FRACTION) -> Floats:
    """One threshold per neuron, ``(neuron,)``: a fraction of its feature map's maximum in this image.

    Parameters
    ----------
    features
        ``(neuron, row, column)``, not upsampled. If the maximum is 0 or less, nothing exceeds the threshold,
        and the neuron captures nothing.
    fraction
        From 0 to 1.
    """
    return np.asarray(fraction * features.max(axis=(1, 2)), np.float32)


def sample(images: int, most: int = 512, seed: int = 0) -> Ints:
    """Ascending indices of the images that determine the thresholds: all, or a seeded sample.

    512 images of CIFAR-10 give the 0.8 quantile of a layer to within 2 %.

    Parameters
    ----------
    images
        Number of images.
    most
        Largest size of the sample.
    seed
        Seed of the sample.
    """
    if images <= most:
        return np.arange(images)
    return np.sort(np.random.default_rng(seed).choice(images, most, replace=False))

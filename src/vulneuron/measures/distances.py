"""Distances between neurons, by what they capture on both images of a pair (paper, Section 5.2.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist, squareform

from vulneuron.measures.choices import Choice
from vulneuron.measures.clustering import Distances, Method
from vulneuron.measures.common_energy import common_energy
from vulneuron.measures.packed_masks import PackedMasks, as_packed

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Masks = Bools | PackedMasks
#: Squared distances below this fraction of the largest squared norm are rounding errors.
_ROUNDING = 1e-12


#: Values of a pair that a distance is computed from: packed receptive fields at the size of the images,
#: images in [0, 1], feature maps.
Source = Literal["masks", "images", "features"]
_Compute = Callable[..., Distances]
#: All distances by name, the default first.
DISTANCES: dict[str, "NeuronDistance"] = {}


@dataclass(frozen=True, eq=False)
class NeuronDistance(Choice):
    """A distance between neurons, for clustering.

    Attributes
    ----------
    compute
        Computes the distances from two arrays per source: of the benign and of the adversarial image.
    sources
        Inputs of `compute`.
    """

    compute: _Compute = field(kw_only=True)
    sources: tuple[Source, ...] = field(kw_only=True)

    @property
    def linkage(self) -> Method:
        """Suitable linkage method."""
        return cast(Method, self.implies["linkage"])


def neuron_distance(
    name: str, label: str, meaning: str, *, sources: tuple[Source, ...], linkage: Method
) -> Callable[[_Compute], _Compute]:
    """Register a function as a distance between neurons.

    Parameters
    ----------
    name
        Name in settings, URLs and commands.
    label, meaning
        See `Choice`.
    sources
        Inputs, in the order of the function's parameters.
    linkage
        Suitable linkage method.

    Raises
    ------
    ValueError
        If there is a distance of this name.
    """

    def register(compute: _Compute) -> _Compute:
        if name in DISTANCES:
            raise ValueError(f"there is a distance {name!r} already")
        DISTANCES[name] = NeuronDistance(
            label, meaning, implies={"linkage": linkage}, compute=compute, sources=sources
        )
        return compute

    return register


@neuron_distance(
    "receptive_field",
    "L2 of RFs",
    "L2 distance between the regions that two neurons reveal, over both images",
    sources=("masks", "images"),
    linkage="ward",
)
def receptive_field_distances(
    benign_masks: Masks, adversarial_masks: Masks, benign_image: Floating, adversarial_image: Floating
) -> Distances:
    r"""L2 distances between RFs (mask x image), over the benign and the adversarial image together.

    .. math::
        d_{kl}^2 = \lVert m_k x - m_l x \rVert_2^2 + \lVert m'_k x' - m'_l x' \rVert_2^2

    The default of the *Neuron Cluster View*. In units of pixels in [0, 1], from 0 to the square root of the
    number of values in both images.

    Parameters
    ----------
    benign_masks, adversarial_masks
        ``(neuron, y, x)``, bool, or packed: RFs on the two images.
    benign_image, adversarial_image
        ``(channel, y, x)`` in [0, 1], of the RF size.

    Raises
    ------
    MeasureError
        If masks and images do not fit.
    """
    both = as_packed(benign_masks), as_packed(adversarial_masks)
    gram = sum(
        common_energy(masks, np.square(image, dtype=np.float64).sum(axis=0))
        for masks, image in zip(both, (benign_image, adversarial_image), strict=True)
    )
    return Distances(_from_gram(np.asarray(gram)), _dead(*both))


@neuron_distance(
    "iou",
    "IoU of RFs",
    "1 - intersection over union of the receptive fields",
    sources=("masks",),
    linkage="average",
)
def iou_distances(benign_masks: Masks, adversarial_masks: Masks) -> Distances:
    r"""One minus the intersection over union of RFs, over the pixels of both images together.

    .. math::
        d_{kl} = 1 - \frac{|R_k \cap R_l| + |R'_k \cap R'_l|}{|R_k \cup R_l| + |R'_k \cup R'_l|}

    In [0, 1]. Two dead neurons are at distance 0, because neither captures anything; a dead and a live neuron
    are at distance 1.

    Parameters
    ----------
    benign_masks, adversarial_masks
        ``(neuron, y, x)``, bool, or packed: RFs on the two images.

    Raises
    ------
    MeasureError
        If the masks are not boolean.
    """
    both = as_packed(benign_masks), as_packed(adversarial_masks)
    gram = sum(common_energy(masks, np.ones(masks.size)) for masks in both)
    # Pixel counts, rounded to make equal RFs exactly equal.
    common = np.rint(gram)
    areas = common.diagonal()
    union = areas[:, None] + areas - common
    values = 1 - np.divide(common, union, out=np.ones_like(common), where=union > 0)
    return Distances(values, _dead(*both))


@neuron_distance(
    "feature_map",
    "L2 of features",
    "L2 distance between the feature maps",
    sources=("features",),
    linkage="ward",
)
def feature_map_distances(benign_features: Floating, adversarial_features: Floating) -> Distances:
    r"""L2 distances between feature maps, over the benign and the adversarial image together.

    .. math::
        d_{kl}^2 = \lVert A_k - A_l \rVert_2^2 + \lVert A'_k - A'_l \rVert_2^2

    In units of activations. Here, a neuron is dead if its feature maps are 0 everywhere on both images.

    Parameters
    ----------
    benign_features, adversarial_features
        ``(neuron, row, column)``.
    """
    both = np.concatenate(
        [features.reshape(len(features), -1) for features in (benign_features, adversarial_features)], axis=1
    )
    return Distances(squareform(pdist(both.astype(np.float64))), np.asarray(~both.any(axis=1)))


def _from_gram(gram: Doubles) -> Doubles:
    norms = gram.diagonal()
    squares = norms[:, None] + norms - 2 * gram
    # Equal RFs must be at distance 0, not at the rounding error of large numbers.
    squares[squares <= _ROUNDING * norms.max(initial=0)] = 0
    np.fill_diagonal(squares, 0)
    return np.asarray(np.sqrt(squares))


def _dead(benign_masks: PackedMasks, adversarial_masks: PackedMasks) -> Bools:
    return np.asarray(~(benign_masks.patterns.any(axis=0) | adversarial_masks.patterns.any(axis=0)))

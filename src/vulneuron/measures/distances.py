"""Distances between neurons, by what they capture on both images of a pair (paper, Section 5.2.2)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist, squareform

from vulneuron.measures.common_energy import common_energy

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
#: Squared distances below this part of the largest squared norm are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances between every two neurons.

    Attributes
    ----------
    values
        ``(neuron, neuron)``, float64, symmetric, at least 0, with zeros on the diagonal.
    dead
        ``(neuron,)``, bool: neurons that capture nothing on either image. They are at distance 0 from each
        other.
    """

    values: Doubles
    dead: Bools


def receptive_field_distances(
    benign_masks: Bools, adversarial_masks: Bools, benign_image: Floating, adversarial_image: Floating
) -> Distances:
    r"""L2 distances between RFs (mask x image), of the benign and the adversarial image together.

    .. math::
        d_{kl}^2 = \lVert m_k x - m_l x \rVert_2^2 + \lVert m'_k x' - m'_l x' \rVert_2^2

    The default of the *Neuron Cluster View*. In units of pixels of [0, 1], from 0 to the square root of the
    number of values in both images.

    Parameters
    ----------
    benign_masks, adversarial_masks
        ``(neuron, y, x)``, bool, RFs on the two images.
    benign_image, adversarial_image
        ``(channel, y, x)`` in [0, 1], of the RF size.

    Raises
    ------
    MeasureError
        If masks and images do not fit.
    """
    gram = sum(
        common_energy(masks, np.square(image, dtype=np.float64).sum(axis=0))
        for masks, image in ((benign_masks, benign_image), (adversarial_masks, adversarial_image))
    )
    return Distances(_from_gram(np.asarray(gram)), _dead(benign_masks, adversarial_masks))


def iou_distances(benign_masks: Bools, adversarial_masks: Bools) -> Distances:
    r"""One minus the intersection over union of RFs, pixels of both images taken together.

    .. math::
        d_{kl} = 1 - \frac{|R_k \cap R_l| + |R'_k \cap R'_l|}{|R_k \cup R_l| + |R'_k \cup R'_l|}

    In [0, 1]. Two dead neurons capture the same, namely nothing, so their distance is 0 here; a dead and any
    other one are at distance 1.

    Parameters
    ----------
    benign_masks, adversarial_masks
        ``(neuron, y, x)``, bool, RFs on the two images.

    Raises
    ------
    MeasureError
        If the masks are not such booleans.
    """
    gram = sum(common_energy(masks, np.ones(masks.shape[1:])) for masks in (benign_masks, adversarial_masks))
    # Counts of pixels; rounding them makes equal RFs exactly equal.
    common = np.rint(gram)
    areas = common.diagonal()
    union = areas[:, None] + areas - common
    values = 1 - np.divide(common, union, out=np.ones_like(common), where=union > 0)
    return Distances(values, _dead(benign_masks, adversarial_masks))


def feature_map_distances(benign_maps: Floating, adversarial_maps: Floating) -> Distances:
    r"""L2 distances between feature maps, of the benign and the adversarial image together.

    .. math::
        d_{kl}^2 = \lVert A_k - A_l \rVert_2^2 + \lVert A'_k - A'_l \rVert_2^2

    In units of activations. Neurons whose maps are 0 everywhere on both images are called dead here.

    Parameters
    ----------
    benign_maps, adversarial_maps
        ``(neuron, row, column)``.
    """
    both = np.concatenate([maps.reshape(len(maps), -1) for maps in (benign_maps, adversarial_maps)], axis=1)
    return Distances(squareform(pdist(both.astype(np.float64))), np.asarray(~both.any(axis=1)))


def _from_gram(gram: Doubles) -> Doubles:
    norms = gram.diagonal()
    squares = norms[:, None] + norms - 2 * gram
    # Equal RFs have to be at distance 0, not at the rounding of a difference of large numbers.
    squares[squares <= _ROUNDING * norms.max(initial=0)] = 0
    np.fill_diagonal(squares, 0)
    return np.asarray(np.sqrt(squares))


def _dead(benign_masks: Bools, adversarial_masks: Bools) -> Bools:
    return np.asarray(~(benign_masks.any(axis=(1, 2)) | adversarial_masks.any(axis=(1, 2))))

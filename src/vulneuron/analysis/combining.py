"""Several receptive fields as one."""

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.results import ReceptiveField
from vulneuron.analysis.settings import Combination
from vulneuron.measures import receptive_field

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def combined_mask(masks: Bools, combination: Combination) -> Bools:
    """Pixels ``(y, x)`` that any ("union") or all ("intersection") of the neurons ``(k, y, x)`` capture."""
    combine = {"union": receptive_field.union, "intersection": receptive_field.intersection}
    return combine[combination](masks)


def combined(masks: Bools, image: Floats, combination: Combination) -> ReceptiveField:
    """What a set of neurons captures on an image.

    Parameters
    ----------
    masks
        ``(k, y, x)``, one a neuron.
    image
        ``(channel, y, x)`` in [0, 1]; another size than the masks' is allowed.
    combination
        "union" or "intersection".
    """
    mask = combined_mask(masks, combination)
    shown = receptive_field.masked_image(image, mask)
    return ReceptiveField(mask, shown, float(mask.mean()), receptive_field.dead(masks))

"""Overlap of receptive fields with vulnerable pixels (paper, Section 5.2.1, Figure 3)."""

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.packed_masks import PackedMasks, as_packed
from vulneuron.measures.registry import OVERLAP, NeuronContext, neuron_measure
from vulneuron.measures.sides import ByEffect

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


def iou(masks: Bools | PackedMasks, mask: Bools) -> Floats:
    r"""Intersection over union of each neuron's receptive field with one mask.

    :math:`|R_k \cap M| / |R_k \cup M|`, and 0 if both are empty: a neuron that captures nothing overlaps
    nothing.

    Parameters
    ----------
    masks
        ``(neuron, y, x)``, bool, or packed: receptive fields.
    mask
        ``(y, x)``, bool, such as the top pixels of a vulnerability map.

    Returns
    -------
    ndarray
        ``(neuron,)``, float32 in [0, 1].

    Raises
    ------
    MeasureError
        If the shapes do not fit or a mask is not boolean.
    """
    packed = as_packed(masks)
    if mask.dtype != np.bool_ or mask.shape != packed.size:
        raise MeasureError(
            f"given a mask as {mask.dtype} {mask.shape} for receptive fields of {packed.size}",
            allowed=f"bool {packed.size}",
            fix="bring the mask to the size of the receptive fields first",
        )
    common = packed.common_areas(mask)
    union = packed.areas + np.count_nonzero(mask) - common
    shares: Floats = np.divide(common, union, out=np.zeros(len(packed), np.float32), where=union > 0)
    return shares


@neuron_measure(
    "iou_{part}",
    label="IoU with {part}",
    row="IoU with its map",
    heading={"benign_drop": "IoU\ndrop", "adversarial_gain": "IoU\ngain"},
    meaning={
        "benign_drop": "Overlap of the receptive field with the pixels of largest benign drop",
        "adversarial_gain": "Overlap of the receptive field with the pixels of largest adversarial gain",
    },
    formula="intersection over union of the receptive field and the top mask",
    unit="0 to 1",
    group=OVERLAP,
    ends=("largest IoU", "smallest IoU"),
    display="share",
    needs={"vulnerability_maps"},
    missing_because="because no vulnerability maps have been computed, or they are left out",
    fix="run `vulneuron maps` first, or provide the model",
    by="effect",
)
def overlap_with_top(context: NeuronContext) -> ByEffect[Doubles]:
    """IoU of each receptive field with the most vulnerable pixels in each vulnerability map."""
    return context.overlaps

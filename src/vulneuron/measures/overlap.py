"""Overlap of masks: how much of what a neuron looks at is vulnerable (paper, Section 5.2.1, Figure 3)."""

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
#: Pixels that are converted to float32 at once, so that not all masks are in memory as such.
_PIXELS_AT_ONCE = 2**14


def iou(masks: Bools, mask: Bools) -> Floats:
    r"""Intersection over union of every neuron's receptive field with one mask.

    :math:`|R_k \cap M| / |R_k \cup M|`, and 0 where both are empty: a neuron that captures nothing overlaps
    with nothing.

    Parameters
    ----------
    masks
        ``(neuron, y, x)``, bool: receptive fields.
    mask
        ``(y, x)``, bool, such as the top pixels of a vulnerability map.

    Returns
    -------
    ndarray
        ``(neuron,)``, float32 in [0, 1].

    Raises
    ------
    MeasureError
        If the shapes do not fit or something else than booleans is given.
    """
    _check(masks)
    if mask.dtype != np.bool_ or mask.shape != masks.shape[1:]:
        raise MeasureError(
            f"given a mask as {mask.dtype} {mask.shape} for receptive fields {masks.shape}",
            allowed=f"bool {masks.shape[1:]}",
            fix="bring the map to the receptive fields' size first",
        )
    # A loop, as counting one mask stays in the caches. As floats for a matrix product, large masks take twice
    # the time, and much more where BLAS has to share the cores.
    flat, other = _flat(masks), mask.ravel()
    areas = np.array([np.count_nonzero(one) for one in flat], np.float32)
    common = np.array([np.count_nonzero(one & other) for one in flat], np.float32)
    return _ratio(common, areas + np.count_nonzero(other) - common)


def pairwise_iou(masks: Bools) -> Floats:
    r"""Intersection over union of every two receptive fields, by one symmetric matrix product.

    :math:`|R_k \cap R_l| / |R_k \cup R_l|`, and 0 where both are empty. So a dead neuron's entry on the
    diagonal is 0, every other one is 1.

    Parameters
    ----------
    masks
        ``(neuron, y, x)``, bool.

    Returns
    -------
    ndarray
        ``(neuron, neuron)``, float32 in [0, 1], symmetric.

    Raises
    ------
    MeasureError
        If something else than such booleans is given.
    """
    _check(masks)
    flat = _flat(masks)
    common = np.zeros((len(flat), len(flat)), np.float32)
    for start in range(0, flat.shape[1], _PIXELS_AT_ONCE):
        block = flat[:, start : start + _PIXELS_AT_ONCE].astype(np.float32)
        common += block @ block.T
    areas = common.diagonal()
    return _ratio(common, areas[:, None] + areas - common)


def _ratio(common: Floats, union: Floats) -> Floats:
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _flat(masks: Bools) -> Bools:
    return masks.reshape(len(masks), masks.shape[1] * masks.shape[2])


def _check(masks: Bools) -> None:
    if masks.dtype != np.bool_ or masks.ndim != 3:
        raise MeasureError(
            f"given masks as {masks.dtype} {masks.shape}",
            allowed="bool (neuron, y, x)",
            fix="make them with vulneuron.measures.receptive_field.masks",
        )

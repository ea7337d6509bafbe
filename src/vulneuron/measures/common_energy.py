"""Energy of an image that the receptive fields (RFs) of each two neurons share."""

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Patterns = npt.NDArray[np.uint64]
#: Side of a tile: its 64 pixels are the bits of one number.
_TILE = 8
_FULL = np.uint64(2**64 - 1)
#: OpenBLAS splits matrix products of more multiplications over threads. Thousands of short ones then wait for
#: each other, up to 10 times as long as on one thread on a busy machine.
_MAX_UNSPLIT = 2**18


def common_energy(masks: Bools, energy: Floating) -> Doubles:
    r"""Energy of the pixels that two masks share, for each two masks.

    .. math::
        G_{kl} = \sum_p e_p\, m_{kp}\, m_{lp}

    is the Gram matrix of the masked images :math:`m_k x` if :math:`e_p` is the sum of squares of the pixel's
    channels, and counts shared pixels if it is 1. It is exact up to float64 rounding.

    Parameters
    ----------
    masks
        ``(neuron, y, x)``, bool.
    energy
        ``(y, x)``, nonnegative.

    Returns
    -------
    ndarray
        ``(neuron, neuron)``, float64, symmetric, >= 0.

    Raises
    ------
    MeasureError
        If the shapes do not fit or the masks are not boolean.

    Notes
    -----
    RFs come from small, smooth feature maps, so most masks are constant on a tile of 8 x 8 pixels. With the
    total energy :math:`E_t` of a tile and a mask's energy :math:`s_{kt}` in it,

    .. math::
        G_{kl} = \sum_t \frac{s_{kt} s_{lt}}{E_t} + \sum_t \Big(\sum_{p \in t} e_p m_{kp} m_{lp}
                 - \frac{s_{kt} s_{lt}}{E_t}\Big),

    and a term of the second sum is 0 if one of the two masks is constant on the tile. The first sum is one
    matrix product over tiles instead of pixels; the second needs only masks that are mixed on a tile.
    """
    _check(masks, energy)
    patterns, energies = _tiles(masks, np.asarray(energy, np.float64))
    totals = energies.sum(axis=1)
    lit = totals > 0
    patterns, energies, roots = patterns[lit], energies[lit], np.sqrt(totals[lit])
    # Each mask's energy in each tile, divided by the root of the tile's energy.
    shares = np.where(patterns == _FULL, roots[:, None], 0)
    mixed = (patterns != 0) & (patterns != _FULL)
    gram = np.zeros((len(masks), len(masks)))
    for tile in np.flatnonzero(mixed.any(axis=1)):
        neurons = np.flatnonzero(mixed[tile])
        bits = np.unpackbits(patterns[tile, neurons].view(np.uint8)).reshape(len(neurons), -1)
        pixels = bits.astype(np.float64)
        share = pixels @ energies[tile] / roots[tile]
        shares[tile, neurons] = share
        gram[np.ix_(neurons, neurons)] += _products(pixels * energies[tile], pixels) - np.outer(share, share)
    gram += shares.T @ shares
    return np.asarray((gram + gram.T) / 2)


def _products(first: Doubles, second: Doubles) -> Doubles:
    """``first @ second.T`` in short pieces."""
    rows = max(1, _MAX_UNSPLIT // second.size)
    pieces = [first[start : start + rows] @ second.T for start in range(0, len(first), rows)]
    return np.concatenate(pieces)


def _tiles(masks: Bools, energy: Doubles) -> tuple[Patterns, Doubles]:
    """Bits ``(tile, neuron)`` and energies ``(tile, pixel of the tile)``."""
    neurons, height, width = masks.shape
    below, right = -height % _TILE, -width % _TILE
    if below or right:
        masks = np.pad(masks, ((0, 0), (0, below), (0, right)))
        energy = np.pad(energy, ((0, below), (0, right)))
    rows, columns = energy.shape[0] // _TILE, energy.shape[1] // _TILE
    packed = np.packbits(masks, axis=-1).reshape(neurons, rows, _TILE, columns)
    patterns = np.ascontiguousarray(packed.transpose(1, 3, 0, 2)).view(np.uint64)
    energies = energy.reshape(rows, _TILE, columns, _TILE).swapaxes(1, 2)
    return patterns.reshape(rows * columns, neurons), energies.reshape(rows * columns, -1)


def _check(masks: Bools, energy: Floating) -> None:
    if masks.dtype != np.bool_ or masks.ndim != 3 or energy.shape != masks.shape[1:]:
        raise MeasureError(
            f"given masks as {masks.dtype} {masks.shape} for an image of {energy.shape}",
            allowed="bool (neuron, y, x) of the image's size",
            fix="create masks and image of one RF size with vulneuron.measures.fields",
        )

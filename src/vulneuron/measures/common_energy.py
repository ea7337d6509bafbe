"""Energy of an image that the receptive fields (RFs) of each two neurons share."""

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.packed_masks import PackedMasks, as_packed, tiled

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
#: OpenBLAS splits matrix products of more multiplications over threads. Thousands of short ones then wait for
#: each other, up to 10 times as long as on one thread on a busy machine.
_MAX_UNSPLIT = 2**18
#: Side of a block in tiles.
_BLOCK = 4
#: Largest fraction of the masks that may be mixed on a block; otherwise, its tiles are not replaced by it.
_MOST_MIXED = 0.2


def common_energy(masks: Bools | PackedMasks, energy: Floating) -> Doubles:
    r"""Energy of the pixels that two masks share, for each two masks.

    .. math::
        G_{kl} = \sum_p e_p\, m_{kp}\, m_{lp}

    is the Gram matrix of the masked images :math:`m_k x` if :math:`e_p` is the sum of squares of the pixel's
    channels, and counts shared pixels if it is 1. It is exact up to float64 rounding.

    Parameters
    ----------
    masks
        ``(neuron, y, x)``, bool, or packed.
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
    Most masks are constant on a tile of 8 x 8 pixels. With the total energy :math:`E_t` of a tile and a
    mask's energy :math:`s_{kt}` in it,

    .. math::
        G_{kl} = \sum_t \frac{s_{kt} s_{lt}}{E_t} + \sum_t \sum_{p \in t} e_p
                 \Big(m_{kp} - \frac{s_{kt}}{E_t}\Big) \Big(m_{lp} - \frac{s_{lt}}{E_t}\Big),

    and a term of the second sum is 0 if one of the two masks is constant on the tile. The first sum is one
    matrix product over tiles instead of pixels; the second needs only masks that are mixed on a tile. The
    same identity then replaces tiles by blocks of tiles. Tiles on which no mask is mixed are merged if they
    are in the same masks.
    """
    packed = as_packed(masks)
    if energy.shape != packed.size:
        raise MeasureError(
            f"given masks of {packed.size} pixels for an image of {energy.shape}",
            allowed="masks of the image's size",
            fix="create masks and image of one RF size with vulneuron.measures.fields",
        )
    energies = tiled(np.asarray(energy, np.float64))
    roots = np.sqrt(energies.sum(axis=1))
    full, mixed = packed.patterns == packed.full[:, None], packed.patterns != 0
    mixed &= ~full
    # Each mask's energy in each tile, divided by the root of the tile's energy.
    shares = np.where(full, roots[:, None], 0)
    gram = np.zeros((len(packed), len(packed)))
    has_mixed = mixed.any(axis=1) & (roots > 0)
    for tile in np.flatnonzero(has_mixed):
        neurons = np.flatnonzero(mixed[tile])
        bits = np.unpackbits(packed.patterns[tile, neurons].view(np.uint8)).reshape(len(neurons), -1)
        pixels = bits.astype(np.float64)
        share = pixels @ energies[tile] / roots[tile]
        shares[tile, neurons] = share
        _add_products(gram, neurons, (pixels - share[:, None] / roots[tile]) * np.sqrt(energies[tile]))
    rows = [_merged(full[~has_mixed], roots[~has_mixed])]
    for tiles in _blocks(packed.grid, has_mixed):
        neurons = np.flatnonzero(mixed[tiles].any(axis=0) | (full[tiles] != full[tiles[0]]).any(axis=0))
        block, parts = shares[tiles], roots[tiles] / np.sqrt(np.square(roots[tiles]).sum())
        if len(neurons) > _MOST_MIXED * len(packed):
            rows.append(block)
        else:
            share = parts @ block
            rows.append(share[None])
            _add_products(gram, neurons, (block[:, neurons] - np.outer(parts, share[neurons])).T)
    whole = np.concatenate(rows)
    gram += whole.T @ whole
    return np.asarray((gram + gram.T) / 2)


def _blocks(grid: tuple[int, int], chosen: Bools) -> list[Ints]:
    """Chosen tiles of each block."""
    rows, columns = np.divmod(np.flatnonzero(chosen), grid[1])
    blocks = rows // _BLOCK * grid[1] + columns // _BLOCK
    order = np.argsort(blocks, kind="stable")
    borders = np.flatnonzero(np.diff(blocks[order])) + 1
    return np.split(np.flatnonzero(chosen)[order], borders) if len(order) else []


def _merged(full: Bools, roots: Doubles) -> Doubles:
    """Shares ``(tile, neuron)`` of tiles on which no mask is mixed, merged if they are in the same masks."""
    energies: dict[bytes, float] = {}
    for neurons, root in zip(full, roots.tolist(), strict=True):
        key = neurons.tobytes()
        energies[key] = energies.get(key, 0.0) + root**2
    patterns = np.frombuffer(b"".join(energies), np.bool_).reshape(len(energies), full.shape[1])
    return np.asarray(patterns * np.sqrt(list(energies.values()), dtype=np.float64)[:, None])


def _add_products(gram: Doubles, neurons: Ints, values: Doubles) -> None:
    """Add ``values @ values.T`` to the rows and columns of these neurons."""
    if len(neurons) == 0:
        return
    rows = max(1, _MAX_UNSPLIT // values.size)
    pieces = [values[start : start + rows] @ values.T for start in range(0, len(values), rows)]
    # Indices of the flat array take half the time of those of rows and columns.
    gram.reshape(-1)[neurons[:, None] * len(gram) + neurons] += np.concatenate(pieces)

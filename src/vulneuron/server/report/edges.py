"""Masks as the edges in their rows, which takes a fraction of the space of their pixels."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
#: Largest width whose positions and counts fit into one byte.
_BYTE = 255


def encode(masks: Bools) -> bytes:
    """Masks ``(..., y, x)``: the number of edges of each row, then the position of each edge.

    An edge is a pixel that differs from its left neighbor; the pixel left of the image is outside. Masks of
    receptive fields are smooth, so a position is relative to the edge of the same rank in the row above if
    that row of the mask has as many edges. Otherwise it is relative to the previous edge in its row, or to 0.
    All numbers are unsigned and wrap around: one byte if the width is at most 255, else two (little endian).
    """
    height, width = masks.shape[-2:]
    rows = masks.reshape(-1, width)
    is_edge = rows.copy()
    is_edge[:, 1:] ^= rows[:, :-1]
    counts = np.count_nonzero(is_edge, axis=1)
    row, position = np.divmod(np.flatnonzero(is_edge), width)
    first = np.cumsum(counts) - counts
    follows = _follows(counts, height)[row]
    rank = np.arange(len(row)) - first[row]
    above = np.where(follows, first[row - 1] + rank, 0)
    left = np.where(rank > 0, np.concatenate([[0], position[:-1]]), 0)
    relative = position - np.where(follows, position[above] if len(position) else 0, left)
    kind = np.uint8 if width <= _BYTE else np.dtype("<u2")
    return b"".join(values.astype(kind).tobytes() for values in (counts, relative))


def _follows(counts: Ints, height: int) -> Bools:
    """Whether each row has as many edges as the row above it in the same mask."""
    follows = np.zeros(len(counts), np.bool_)
    follows[1:] = counts[1:] == counts[:-1]
    follows[::height] = False
    return follows

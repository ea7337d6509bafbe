"""Grids of points on a map, and what lies between them."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


class Surroundings:
    """Every so-many-th point of a map, and linear interpolation between them.

    Parameters
    ----------
    shape
        ``(row, column)`` of the map.
    step
        Points from one to the next.
    """

    def __init__(self, shape: tuple[int, int], step: int) -> None:
        self._shape, self._step = shape, step
        self._nodes = tuple(np.arange(0, length, step) for length in shape)
        self.points = np.zeros(shape, np.bool_)
        self.points[np.ix_(*self._nodes)] = True

    def interpolated(self, values: Doubles) -> Doubles:
        """A map from its values on the grid; beyond the last point, as there."""
        rows, columns = (
            _weights(nodes, length) for nodes, length in zip(self._nodes, self._shape, strict=True)
        )
        between: Doubles = rows @ values[np.ix_(*self._nodes)] @ columns.T
        return between

    def misses(self, values: Doubles) -> Doubles:
        """What every other point of the grid gets wrong when it predicts the rest of it."""
        errors: Doubles = (values - Surroundings(self._shape, 2 * self._step).interpolated(values))[
            self.points
        ]
        return errors

    def error(self, values: Doubles) -> float:
        """Root mean square of the `misses` where there are some."""
        misses = self.misses(values)
        return float(np.sqrt((misses**2).sum() / max(np.count_nonzero(misses), 1)))


def control_weight(values: Doubles, preview: Doubles, grid: Surroundings) -> float:
    r"""How much of a preview to take away before a map is interpolated, from 0 to 1.

    Least squares on what interpolation misses of the two on the grid: :math:`w = \langle e_m, e_g \rangle /
    \langle e_g, e_g \rangle`, the optimal coefficient of a control variate.
    """
    of_map, of_preview = grid.misses(values), grid.misses(preview)
    scale = float(of_preview @ of_preview)
    return float(np.clip(of_map @ of_preview / scale, 0, 1)) if scale > 0 else 0.0


def _weights(nodes: Ints, length: int) -> Doubles:
    """Linear interpolation from nodes to every place, as a matrix ``(length, node)``."""
    return np.stack([np.interp(np.arange(length), nodes, unit) for unit in np.eye(len(nodes))], axis=1)

"""Anytime refinement of maps: an estimate first, then exact points, starting with those near the top mask."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_cdt, gaussian_filter
from scipy.special import stdtr

from vulneuron.measures.interpolation import interpolation_weights

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
#: Exact values ``(kind, n)`` of points, given by their row-major indices.
ComputePoints = Callable[[Ints], Doubles]

#: Approximate number of points of the first grid along the longer side, and the smallest number of its points
#: that the attack can change.
_FIRST_GRID, _FIRST_CHANGEABLE = 8, 32
#: Points of one round, as fractions of the computed points and of the map; the first rounds count most.
_GROWTH, _ROUND = 1 / 4, 1 / 48
#: Smallest first round, and limits of the largest round; engines are inefficient with fewer points.
_MIN_ROUND, _MIN_LARGEST, _MAX_LARGEST = 16, 64, 256
#: Distance to the threshold, in standard deviations, beyond which a point is left to a finer grid: it is
#: rarely on the wrong side, and closer points are more informative.
_SETTLED_DISTANCE = 1.25
#: A round of a grid with fewer points ends it. The spread of errors is taken from this many recent points.
_MIN_SAMPLE, _RECENT = 8, 64
#: Assumed factor by which errors shrink when the grid gets twice as fine, until they are measured.
_SHRINKAGE = 0.7
#: Degrees of freedom of the errors: where a map has sharp peaks, a few are much larger than most.
_DEGREES_OF_FREEDOM = 3.0
#: Standard deviation that replaces 0.
_TINY = 1e-100
#: Width of the correction around an exact point in grid steps, and weight of the uncorrected estimate.
_WIDTH, _FADING = 0.5, 0.03


class CoarseGrid:
    """Every n-th point of a map, and linear interpolation between them.

    Parameters
    ----------
    shape
        ``(row, column)`` of the map.
    step
        Distance n between neighboring grid points.
    """

    def __init__(self, shape: tuple[int, int], step: int) -> None:
        self._shape, self.step = shape, step
        self._nodes = tuple(np.arange(0, length, step) for length in shape)
        self.points = np.zeros(shape, np.bool_)
        self.points[np.ix_(*self._nodes)] = True

    def interpolated(self, values: Doubles) -> Doubles:
        """A map interpolated from its values on the grid, constant beyond the last grid point."""
        rows, columns = (
            interpolation_weights(np.minimum(np.arange(length) / self.step, len(nodes) - 1), len(nodes))
            for nodes, length in zip(self._nodes, self._shape, strict=True)
        )
        interpolated: Doubles = rows @ values[np.ix_(*self._nodes)] @ columns.T
        return interpolated

    def misses(self, values: Doubles) -> Doubles:
        """Errors of interpolating the grid from every other of its points, ``(point,)``."""
        coarser = CoarseGrid(self._shape, 2 * self.step)
        errors: Doubles = (values - coarser.interpolated(values))[self.points]
        return errors

    def error(self, values: Doubles) -> float:
        """Root mean square of the nonzero `misses`."""
        misses = self.misses(values)
        return float(np.sqrt((misses**2).sum() / max(np.count_nonzero(misses), 1)))


@dataclass(frozen=True, eq=False)
class RefinementState:
    """Maps at one point of their refinement.

    Attributes
    ----------
    values
        ``(kind, row, column)``: exact where computed, estimated elsewhere.
    computed
        ``(row, column)``: mask of the exact points.
    unsettled
        Upper estimate of the fraction of a top mask that may still change, the largest of the maps; it holds
        in about nine of ten cases. 1 for a preview, and at least the tolerance until all points are computed.
    agreement
        ``(kind,)``: Spearman correlation of preview and exact values on the first grid; None before it.
    weight
        ``(kind,)``: weight of the preview between exact points, from 0 to 1.
    """

    values: Doubles
    computed: Bools
    unsettled: float
    agreement: Doubles | None
    weight: Doubles


def refine(
    preview: Doubles, compute: ComputePoints, exact: Doubles, *, top: float = 20.0, tolerance: float = 0.02
) -> Iterator[RefinementState]:
    r"""Refine maps from a preview until their top masks are settled.

    The first state is the preview. Then all points of a coarse grid are computed. Between them, the
    difference from the preview is interpolated rather than the map itself (the preview is a control variate):
    :math:`\hat m = w g + I(m - w g)` with preview g, linear interpolation I, and the weight w with which
    every other grid point best predicts the rest; it is 0 if the preview is useless. From then on, points are
    computed in the order of their distance to the threshold of the top mask, in standard deviations of the
    observed errors of recent estimates: first on finer and finer grids, finally anywhere. Each new point also
    corrects the estimates around it.

    The fraction of a mask that may change is estimated as :math:`(w + \sqrt{w}) / n`, with n points in the
    mask and w the expected number of points on the wrong side of the threshold, if errors follow Student's t
    with 3 degrees of freedom. No state reports less than the tolerance, as few points say nothing about rare
    errors.

    Parameters
    ----------
    preview
        ``(kind, row, column)``, a first estimate in the same units.
    compute
        Computes points.
    exact
        ``(kind, row, column)``: exact values available from the start, NaN elsewhere; 0 where the attack
        cannot change anything.
    top
        Percentage of the points in a top mask.
    tolerance
        Fraction of a top mask that may change after the last state; 0 to compute all points.

    Yields
    ------
    RefinementState
        The first one is the preview, unless it is 0 everywhere or the coarse grid is already computed. The
        last one is settled to the tolerance.
    """
    computed: Bools = np.asarray(~np.isnan(exact).any(axis=0))
    values = np.where(computed, exact, preview)
    grid = CoarseGrid(computed.shape, _first_step(~computed | exact.any(axis=0)))
    if preview.any() and not computed[grid.points].all():
        yield RefinementState(values, computed, 1.0, None, np.ones(len(preview)))
        values, computed = values.copy(), computed.copy()
    _compute_points(compute, values, computed, np.flatnonzero(grid.points & ~computed))
    first = _first_estimate(values, computed, preview, grid)
    values, spread = first.values, first.spread
    uncertainty = coarse_uncertainty = np.broadcast_to(spread[:, None, None], values.shape)
    unsettled = _unsettled(values, computed, uncertainty, top)

    def state() -> RefinementState:
        bound = 0.0 if computed.all() else max(unsettled, tolerance)
        return RefinementState(values, computed, bound, first.agreement, first.weight)

    yield state()
    step, errors = grid.step, np.zeros((len(values), 0))
    while step > 1:
        step //= 2
        candidates, estimate = CoarseGrid(computed.shape, step).points, values
        while unsettled > tolerance:
            distance = np.where(computed | ~candidates, np.inf, _distance(values, uncertainty, top)).ravel()
            points = _next_points(distance, computed, step)
            if step > 1 and len(points) < _MIN_SAMPLE:
                break
            estimated = values.reshape(len(values), -1)[:, points]
            values, computed = values.copy(), computed.copy()
            _compute_points(compute, values, computed, points)
            errors = np.hstack([errors, values.reshape(len(values), -1)[:, points] - estimated])[:, -_RECENT:]
            spread = _root_mean_square(errors)
            corrected = estimate + _corrections(values - estimate, computed, step * _WIDTH)
            values = np.where(computed, values, corrected)
            uncertainty = _uncertainty(computed, step, spread, coarse_uncertainty)
            unsettled = _unsettled(values, computed, uncertainty, top)
            yield state()
        if unsettled <= tolerance:
            return
        coarse_uncertainty, spread, errors = uncertainty, spread * _SHRINKAGE, errors * _SHRINKAGE
        uncertainty = _uncertainty(computed, step // 2, spread, coarse_uncertainty)
        unsettled = _unsettled(values, computed, uncertainty, top)


def _first_step(changeable: Bools) -> int:
    """Step of the first grid, fine enough to have points that the attack can change."""
    step: int = 2 ** int(np.log2(max(max(changeable.shape) / _FIRST_GRID, 1)))
    while step > 1 and changeable[::step, ::step].sum() < min(_FIRST_CHANGEABLE, changeable.sum()):
        step //= 2
    return step


def _compute_points(compute: ComputePoints, values: Doubles, computed: Bools, points: Ints) -> None:
    """Put exact values of some points into the maps."""
    # Not through a reshaped view: arrays of another memory order would be copied.
    rows, columns = np.unravel_index(points, computed.shape)
    values[:, rows, columns] = compute(points)
    computed[rows, columns] = True


@dataclass(frozen=True, eq=False)
class _FirstEstimate:
    """Maps after the first grid, with the spread of their errors ``(kind,)``; see `RefinementState`."""

    values: Doubles
    spread: Doubles
    agreement: Doubles
    weight: Doubles


def _first_estimate(values: Doubles, computed: Bools, preview: Doubles, grid: CoarseGrid) -> _FirstEstimate:
    """Interpolate between the points of the first grid, with the preview as a control variate."""
    kinds = list(zip(values, preview, strict=True))
    weight = np.array([control_weight(exact, guess, grid) for exact, guess in kinds])
    control = weight[:, None, None] * preview
    residuals = values - control
    spread = np.array([grid.error(residual) for residual in residuals]) * _SHRINKAGE
    agreement = np.array([_agreement(exact[grid.points], guess[grid.points]) for exact, guess in kinds])
    estimate = control + np.stack([grid.interpolated(residual) for residual in residuals])
    fitted = _fit_exact_points(values, computed, estimate, grid.step)
    return _FirstEstimate(np.where(computed, values, fitted), spread, agreement, weight)


def _next_points(distance: Doubles, computed: Bools, step: int) -> Ints:
    """Points of the next round: those closest to the threshold, on a grid only if they are unsettled."""
    largest = np.clip(computed.size * _ROUND, _MIN_LARGEST, _MAX_LARGEST)
    size = int(np.clip(_GROWTH * computed.sum(), _MIN_ROUND, largest))
    points = np.argsort(distance, kind="stable")[:size]
    return points[distance[points] < (_SETTLED_DISTANCE if step > 1 else np.inf)]


def _root_mean_square(errors: Doubles) -> Doubles:
    spread: Doubles = np.sqrt(np.mean(errors**2, axis=1))
    return spread


def _uncertainty(computed: Bools, step: int, spread: Doubles, coarse_uncertainty: Doubles) -> Doubles:
    """Standard deviation of each estimate: `spread`, or more where no exact point is within a step."""
    far = distance_transform_cdt(~computed, "chessboard") > step
    return np.where(far, np.maximum(coarse_uncertainty, spread[:, None, None]), spread[:, None, None])


def _distance(values: Doubles, uncertainty: Doubles, top: float) -> Doubles:
    """Each point's distance to the closest threshold of a top mask, in standard deviations."""
    return np.asarray(_deviations(values, uncertainty, top).min(axis=0))


def _deviations(values: Doubles, uncertainty: Doubles, top: float) -> Doubles:
    flat = values.reshape(len(values), -1)
    count = min(max(round(top * flat.shape[1] / 100), 1), flat.shape[1] - 1)
    ordered = -np.partition(-flat, (count - 1, count), axis=1)
    threshold = ordered[:, count - 1 : count + 1].mean(axis=1)
    scale = np.maximum(uncertainty, _TINY)
    deviations: Doubles = np.abs(values - threshold[:, None, None]) / scale
    return deviations


def _unsettled(values: Doubles, computed: Bools, uncertainty: Doubles, top: float) -> float:
    """Points that may be on the wrong side of the threshold, as a fraction of the mask."""
    # Student's t, scaled to the variance of the errors.
    scale = np.sqrt(_DEGREES_OF_FREEDOM / (_DEGREES_OF_FREEDOM - 2))
    scaled = _deviations(values, uncertainty, top) * scale
    wrong = np.where(computed, 0.0, stdtr(_DEGREES_OF_FREEDOM, -scaled)).sum(axis=(1, 2)).max()
    return float(min((wrong + np.sqrt(wrong)) / max(top / 100 * computed.size, 1), 1.0))


def _corrections(residuals: Doubles, computed: Bools, width: float) -> Doubles:
    """Errors of the estimates, spread from the computed points to their surroundings."""

    def blurred(values: Doubles) -> Doubles:
        return np.asarray(gaussian_filter(values, width, mode="constant"))

    weights = blurred(computed.astype(np.float64))
    weights += _FADING * weights.max()
    return np.stack([blurred(np.where(computed, residual, 0.0)) for residual in residuals]) / weights


def _fit_exact_points(values: Doubles, computed: Bools, estimate: Doubles, step: int) -> Doubles:
    """Correct an estimate by exact points between those of the grid, from coarse to fine."""
    while step > 1:
        step //= 2
        estimate = estimate + _corrections(values - estimate, computed, step * _WIDTH)
    return estimate


def _agreement(values: Doubles, preview: Doubles) -> float:
    if np.ptp(values) == 0 or np.ptp(preview) == 0:
        return 0.0
    from scipy.stats import spearmanr  # noqa: PLC0415  half a second to import

    return float(spearmanr(values, preview)[0])


def control_weight(values: Doubles, preview: Doubles, grid: CoarseGrid) -> float:
    r"""Weight of a preview as a control variate of a map, from 0 to 1.

    Least squares on the interpolation errors e of map m and preview g on the grid: :math:`w = \langle e_m,
    e_g \rangle / \langle e_g, e_g \rangle`, the optimal coefficient of a control variate.
    """
    map_errors, preview_errors = grid.misses(values), grid.misses(preview)
    scale = float(preview_errors @ preview_errors)
    return float(np.clip(map_errors @ preview_errors / scale, 0, 1)) if scale > 0 else 0.0

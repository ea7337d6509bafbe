"""Maps that are useful at any time: a guess, then exact points, those first that decide the top mask."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_cdt, gaussian_filter
from scipy.special import stdtr

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
#: Exact values of some points: their numbers, row by row -> ``(kind, n)``.
Exact = Callable[[Ints], Doubles]

#: Points of the first grid on the longer side, about, and how many of it the attack can change at least.
_FIRST, _FELT = 8, 32
#: Part of the known points and of the map that is computed between two looks at it; the first ones tell most.
_GROWTH, _ROUND = 1 / 4, 1 / 48
#: How many points the first round has at least, and later ones at least and at most: with fewer, engines are
#: not efficient.
_FEWEST, _FEW, _MOST = 16, 64, 256
#: Distance to the threshold, in standard deviations, from which on a point is left to a finer grid: what is
#: farther away is seldom on the wrong side, and more is learned nearby.
_SETTLED = 1.25
#: Points from which errors cannot be told, and how many of the last ones tell them.
_TOO_FEW, _RECENT = 8, 64
#: What is left of an estimate's error where exact points are twice as near: a first guess, until it is seen.
_SHRINKS = 0.7
#: Degrees of freedom of the errors: a few are much larger than most, where a map has sharp peaks.
_FREEDOM = 3.0
#: Standard deviation of errors that were all 0.
_LEAST = 1e-100
#: How far an exact point corrects its surroundings, in steps of the grid, and how fast that fades.
_WIDTH, _FADING = 0.5, 0.03


class CoarseGrid:
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
            _interpolation_weights(nodes, length)
            for nodes, length in zip(self._nodes, self._shape, strict=True)
        )
        between: Doubles = rows @ values[np.ix_(*self._nodes)] @ columns.T
        return between

    def misses(self, values: Doubles) -> Doubles:
        """What every other point of the grid gets wrong when it predicts the rest of it."""
        errors: Doubles = (values - CoarseGrid(self._shape, 2 * self._step).interpolated(values))[self.points]
        return errors

    def error(self, values: Doubles) -> float:
        """Root mean square of the `misses` where there are some."""
        misses = self.misses(values)
        return float(np.sqrt((misses**2).sum() / max(np.count_nonzero(misses), 1)))


@dataclass(frozen=True, eq=False)
class Stage:
    """What is known of some maps at one time.

    Attributes
    ----------
    values
        ``(kind, row, column)``: exact where known, else estimated.
    known
        ``(row, column)``: which points are exact.
    unsettled
        Part of a top mask that may change yet, the largest one of the maps: an upper estimate, which holds in
        about nine cases of ten. 1 for a preview, and not below the tolerance before all is known.
    agreement
        ``(kind,)``: Spearman correlation of preview and exact values on the first grid; None before it.
    weight
        ``(kind,)``: how much of the preview is used between exact points, from 0 to 1.
    """

    values: Doubles
    known: Bools
    unsettled: float
    agreement: Doubles | None
    weight: Doubles


def stages(
    preview: Doubles, exact: Exact, given: Doubles, *, top: float = 20.0, tolerance: float = 0.02
) -> Iterator[Stage]:
    r"""Refine maps from a preview, until their top masks are settled.

    The first stage is the preview. Then come all points of a coarse grid. Between them, not the map is
    interpolated but what it differs from the preview by (the preview is a control variate): :math:`\hat m = w
    g + I(m - w g)` with preview g, linear interpolation I, and the weight w with which every other point of
    the grid predicts the rest best: 0 where the preview is of no use. From then on, points are computed in
    the order of their distance to the threshold of the top mask, in standard deviations of the errors that
    the last estimates turned out to have: first on finer and finer grids, at last anywhere. Each new point
    also corrects the estimates around it.

    The part of a mask that may change is told as :math:`(w + \sqrt{w}) / n`, with n points in the mask and w
    those expected on the wrong side of the threshold, if errors follow Student's t with 3 degrees of freedom.
    Less than the tolerance is not told, as rare errors cannot be known from few points.

    Parameters
    ----------
    preview
        ``(kind, row, column)``, a first guess in the same units.
    exact
        Computes points.
    given
        ``(kind, row, column)``: exact values that are known before, NaN elsewhere; 0 where the attack cannot
        change anything.
    top
        Per cent of the points that are in a top mask.
    tolerance
        Part of a top mask that may change after the last stage; 0 to compute all points.

    Yields
    ------
    Stage
        The first one is the preview, unless it is 0 everywhere or the coarse grid is known already. The last
        one is settled to the tolerance.
    """
    known: Bools = np.asarray(~np.isnan(given).any(axis=0))
    values = np.where(known, given, preview)
    step = _first_step(~known | given.any(axis=0))
    grid = CoarseGrid(known.shape, step)
    if preview.any() and not known[grid.points].all():
        yield Stage(values, known, 1.0, None, np.ones(len(preview)))
        values, known = values.copy(), known.copy()
    _compute(exact, values, known, np.flatnonzero(grid.points & ~known))
    weight = np.array([control_weight(m, g, grid) for m, g in zip(values, preview, strict=True)])
    errors = (
        np.array([grid.error(m - w * g) for m, g, w in zip(values, preview, weight, strict=True)]) * _SHRINKS
    )
    agreement = np.array(
        [_agreement(m[grid.points], g[grid.points]) for m, g in zip(values, preview, strict=True)]
    )
    guess = weight[:, None, None] * preview
    estimate = guess + np.stack([grid.interpolated(it) for it in values - guess])
    values = np.where(known, values, _through(values, known, estimate, step))
    coarser = at = np.broadcast_to(errors[:, None, None], values.shape)
    unsettled = _unsettled(values, known, at, top)
    yield Stage(values, known, _told(unsettled, known, tolerance), agreement, weight)

    missed = np.zeros((len(values), 0))
    largest = np.clip(known.size * _ROUND, _FEW, _MOST)
    while step > 1:
        step //= 2
        points, before = CoarseGrid(known.shape, step).points, values
        while unsettled > tolerance:
            distance = np.where(known | ~points, np.inf, _distance(values, at, top)).ravel()
            size = int(np.clip(_GROWTH * known.sum(), _FEWEST, largest))
            chosen = np.argsort(distance, kind="stable")[:size]
            chosen = chosen[distance[chosen] < (_SETTLED if step > 1 else np.inf)]
            if step > 1 and len(chosen) < _TOO_FEW:
                break
            estimated = values.reshape(len(values), -1)[:, chosen]
            values, known = values.copy(), known.copy()
            _compute(exact, values, known, chosen)
            missed = np.hstack([missed, values.reshape(len(values), -1)[:, chosen] - estimated])[:, -_RECENT:]
            errors = _spread(missed)
            values = np.where(known, values, before + _corrections(values - before, known, step * _WIDTH))
            at = _around(known, step, errors, coarser)
            unsettled = _unsettled(values, known, at, top)
            yield Stage(values, known, _told(unsettled, known, tolerance), agreement, weight)
        if unsettled <= tolerance:
            return
        coarser, errors, missed = at, errors * _SHRINKS, missed * _SHRINKS
        at = _around(known, step // 2, errors, coarser)
        unsettled = _unsettled(values, known, at, top)


def _first_step(felt: Bools) -> int:
    """Points from one to the next of the first grid, which has some that the attack can change."""
    step: int = 2 ** int(np.log2(max(max(felt.shape) / _FIRST, 1)))
    while step > 1 and felt[::step, ::step].sum() < min(_FELT, felt.sum()):
        step //= 2
    return step


def _compute(exact: Exact, values: Doubles, known: Bools, chosen: Ints) -> None:
    """Put exact values of some points into the maps."""
    # Not through a reshaped view: arrays of another memory order would be copied.
    rows, columns = np.unravel_index(chosen, known.shape)
    values[:, rows, columns] = exact(chosen)
    known[rows, columns] = True


def _spread(errors: Doubles) -> Doubles:
    spread: Doubles = np.sqrt(np.mean(errors**2, axis=1))
    return spread


def _around(known: Bools, step: int, errors: Doubles, coarser: Doubles) -> Doubles:
    """Standard deviation of each error: that seen last or, where no exact point is near, that seen before."""
    far = distance_transform_cdt(~known, "chessboard") > step
    return np.where(far, np.maximum(coarser, errors[:, None, None]), errors[:, None, None])


def _distance(values: Doubles, errors: Doubles, top: float) -> Doubles:
    """Distance of each point to the threshold of the top mask nearest to it, in standard deviations."""
    return np.asarray(_deviations(values, errors, top).min(axis=0))


def _deviations(values: Doubles, errors: Doubles, top: float) -> Doubles:
    flat = values.reshape(len(values), -1)
    count = min(max(round(top * flat.shape[1] / 100), 1), flat.shape[1] - 1)
    ordered = -np.partition(-flat, (count - 1, count), axis=1)
    threshold = ordered[:, count - 1 : count + 1].mean(axis=1)
    scale = np.maximum(errors, _LEAST)
    deviations: Doubles = np.abs(values - threshold[:, None, None]) / scale
    return deviations


def _unsettled(values: Doubles, known: Bools, errors: Doubles, top: float) -> float:
    """Points that may be on the wrong side of the threshold, as a part of the mask."""
    # Student's t, scaled to the variance of the errors.
    scaled = _deviations(values, errors, top) * np.sqrt(_FREEDOM / (_FREEDOM - 2))
    wrong = np.where(known, 0.0, stdtr(_FREEDOM, -scaled)).sum(axis=(1, 2)).max()
    return float(min((wrong + np.sqrt(wrong)) / max(top / 100 * known.size, 1), 1.0))


def _told(unsettled: float, known: Bools, tolerance: float) -> float:
    return 0.0 if known.all() else max(unsettled, tolerance)


def _corrections(residuals: Doubles, known: Bools, width: float) -> Doubles:
    """Errors of the estimates, spread from where they are known."""

    def spread(values: Doubles) -> Doubles:
        return np.asarray(gaussian_filter(values, width, mode="constant"))

    weights = spread(known.astype(np.float64))
    weights += _FADING * weights.max()
    return np.stack([spread(np.where(known, it, 0.0)) for it in residuals]) / weights


def _through(values: Doubles, known: Bools, estimate: Doubles, step: int) -> Doubles:
    """Lead an estimate through exact points that lie between those of the grid, from coarse to fine."""
    while step > 1:
        step //= 2
        estimate = estimate + _corrections(values - estimate, known, step * _WIDTH)
    return estimate


def _agreement(values: Doubles, preview: Doubles) -> float:
    if np.ptp(values) == 0 or np.ptp(preview) == 0:
        return 0.0
    from scipy.stats import spearmanr  # noqa: PLC0415  half a second to import

    return float(spearmanr(values, preview)[0])


def control_weight(values: Doubles, preview: Doubles, grid: CoarseGrid) -> float:
    r"""How much of a preview to take away before a map is interpolated, from 0 to 1.

    Least squares on what interpolation misses of the two on the grid: :math:`w = \langle e_m, e_g \rangle /
    \langle e_g, e_g \rangle`, the optimal coefficient of a control variate.
    """
    of_map, of_preview = grid.misses(values), grid.misses(preview)
    scale = float(of_preview @ of_preview)
    return float(np.clip(of_map @ of_preview / scale, 0, 1)) if scale > 0 else 0.0


def _interpolation_weights(nodes: Ints, length: int) -> Doubles:
    """Linear interpolation from nodes to every place, as a matrix ``(length, node)``."""
    return np.stack([np.interp(np.arange(length), nodes, unit) for unit in np.eye(len(nodes))], axis=1)

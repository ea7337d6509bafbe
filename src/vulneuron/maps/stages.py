"""Vulnerability maps in stages: a preview, then exact points, those that decide the top masks first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.maps.points import MapPoints
from vulneuron.maps.refinement import RefinementState, refine
from vulneuron.maps.vulnerability_map import VulnerabilityMaps, maps_from_changes

Bools = npt.NDArray[np.bool_]
StageName = Literal["preview", "estimate", "settled", "exact"]
#: A top mask is settled when at most this fraction of it may still change.
TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class MapStage:
    """Vulnerability maps at one stage of their computation.

    Attributes
    ----------
    name
        "preview": from the gradient; "estimate": exact points and estimates between them; "settled": an
        estimate whose `unsettled` fraction is within the tolerance; "exact": every point is computed.
    maps
        Both maps, exact where `computed` and estimated elsewhere. Their engine is "preview" at the first
        stage, "anytime" afterwards.
    computed
        Mask of the exact points, in the shape of the maps.
    unsettled
        Upper estimate of the fraction of a top mask that may still change, 0 to 1, the larger one of the two
        maps; see `vulneuron.maps.refinement.refine`.
    agreement
        Spearman correlations of the preview with the exact changes on the first grid, for benign drop and
        adversarial gain; None for the preview and for maps that were exact from the start.
    """

    name: StageName
    maps: VulnerabilityMaps
    computed: Bools
    unsettled: float
    agreement: tuple[float, float] | None


def map_stages(points: MapPoints, *, top: float = 20.0, tolerance: float = TOLERANCE) -> Iterator[MapStage]:
    """Compute the points that matter most for the top masks first, until the masks are settled.

    Estimates are computed for changes of log-probabilities, which are closer to linear than those of
    probabilities and lead to the same top masks.

    Parameters
    ----------
    points
        The points of a pair; those already computed are used from the start.
    top
        Percentage of the pixels in the masks to settle.
    tolerance
        Fraction of a mask that may still change after the last stage.

    Yields
    ------
    MapStage
        The first stage is the preview, unless all points of the first grid are already computed; the last
        stage is settled or exact.

    Raises
    ------
    MeasureError
        If a logit is NaN or infinite.
    Cancelled
        If the watch of `points` cancels; raised within one batch.
    """
    # Large values must mean vulnerable: the benign drop is a decrease, the adversarial gain an increase.
    signs = np.array([-1.0, 1.0])
    map_signs = signs[:, None, None]
    states = refine(
        map_signs * points.preview(),
        lambda indices: signs[:, None] * points.compute(indices),
        map_signs * points.changes,
        top=top,
        tolerance=tolerance,
    )
    for state in states:
        name = _stage_name(state, tolerance)
        engine = "preview" if name == "preview" else "anytime"
        agreement = state.agreement
        yield MapStage(
            name,
            maps_from_changes(points, map_signs * state.values, engine),
            state.computed,
            state.unsettled,
            None if agreement is None else (float(agreement[0]), float(agreement[1])),
        )


def exact_stage(maps: VulnerabilityMaps) -> MapStage:
    """The only stage of maps that are already exact."""
    return MapStage("exact", maps, np.ones(maps.benign_drop.shape, np.bool_), 0.0, None)


def _stage_name(state: RefinementState, tolerance: float) -> StageName:
    if state.computed.all():
        return "exact"
    if state.agreement is None:
        return "preview"
    return "settled" if state.unsettled <= tolerance else "estimate"

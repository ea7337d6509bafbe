"""Vulnerability maps in stages: a preview at once, then exact points where they decide the top mask."""

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
#: Fraction of a top mask that may still change when it counts as settled.
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
        Which points are exact, in the shape of the maps.
    unsettled
        Upper estimate of the fraction of the top mask that may still change, the larger one of both maps, 0
        to 1; see `vulneuron.maps.refinement.refine`.
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
    """Compute points in the order that settles the top masks first, until they are settled.

    Changes of log-probabilities are estimated, as they are closer to linear than those of probabilities and
    give the same top masks.

    Parameters
    ----------
    points
        The points of a pair; those already computed are used from the start.
    top
        Percentage of the pixels in the masks to settle.
    tolerance
        Fraction of a mask that may change after the last stage.

    Yields
    ------
    MapStage
        The first one is the preview, unless the points of the first grid are all computed; the last one is
        settled.

    Raises
    ------
    MeasureError
        If the network gives NaN.
    Cancelled
        Within one batch after the watch of `points` cancels.
    """
    # The benign label's probability falls where the attack works.
    signs = np.array([-1.0, 1.0])
    sign_maps = signs[:, None, None]
    states = refine(
        sign_maps * points.preview(),
        lambda indices: signs[:, None] * points.compute(indices),
        sign_maps * points.changes,
        top=top,
        tolerance=tolerance,
    )
    for state in states:
        name = _stage_name(state, tolerance)
        engine = "preview" if name == "preview" else "anytime"
        agreement = state.agreement
        yield MapStage(
            name,
            maps_from_changes(points, sign_maps * state.values, engine),
            state.computed,
            state.unsettled,
            None if agreement is None else (float(agreement[0]), float(agreement[1])),
        )


def exact_stage(maps: VulnerabilityMaps) -> MapStage:
    """The final stage of maps that are exact."""
    return MapStage("exact", maps, np.ones(maps.benign_drop.shape, np.bool_), 0.0, None)


def _stage_name(state: RefinementState, tolerance: float) -> StageName:
    if state.computed.all():
        return "exact"
    if state.agreement is None:
        return "preview"
    return "settled" if state.unsettled <= tolerance else "estimate"

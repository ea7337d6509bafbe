"""Vulnerability maps in stages: a preview at once, then exact points where they decide the top mask."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.engines import Cancel, Engine, Progress
from vulneuron.maps.checks import Image
from vulneuron.maps.points import MapPoints
from vulneuron.maps.refinement import Stage, stages
from vulneuron.maps.vulnerability_map import VulnerabilityMaps, maps_of
from vulneuron.network import Classifier

Bools = npt.NDArray[np.bool_]
StageName = Literal["preview", "estimate", "settled", "exact"]
#: Part of a top mask that may change when it counts as settled.
TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class MapStage:
    """Vulnerability maps as they are known at one time.

    Attributes
    ----------
    name
        "preview": from the gradient; "estimate": from exact points and what lies between them; "settled": the
        same, with an `unsettled` part within the tolerance; "exact": every point is computed.
    maps
        Both maps: exact where `computed`, else estimated. Their engine is "preview" as long as nothing but
        the gradient is known, then "anytime".
    computed
        The shape of the maps: which points are exact.
    unsettled
        Part of the top mask that may change yet if every point were computed, the larger one of both maps, 0
        to 1: an upper estimate, see `vulneuron.engines.stages`.
    agreement
        Spearman correlations of the preview with the exact changes on the first grid, for benign drop and
        adversarial gain; None for the preview and for exact maps that were there.
    """

    name: StageName
    maps: VulnerabilityMaps
    computed: Bools
    unsettled: float
    agreement: tuple[float, float] | None


def anytime_maps(
    classifier: Classifier,
    benign: Image,
    adversarial: Image,
    *,
    benign_label: int,
    adversarial_label: int,
    patch: int | None = None,
    stride: int = 1,
    top: float = 20.0,
    tolerance: float = TOLERANCE,
    batch_size: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> Iterator[MapStage]:
    """Compute both vulnerability maps of a pair in stages, until their top masks are settled.

    The estimates are of changes of log-probabilities, which are closer to linear than those of
    probabilities and give the same top masks.

    Parameters
    ----------
    classifier, benign, adversarial, benign_label, adversarial_label, patch, stride, batch_size
        As for `vulneuron.vulnerability_maps`.
    top
        Per cent of the pixels in the masks that are to be settled.
    tolerance
        Part of a mask that may change after the last stage.
    engine
        Computes the exact points; the incremental one if None.
    progress
        Called after every batch with the patches done and those of the whole map, which are rarely needed.
    cancelled
        Asked before every batch whether to stop.

    Yields
    ------
    MapStage
        The first one is the preview; the last one is settled.

    Raises
    ------
    MeasureError
        If an image, label, `patch`, `stride` or `batch_size` does not fit, or the network gives NaN.
    Cancelled
        Within one batch after `cancelled` says so.
    """
    points = MapPoints(
        classifier, benign, adversarial,
        benign_label=benign_label, adversarial_label=adversarial_label, patch=patch, stride=stride,
        batch_size=batch_size, engine=engine, progress=progress, cancelled=cancelled,
    )  # fmt: skip
    yield from map_stages(points, top=top, tolerance=tolerance)


def map_stages(points: MapPoints, *, top: float = 20.0, tolerance: float = TOLERANCE) -> Iterator[MapStage]:
    """Compute points in the order that settles the top masks first, until they are settled.

    Parameters
    ----------
    points
        Those that are known are used from the beginning.
    top, tolerance
        As for `anytime_maps`.

    Yields
    ------
    MapStage
        The preview is left out where points of the first grid are all known.

    Raises
    ------
    MeasureError, Cancelled
        As `anytime_maps` does.
    """
    # The benign label falls where the attack works.
    signs = np.array([-1.0, 1.0])
    upright = signs[:, None, None]
    found = stages(
        upright * points.preview(),
        lambda chosen: signs[:, None] * points.compute(chosen),
        upright * points.changes,
        top=top,
        tolerance=tolerance,
    )
    for stage in found:
        name = _name(stage, tolerance)
        yield MapStage(
            name,
            maps_of(points, upright * stage.values, "preview" if name == "preview" else "anytime"),
            stage.known,
            stage.unsettled,
            None if stage.agreement is None else (float(stage.agreement[0]), float(stage.agreement[1])),
        )


def exact_stage(maps: VulnerabilityMaps) -> MapStage:
    """The stage after which nothing can change."""
    return MapStage("exact", maps, np.ones(maps.benign_drop.shape, np.bool_), 0.0, None)


def _name(stage: Stage, tolerance: float) -> StageName:
    if stage.known.all():
        return "exact"
    if stage.agreement is None:
        return "preview"
    return "settled" if stage.unsettled <= tolerance else "estimate"

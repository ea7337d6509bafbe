"""Vulnerability maps (paper, Section 5.2.1); a job computes those that are not there."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from vulneuron.analysis import Settings, VulnerabilityMapSettings
from vulneuron.analysis.settings import Combination
from vulneuron.server.dependencies import FieldQuery, KnownPair, MapQuery, Opened
from vulneuron.server.dto import MapState, NumberText, OverlapModel
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.problems import NotAvailable
from vulneuron.server.responses import NpyResponse, array_response, npy_responses
from vulneuron.server.summary import OpenedLayer

router = APIRouter(prefix="/records/{record}/pairs/{pair}", tags=["maps"])
#: What the arrays are, here and for jobs.
MAPS = "float64 `(kind, y, x)` on the grid; kinds are benign drop, adversarial gain"
TOP = (
    "uint8 `(kind, y, x)` of the images' size, 1 for the most vulnerable pixels; kinds are benign drop, "
    "adversarial gain"
)


@router.get("/maps")
def get_map_state(opened: Opened, pair: KnownPair, vmaps: MapQuery) -> MapState:
    """Say whether the vulnerability maps of a pair are there."""
    grid = opened.grid(vmaps)
    return MapState(
        ready=opened.analysis.has_maps(pair, settings=Settings(vmaps=vmaps)),
        can_compute=opened.network.can_compute,
        patch=grid.patch,
        stride=grid.stride,
        grid=list(grid.shape),
    )


@router.get(
    "/maps.npy",
    response_class=NpyResponse,
    responses=npy_responses(f"{MAPS}."),
)
def get_maps(opened: Opened, pair: KnownPair, vmaps: MapQuery) -> Response:
    """Return both vulnerability maps of a pair, if they are there."""
    _require_maps(opened, pair, vmaps)
    maps = opened.analysis.vulnerability_maps(pair, settings=Settings(vmaps=vmaps))
    return array_response(np.stack([maps.benign_drop, maps.adversarial_gain]))


@router.get(
    "/top.npy",
    response_class=NpyResponse,
    responses=npy_responses(f"{TOP}."),
)
def get_top_masks(opened: Opened, pair: KnownPair, vmaps: MapQuery) -> Response:
    """Return the most vulnerable pixels of a pair, if its maps are there."""
    _require_maps(opened, pair, vmaps)
    masks = opened.analysis.top_masks(pair, settings=Settings(vmaps=vmaps))
    return array_response(np.stack([masks.benign_drop, masks.adversarial_gain]).astype(np.uint8))


@router.get("/overlap")
def get_overlap(
    opened: Opened,
    pair: KnownPair,
    fields: FieldQuery,
    vmaps: MapQuery,
    neurons: Annotated[NumberText, Query()],
    combine: Annotated[Combination, Query(description="How receptive fields are combined.")] = "union",
) -> OverlapModel:
    """Return how what some neurons capture overlaps with the top of both maps, if these are there."""
    numbers = parse_numbers(neurons, name="neuron", count=opened.analysis.data.neurons)
    _require_maps(opened, pair, vmaps)
    found = opened.analysis.overlap(pair, numbers, combine, settings=Settings(fields=fields, vmaps=vmaps))
    return OverlapModel(benign_drop=found.benign_drop, adversarial_gain=found.adversarial_gain)


def _require_maps(opened: OpenedLayer, pair: int, vmaps: VulnerabilityMapSettings) -> None:
    if not opened.analysis.has_maps(pair, settings=Settings(vmaps=vmaps)):
        grid = opened.grid(vmaps)
        raise NotAvailable(
            f"the vulnerability maps of pair {pair} (patch {grid.patch}, stride {grid.stride}) are not there",
            allowed="maps that were computed before",
            fix="start a job of kind maps first",
        )

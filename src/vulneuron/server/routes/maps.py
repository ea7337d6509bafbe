"""Vulnerability maps (paper, Section 5.2.1); a job computes missing ones."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from vulneuron.analysis import Settings, VulnerabilityMapSettings
from vulneuron.analysis.settings import Combination
from vulneuron.server.dependencies import FieldQuery, LayerInUrl, MapQuery, PairInUrl
from vulneuron.server.dto import NumberText, OverlapModel
from vulneuron.server.map_models import MapState, StoredMaps, StoredMapsRequest
from vulneuron.server.parsing import format_numbers, parse_numbers
from vulneuron.server.problems import NotAvailable
from vulneuron.server.responses import NpyResponse, array_response, npy_responses
from vulneuron.server.summary import OpenedLayer

router = APIRouter(prefix="/records/{record}", tags=["maps"])
#: Descriptions of the arrays.
MAPS = "float64 `(kind, y, x)` on the grid; kinds are benign drop, adversarial gain"
TOP = (
    "uint8 `(kind, y, x)` in the size of the images, 1 for the most vulnerable pixels; kinds are benign "
    "drop, adversarial gain"
)


@router.get("/pairs/{pair}/maps")
def get_map_state(layer: LayerInUrl, pair: PairInUrl, vmaps: MapQuery) -> MapState:
    """Return whether the vulnerability maps of a pair are available."""
    grid = layer.grid(vmaps)
    return MapState(
        ready=layer.analysis.has_maps(pair, settings=Settings(vmaps=vmaps)),
        can_compute=layer.network.can_compute,
        patch=grid.patch,
        stride=grid.stride,
        grid=list(grid.shape),
    )


@router.get(
    "/pairs/{pair}/maps.npy",
    response_class=NpyResponse,
    responses=npy_responses(f"{MAPS}."),
)
def get_maps(layer: LayerInUrl, pair: PairInUrl, vmaps: MapQuery) -> Response:
    """Return both vulnerability maps of a pair, if they are available."""
    _require_maps(layer, pair, vmaps)
    maps = layer.analysis.vulnerability_maps(pair, settings=Settings(vmaps=vmaps))
    return array_response(np.stack([maps.benign_drop, maps.adversarial_gain]))


@router.get(
    "/pairs/{pair}/top.npy",
    response_class=NpyResponse,
    responses=npy_responses(f"{TOP}."),
)
def get_top_masks(layer: LayerInUrl, pair: PairInUrl, vmaps: MapQuery) -> Response:
    """Return the most vulnerable pixels of a pair, if its vulnerability maps are available."""
    _require_maps(layer, pair, vmaps)
    masks = layer.analysis.top_masks(pair, settings=Settings(vmaps=vmaps))
    return array_response(np.stack([masks.benign_drop, masks.adversarial_gain]).astype(np.uint8))


@router.get("/pairs/{pair}/overlap")
def get_overlap(
    layer: LayerInUrl,
    pair: PairInUrl,
    fields: FieldQuery,
    vmaps: MapQuery,
    neurons: Annotated[NumberText, Query()],
    combine: Annotated[Combination, Query(description="How the receptive fields are combined.")] = "union",
) -> OverlapModel:
    """Return how far the receptive field of some neurons overlaps with the most vulnerable pixels."""
    numbers = parse_numbers(neurons, name="neuron", count=layer.analysis.data.neurons)
    _require_maps(layer, pair, vmaps)
    overlap = layer.analysis.overlap(pair, numbers, combine, settings=Settings(fields=fields, vmaps=vmaps))
    return OverlapModel(benign_drop=overlap.benign_drop, adversarial_gain=overlap.adversarial_gain)


@router.post("/stored-maps")
def get_stored_maps(layer: LayerInUrl, body: StoredMapsRequest) -> StoredMaps:
    """Return which of some pairs have no vulnerability maps yet."""
    pairs = parse_numbers(body.pairs, name="pair", count=layer.analysis.data.count)
    stored = layer.analysis.pairs_with_maps(pairs, settings=Settings(vmaps=body.vmaps))
    return StoredMaps(missing=format_numbers(np.setdiff1d(pairs, stored)))


def _require_maps(layer: OpenedLayer, pair: int, vmaps: VulnerabilityMapSettings) -> None:
    if not layer.analysis.has_maps(pair, settings=Settings(vmaps=vmaps)):
        grid = layer.grid(vmaps)
        raise NotAvailable(
            f"vulnerability maps of pair {pair} (patch {grid.patch}, stride {grid.stride}) are not available",
            allowed="vulnerability maps that have been computed",
            fix="start a job of kind maps first",
        )

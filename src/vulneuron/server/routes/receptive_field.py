"""Receptive Field View (paper, Figure 2-d)."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Response

from vulneuron.analysis import Settings
from vulneuron.server.dependencies import FieldQuery, LayerInUrl, PairInUrl
from vulneuron.server.dto import NumberText
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.responses import NpyResponse, array_response, npy_responses

_MOST_NEURONS, _MOST_PAIRS = 128, 64

router = APIRouter(prefix="/records/{record}", tags=["receptive field"])


@router.get(
    "/pairs/{pair}/masks.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "uint8, 1 where captured: `(side, y, x)` for union and intersection, `(neuron, side, y, x)` in the "
        f"given order for each (at most {_MOST_NEURONS} neurons); sides are benign, adversarial."
    ),
)
def get_masks(
    layer: LayerInUrl,
    pair: PairInUrl,
    fields: FieldQuery,
    neurons: Annotated[NumberText, Query()],
    combine: Literal["union", "intersection", "each"] = "union",
) -> Response:
    """Return the receptive fields of some neurons on both images of a pair."""
    most = _MOST_NEURONS if combine == "each" else None
    numbers = parse_numbers(neurons, name="neuron", count=layer.analysis.data.neurons, most=most)
    masks = layer.analysis.receptive_fields(pair, numbers, settings=Settings(fields=fields))
    sides = np.stack([masks.benign, masks.adversarial], axis=1)
    if combine != "each":
        sides = np.asarray(sides.any(axis=0) if combine == "union" else sides.all(axis=0))
    return array_response(sides.astype(np.uint8))


@router.get(
    "/neurons/{neuron}/masks.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "uint8 `(pair, side, y, x)`, 1 where captured; pairs in the given order, sides are benign, "
        "adversarial."
    ),
)
def get_neuron_masks(
    layer: LayerInUrl,
    neuron: int,
    fields: FieldQuery,
    pairs: Annotated[NumberText, Query()],
) -> Response:
    """Return the receptive fields of one neuron on the images of several pairs, such as context images."""
    data = layer.analysis.data
    numbers = parse_numbers(pairs, name="pair", count=data.count, most=_MOST_PAIRS)
    (chosen,) = parse_numbers(str(neuron), name="neuron", count=data.neurons)
    masks = layer.analysis.neuron_masks(int(chosen), numbers, settings=Settings(fields=fields))
    return array_response(np.stack([masks.benign, masks.adversarial], axis=1).astype(np.uint8))

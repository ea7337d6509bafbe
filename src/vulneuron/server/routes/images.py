"""Images of pairs, and thumbnails of many (paper, Figure 2-c)."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from vulneuron.server.dependencies import LayerInUrl, PairInUrl
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.responses import PngResponse, cached, cell_of, difference, png_responses, sprite, to_png

Fingerprint = Annotated[
    str | None,
    Query(alias="v", max_length=64, description="The record's fingerprint; such a URL is cached forever."),
]
_MOST_THUMBNAILS = 256

router = APIRouter(prefix="/records/{record}", tags=["images"])


@router.get(
    "/thumbnails",
    response_class=PngResponse,
    responses=png_responses(
        "One row per pair: benign image left, adversarial image right. The size of one thumbnail is in "
        "`X-Cell-Width` and `X-Cell-Height`."
    ),
)
def get_thumbnails(
    request: Request,
    layer: LayerInUrl,
    pairs: Annotated[str, Query(description=f"`0-5,9`, at most {_MOST_THUMBNAILS}.")],
    size: Annotated[int, Query(ge=8, le=512, description="Longest side in pixels.")] = 64,
    _v: Fingerprint = None,
) -> Response:
    """Return thumbnails of many pairs as one sprite."""
    data = layer.analysis.data
    numbers = parse_numbers(pairs, name="pair", count=data.count, most=_MOST_THUMBNAILS)
    height, width = data.image_size
    cell = cell_of(width, height, size)

    def make() -> Response:
        response = PngResponse(sprite(layer.pixels.read(numbers), cell))
        response.headers.update({"X-Cell-Width": str(cell.width), "X-Cell-Height": str(cell.height)})
        return response

    return cached(request, layer, make)


@router.get(
    "/pairs/{pair}/images/{side}.png",
    response_class=PngResponse,
    responses=png_responses("The image in its original size; `difference` is amplified, around mid-gray."),
)
def get_image(
    request: Request,
    layer: LayerInUrl,
    pair: PairInUrl,
    side: Literal["benign", "adversarial", "difference"],
    _v: Fingerprint = None,
) -> Response:
    """Return an image of a pair, or the perturbation between the two."""

    def make() -> Response:
        if side == "difference":
            images = layer.analysis.data.images(pair)
            return PngResponse(to_png(difference(images.benign, images.adversarial)))
        benign, adversarial = layer.pixels.read(np.array([pair]))[0]
        return PngResponse(to_png(benign if side == "benign" else adversarial))

    return cached(request, layer, make)

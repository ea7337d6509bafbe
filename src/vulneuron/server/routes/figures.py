"""Figures for papers, drawn by `vulneuron.plots`, and the Python code that draws the same."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from vulneuron.analysis import Settings
from vulneuron.measures import MEASURES
from vulneuron.plots.request import FigureRequest
from vulneuron.server.dependencies import LayerInUrl
from vulneuron.server.figure_models import FigureBody, FigureCode, FigureFormat
from vulneuron.server.problems import NotAvailable, Problem
from vulneuron.server.summary import OpenedLayer

router = APIRouter(prefix="/records/{record}/figures", tags=["figures"])
_MEDIA_TYPES: dict[FigureFormat, str] = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
}
_FILES = {media: {"schema": {"type": "string", "format": "binary"}} for media in _MEDIA_TYPES.values()}
_MOST_PAIRS = 200

Scale = Annotated[int, Query(ge=1, le=4, description="Scale of a PNG: 100 pixels per inch are 1.")]


@router.post(
    "",
    response_class=Response,
    responses={200: {"description": "The figure as a file.", "content": _FILES}},
)
def draw_figure(
    layer: LayerInUrl,
    body: FigureBody,
    form: Annotated[FigureFormat, Query(alias="format")] = "svg",
    scale: Scale = 1,
) -> Response:
    """Draw a figure; computes no vulnerability maps."""
    request = _checked(layer, body.request)
    content = request.draw(layer.analysis).to_bytes(form, scale)
    return Response(content, media_type=_MEDIA_TYPES[form], headers={"Cache-Control": "no-store"})


@router.post("/code")
def get_figure_code(
    layer: LayerInUrl,
    body: FigureBody,
    file: Annotated[str, Query(max_length=200, description="Name of the file that the code saves.")],
    scale: Scale = 1,
) -> FigureCode:
    """Return the Python code that draws a figure, and saves it."""
    return FigureCode(code=body.request.code(layer.analysis, file, scale))


def _checked(layer: OpenedLayer, request: FigureRequest) -> FigureRequest:
    """A figure that is drawn within seconds."""
    given = request.arguments
    if given.get("count", 0) > _MOST_PAIRS:
        raise Problem(
            f"given {given['count']} pairs", allowed=f"at most {_MOST_PAIRS}", fix="show fewer pairs"
        )
    pair, sort = given.get("pair", given.get("pairs")), given.get("sort") or ""
    sorts_by_maps = sort in MEASURES and "vulnerability_maps" in MEASURES[sort].needs
    if not isinstance(pair, int) or not (sorts_by_maps or given.get("maps", False)):
        return request
    if not layer.analysis.has_maps(pair, settings=Settings(vmaps=request.settings.vmaps)):
        raise NotAvailable(
            f"the vulnerability maps of pair {pair} are not available",
            allowed="vulnerability maps that have been computed",
            fix="start a job of kind maps first",
        )
    return request

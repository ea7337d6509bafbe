"""Data Overview and Prediction Matrix (paper, Figures 2-a and 2-b)."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from vulneuron.analysis import Settings
from vulneuron.server.dependencies import LayerInUrl, PairInUrl
from vulneuron.server.dto import NearestModel, NearestRequest, PairModel
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.responses import NpyResponse, cached, npy_responses, to_npy

router = APIRouter(prefix="/records/{record}", tags=["overview"])


@router.get(
    "/pairs.npy",
    response_class=NpyResponse,
    responses=npy_responses("float32 `(column, pair)`; columns are the record's `pair_columns`."),
)
def get_pairs(request: Request, layer: LayerInUrl) -> Response:
    """Return the projections, labels, norms and probabilities of all pairs."""
    return cached(request, layer, lambda: NpyResponse(to_npy(layer.pair_table)))


@router.get(
    "/matrix.npy",
    response_class=NpyResponse,
    responses=npy_responses("int32 `(benign class, adversarial class)` over the record's `used_classes`."),
)
def get_matrix(request: Request, layer: LayerInUrl) -> Response:
    """Return the prediction matrix: numbers of pairs by benign and adversarial label."""
    return cached(request, layer, lambda: NpyResponse(to_npy(layer.matrix)))


@router.get("/pairs/{pair}")
def get_pair(layer: LayerInUrl, pair: PairInUrl) -> PairModel:
    """Return labels, norms and probabilities of one pair."""
    return layer.pair(pair)


@router.get("/image-names", response_model=list[str])
def get_image_names(request: Request, layer: LayerInUrl) -> Response:
    """Return the name of each pair's image in its source, such as the path of its file."""
    return cached(request, layer, lambda: JSONResponse(layer.record.pairs["image_id"].astype(str).tolist()))


@router.post("/pairs/{pair}/nearest")
def get_nearest_pairs(layer: LayerInUrl, pair: PairInUrl, body: NearestRequest) -> NearestModel:
    """Return the pairs that are most like a given one."""
    analysis, among = layer.analysis, body.pairs
    nearest = analysis.nearest_pairs(
        pair,
        by=body.by,
        count=body.count,
        pairs=None if among is None else parse_numbers(among, name="pair", count=analysis.data.count),
        settings=Settings(curves=body.curves),
    )
    return NearestModel(pairs=nearest.pairs.tolist(), distances=nearest.distances.tolist())

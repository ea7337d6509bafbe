"""Neuron Cluster View (paper, Figures 7 and 8). The routes of each view are a module."""

from fastapi import APIRouter, Response

from vulneuron.analysis import Settings
from vulneuron.server.dependencies import ClusterQuery, FieldQuery, LayerInUrl, PairInUrl
from vulneuron.server.responses import NpyResponse, array_response, npy_responses

router = APIRouter(prefix="/records/{record}", tags=["clusters"])


@router.get(
    "/pairs/{pair}/dendrogram.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "float64 `(neurons - 1, 4)`: left child, right child, height, leaves. Children below the number of "
        "neurons are neurons, the others are rows plus that number. They are in leaf order."
    ),
)
def get_dendrogram(
    layer: LayerInUrl, pair: PairInUrl, fields: FieldQuery, clusters: ClusterQuery
) -> Response:
    """Return the clusters of the neurons on a pair."""
    settings = Settings(fields=fields, clusters=clusters)
    return array_response(layer.analysis.dendrogram(pair, settings=settings).linkage)

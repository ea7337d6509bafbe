"""Neuron Vulnerability View (paper, Figure 4)."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from scipy.special import softmax

from vulneuron.analysis import RANKS, Settings
from vulneuron.engines import Watch
from vulneuron.measures import MEASURES, Side
from vulneuron.server.dependencies import CurveQuery, FieldQuery, LayerInUrl, MapQuery, PairInUrl
from vulneuron.server.disconnection import until_left
from vulneuron.server.dto import MeansProgress, NumberText, RankRequest, SubstitutionModel, SubstitutionsModel
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.responses import NpyResponse, array_response, npy_responses
from vulneuron.server.summary import RESAMPLES, OpenedLayer, probabilities_of, shown_labels

router = APIRouter(prefix="/records/{record}", tags=["neurons"])


@router.get(
    "/pairs/{pair}/neurons.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "float64 `(column, neuron)`; columns are the record's `neuron_columns`. NaN where unknown: IoUs "
        "without vulnerability maps, bands of classes with one image."
    ),
)
def get_neurons(
    layer: LayerInUrl, pair: PairInUrl, curves: CurveQuery, fields: FieldQuery, vmaps: MapQuery
) -> Response:
    """Return all measures of all neurons on one pair; computes no vulnerability maps."""
    settings = Settings(curves=curves, fields=fields, vmaps=vmaps)
    table = layer.analysis.neurons(pair, settings=settings)
    return _table_response(table, tuple(MEASURES))


@router.post(
    "/neurons.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "float64 `(column, neuron)`; columns are the record's `rank_columns`. Ranks are NaN if there is no "
        "measure or none of the pairs has a value of it; their intervals unless they are requested."
    ),
)
async def rank_neurons(request: Request, layer: LayerInUrl, body: RankRequest) -> Response:
    """Return means of all measures over a set of pairs, and the ranks of the neurons.

    The computation ends when the request is aborted.
    """
    async with until_left(request) as watch:
        return await run_in_threadpool(_ranked, layer, body, watch)


def _ranked(layer: OpenedLayer, body: RankRequest, watch: Watch) -> Response:
    pairs = parse_numbers(body.pairs, name="pair", count=layer.analysis.data.count)
    analysis, settings = layer.analysis, _settings_of(body)
    table = analysis.mean_neurons(pairs, columns=body.columns, settings=settings, watch=watch)
    if body.sort_by is not None:
        MEASURES.sortable(body.sort_by)
        if body.sort_by in table and table[body.sort_by].notna().any():
            resamples = RESAMPLES if body.intervals else 0
            ranked = analysis.rank(
                pairs, sort_by=body.sort_by, columns=[body.sort_by], settings=settings, resamples=resamples
            )
            table = table.join(ranked[list(RANKS)])
    return _table_response(table, (*MEASURES, *RANKS))


@router.post("/neurons/progress")
def get_means_progress(layer: LayerInUrl, body: RankRequest) -> MeansProgress:
    """Return how far the means of the same request have been computed."""
    pairs = parse_numbers(body.pairs, name="pair", count=layer.analysis.data.count)
    done = layer.analysis.means_done(pairs, columns=body.columns, settings=_settings_of(body))
    return MeansProgress(done=done, total=len(np.unique(pairs)))


def _settings_of(body: RankRequest) -> Settings:
    return Settings(curves=body.curves, fields=body.fields, vmaps=body.vmaps)


@router.get("/pairs/{pair}/substitution")
def substitute_neurons(
    layer: LayerInUrl, pair: PairInUrl, neurons: Annotated[NumberText, Query()]
) -> SubstitutionsModel:
    """Return the effects of putting the other image's values of some neurons into each image."""
    data = layer.analysis.data
    numbers = parse_numbers(neurons, name="neuron", count=data.neurons)
    if not data.linear:
        layer.network.demand()
        layer.network.require("substitution in front of a head that is not linear")
    labels = (int(data.benign_label[pair]), int(data.adversarial_label[pair]))
    described = layer.analysis.pair(pair)
    before = {"benign": described.benign_probabilities, "adversarial": described.adversarial_probabilities}

    def substituted(into: Side) -> SubstitutionModel:
        effect = layer.analysis.substitute(pair, numbers, into=into)
        return SubstitutionModel(
            benign_drop=effect.benign_drop,
            adversarial_gain=effect.adversarial_gain,
            label=int(effect.logits.argmax()),
            probabilities=probabilities_of(shown_labels(before[into], labels), softmax(effect.logits)),
        )

    return SubstitutionsModel(benign=substituted("benign"), adversarial=substituted("adversarial"))


def _table_response(table: pd.DataFrame, columns: Sequence[str]) -> Response:
    """Response with the columns in this order, NaN for those missing in the table."""
    return array_response(table.reindex(columns=list(columns)).to_numpy(np.float64).T)

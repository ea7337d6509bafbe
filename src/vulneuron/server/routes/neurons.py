"""Neuron Vulnerability View (paper, Figure 4)."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response
from scipy.special import softmax

from vulneuron.measures.substitution import Into
from vulneuron.server.dependencies import KnownPair, Opened, QuerySettings
from vulneuron.server.dto import NumberText, RankRequest, SubstitutionModel, SubstitutionsModel
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.responses import NpyResponse, array_response, npy_responses
from vulneuron.server.summary import RANK_COLUMNS, most_probable

_RESAMPLES = 1000

router = APIRouter(prefix="/records/{record}", tags=["neurons"])


@router.get(
    "/pairs/{pair}/neurons.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "float64 `(column, neuron)`; columns are the record's `neuron_columns`. NaN where unknown: IoUs "
        "without vulnerability maps, bands of classes with one image."
    ),
)
def get_neurons(opened: Opened, pair: KnownPair, settings: QuerySettings) -> Response:
    """Return all measures of all neurons on one pair; computes no vulnerability maps."""
    table = opened.analysis.neurons(pair, settings=settings, compute_maps=False)
    return array_response(table.to_numpy(np.float64).T)


@router.post(
    "/neurons.npy",
    response_class=NpyResponse,
    responses=npy_responses(
        "float64 `(column, neuron)`; columns are the record's `rank_columns`. The last two are NaN unless "
        "intervals were asked for. Ranks are NaN, too, if none of the pairs has a value of the measure."
    ),
)
def rank_neurons(opened: Opened, body: RankRequest) -> Response:
    """Return means of all measures over a set of pairs, and the ranks of the neurons."""
    pairs = parse_numbers(body.pairs, name="pair", count=opened.analysis.data.count)
    table = opened.analysis.rank(
        pairs,
        sort_by=body.sort_by,
        settings=body.settings.settings(),
        quick=body.quick,
        resamples=_RESAMPLES if body.intervals else 0,
        allow_unknown=True,
    )
    return array_response(table[list(RANK_COLUMNS)].to_numpy(np.float64).T)


@router.get("/pairs/{pair}/substitution")
def substitute_neurons(
    opened: Opened, pair: KnownPair, neurons: Annotated[NumberText, Query()]
) -> SubstitutionsModel:
    """Put the other image's values of some neurons into each image, and say what becomes of it."""
    data = opened.analysis.data
    numbers = parse_numbers(neurons, name="neuron", count=data.neurons)
    if not data.linear:
        opened.network.demand()
        opened.network.require("substitution in front of a head that is not linear")
    labels = (int(data.benign_label[pair]), int(data.adversarial_label[pair]))

    def substituted(into: Into) -> SubstitutionModel:
        effect = opened.analysis.substitute(pair, numbers, into=into)
        return SubstitutionModel(
            benign_drop=effect.benign_drop,
            adversarial_gain=effect.adversarial_gain,
            probabilities=most_probable(softmax(effect.logits), labels),
        )

    return SubstitutionsModel(benign=substituted("benign"), adversarial=substituted("adversarial"))

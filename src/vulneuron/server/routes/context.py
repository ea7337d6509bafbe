"""Context images (paper, Figure 5)."""

from typing import Annotated

from fastapi import APIRouter, Query

from vulneuron.analysis.context import Order
from vulneuron.measures.context import Scope
from vulneuron.server.dependencies import KnownPair, Opened
from vulneuron.server.dto import ContextModel
from vulneuron.server.parsing import parse_numbers

router = APIRouter(prefix="/records/{record}", tags=["context"])


@router.get("/pairs/{pair}/context")
def get_context(
    opened: Opened,
    pair: KnownPair,
    neuron: Annotated[int, Query(description="Number of the neuron.")],
    order: Annotated[Order, Query(description="What they are ordered by, largest first.")] = "activation",
    scope: Annotated[Scope, Query(description="Which pairs may be listed.")] = "same_labels",
    count: Annotated[int, Query(ge=1, le=64, description="How many at most.")] = 6,
) -> ContextModel:
    """Return other pairs that show what a neuron captures."""
    (chosen,) = parse_numbers(str(neuron), name="neuron", count=opened.analysis.data.neurons)
    found = opened.analysis.context(pair, int(chosen), order=order, scope=scope, count=count)
    return ContextModel(
        pairs=found.pairs.tolist(),
        benign_activations=found.benign_activations.tolist(),
        adversarial_activations=found.adversarial_activations.tolist(),
        benign_confidences=found.benign_confidences.tolist(),
        adversarial_confidences=found.adversarial_confidences.tolist(),
        order=order,
        scope=scope,
    )

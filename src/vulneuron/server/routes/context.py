"""Context images (paper, Figure 5)."""

from typing import Annotated

from fastapi import APIRouter, Query

from vulneuron.analysis.context import Order
from vulneuron.measures.context import Scope
from vulneuron.server.dependencies import KnownLayer, KnownPair
from vulneuron.server.dto import ContextModel
from vulneuron.server.parsing import parse_numbers

router = APIRouter(prefix="/records/{record}", tags=["context"])


@router.get("/pairs/{pair}/context")
def get_context(
    layer: KnownLayer,
    pair: KnownPair,
    neuron: Annotated[int, Query(description="Number of the neuron.")],
    order: Annotated[
        Order, Query(description="Value that they are sorted by, largest first.")
    ] = "activation",
    scope: Annotated[Scope, Query(description="Which pairs are candidates.")] = "same_labels",
    count: Annotated[int, Query(ge=1, le=64, description="Largest number of pairs.")] = 6,
) -> ContextModel:
    """Return other pairs that show what a neuron captures."""
    (chosen,) = parse_numbers(str(neuron), name="neuron", count=layer.analysis.data.neurons)
    context = layer.analysis.context(pair, int(chosen), order=order, scope=scope, count=count)
    return ContextModel(
        pairs=context.pairs.tolist(),
        benign_activations=context.benign_activations.tolist(),
        adversarial_activations=context.adversarial_activations.tolist(),
        benign_confidences=context.benign_confidences.tolist(),
        adversarial_confidences=context.adversarial_confidences.tolist(),
        order=order,
        scope=scope,
    )

"""The route of context images (paper, Figure 5)."""

from typing import Annotated

from fastapi import APIRouter, Query

from vulneuron.analysis.context import Order
from vulneuron.measures.context import Scope
from vulneuron.server.dependencies import LayerInUrl, PairInUrl
from vulneuron.server.dto import ContextModel
from vulneuron.server.parsing import parse_numbers

router = APIRouter(prefix="/records/{record}", tags=["context"])


@router.get("/pairs/{pair}/context")
def get_context(
    layer: LayerInUrl,
    pair: PairInUrl,
    neuron: Annotated[int, Query(description="Number of the neuron.")],
    order: Annotated[
        Order, Query(description="Value by which the pairs are sorted, largest first.")
    ] = "activation",
    scope: Annotated[Scope, Query(description="Pairs to choose from.")] = "same_labels",
    count: Annotated[int, Query(ge=1, le=64, description="Maximum number of pairs.")] = 6,
) -> ContextModel:
    """Return other pairs that show what a neuron captures."""
    (number,) = parse_numbers(str(neuron), name="neuron", count=layer.analysis.data.neurons)
    context = layer.analysis.context(pair, int(number), order=order, scope=scope, count=count)
    return ContextModel(
        pairs=context.pairs.tolist(),
        benign_activations=context.benign_activations.tolist(),
        adversarial_activations=context.adversarial_activations.tolist(),
        benign_confidences=context.benign_confidences.tolist(),
        adversarial_confidences=context.adversarial_confidences.tolist(),
        order=order,
        scope=scope,
    )

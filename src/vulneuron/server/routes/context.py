"""The route of context images (paper, Figure 5)."""

from fastapi import APIRouter

from vulneuron.analysis import Settings
from vulneuron.server.dependencies import LayerInUrl, PairInUrl
from vulneuron.server.dto import ContextModel, ContextRequest
from vulneuron.server.parsing import parse_numbers

router = APIRouter(prefix="/records/{record}", tags=["context"])


@router.post("/pairs/{pair}/context")
def get_context(layer: LayerInUrl, pair: PairInUrl, body: ContextRequest) -> ContextModel:
    """Return other pairs that show what a neuron captures, or the neuron on given pairs."""
    data = layer.analysis.data
    (number,) = parse_numbers(str(body.neuron), name="neuron", count=data.neurons)
    context = layer.analysis.context(
        pair,
        int(number),
        order=body.order,
        scope=body.scope,
        count=body.count,
        start=body.start,
        pairs=None if body.pairs is None else parse_numbers(body.pairs, name="pair", count=data.count),
        settings=Settings(curves=body.curves),
    )
    return ContextModel(
        pairs=context.pairs.tolist(),
        benign_activations=context.benign_activations.tolist(),
        adversarial_activations=context.adversarial_activations.tolist(),
        benign_confidences=context.benign_confidences.tolist(),
        adversarial_confidences=context.adversarial_confidences.tolist(),
        changes=context.changes.tolist(),
        order=body.order,
        scope=body.scope,
    )

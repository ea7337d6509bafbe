"""Outputs of models: fields of objects, single logits."""

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nets import INPUT_SHAPE, average_pooled, pooled_into, randomized
from vulneuron import Classifier
from vulneuron.errors import ModelError

IMAGES = torch.rand(3, *INPUT_SHAPE, generator=torch.Generator().manual_seed(0))


class Returning(nn.Module):
    def __init__(self, output: Callable[[Tensor, Tensor], Any], head: nn.Module | None = None) -> None:
        super().__init__()
        self.net = randomized(average_pooled() if head is None else pooled_into(head))
        self.output = output

    def forward(self, images: Tensor) -> Any:
        return self.output(self.net(images), images)


@dataclass
class Output:
    loss: Tensor | None
    logits: Tensor


class ModelOutput(OrderedDict[str, Tensor]):
    """Like that of Hugging Face: an ordered dictionary with attributes."""

    def __getattr__(self, name: str) -> Tensor:
        return self[name]


Named = namedtuple("Named", ["logits", "aux"])


@pytest.mark.parametrize("std", [None, [0.5] * 3])
@pytest.mark.parametrize(
    "output",
    [
        lambda logits, _images: Output(None, logits),
        lambda logits, _images: ModelOutput(logits=logits, states=logits),
        lambda logits, _images: {"logits": logits},
        Named,
        lambda logits, _images: SimpleNamespace(logits=logits),
    ],
)
def test_logits_are_taken_from_a_field(
    output: Callable[[Tensor, Tensor], Any], std: list[float] | None
) -> None:
    net = Returning(output).eval()
    with torch.no_grad():
        expected = net.net(IMAGES if std is None else IMAGES / 0.5)
    classifier = Classifier(net, input_shape=INPUT_SHAPE, std=std)
    assert classifier.returns_logits_field
    assert (classifier.split.layer, classifier.split.kind) == ("net.0", "linear")
    torch.testing.assert_close(classifier.logits(IMAGES), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "output",
    [
        lambda logits, _images: {"predictions": logits},
        lambda logits, _images: SimpleNamespace(logits=None),
        lambda logits, _images: [logits, logits],
    ],
)
def test_other_objects_are_refused(output: Callable[[Tensor, Tensor], Any]) -> None:
    with pytest.raises(ModelError, match="output is"):
        Classifier(Returning(output), input_shape=INPUT_SHAPE)


def test_single_logit_is_refused_with_advice_that_works() -> None:
    net = Returning(lambda logit, _images: logit, nn.Linear(6, 1)).eval()
    with pytest.raises(ModelError) as caught:
        Classifier(net, input_shape=INPUT_SHAPE)
    advice = "torch.cat([-z, z], 1) / 2"
    assert advice in str(caught.value)
    two = Returning(lambda z, _images: eval(advice, {"torch": torch, "z": z}))  # noqa: S307
    two.net = net.net
    classifier = Classifier(two, input_shape=INPUT_SHAPE)
    assert (classifier.classes, classifier.split.kind) == (2, "linear")
    with torch.no_grad():
        expected = net(IMAGES).sigmoid()
    torch.testing.assert_close(classifier.logits(IMAGES).softmax(1)[:, 1:], expected, rtol=1e-4, atol=1e-5)

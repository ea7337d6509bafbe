"""Compiled, parallel, averaged and exported models are analyzed like the model inside."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from nets import INPUT_SHAPE, FunctionalTail, SharedReLU, average_pooled, dense_conv, randomized
from vulneuron import Classifier
from vulneuron.engines.incremental.operations import Opaque
from vulneuron.engines.incremental.steps import trace_steps

IMAGES = torch.rand(4, *INPUT_SHAPE, generator=torch.Generator().manual_seed(0))


def computes_regions(classifier: Classifier) -> bool:
    """Whether the incremental engine knows the effect of the first steps, up to the target layer."""
    steps = trace_steps(classifier)
    return steps is not None and not any(isinstance(step.operation, Opaque) for step in steps.steps[:4])


class Ema(nn.Module):
    """Like timm's ModelEma: keeps a copy of the model, without a forward method."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


class Normalizing(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images * 4 - 2


def compiled_forward(net: nn.Module) -> nn.Module:
    net.forward = torch.compile(net.forward)
    return net


def compiled(net: nn.Module) -> nn.Module:
    wrapper = torch.compile(net)
    assert isinstance(wrapper, nn.Module)
    return wrapper


def compiled_in_place(net: nn.Module) -> nn.Module:
    net.compile()
    return net


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "compiled": compiled,
    "compiled in place": compiled_in_place,
    "compiled forward": compiled_forward,
    "data parallel": nn.DataParallel,
    "averaged": AveragedModel,
    "timm's ModelEma": Ema,
    "averaged, compiled, parallel": lambda net: nn.DataParallel(compiled(AveragedModel(net))),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrapped_model_is_the_model_inside(name: str) -> None:
    net = randomized(average_pooled()).eval()
    with torch.no_grad():
        expected = net(IMAGES)
    classifier = Classifier(WRAPPERS[name](net), input_shape=INPUT_SHAPE)
    assert (classifier.split.layer, classifier.split.dense, classifier.folded) == ("0", "3", 2)
    torch.testing.assert_close(classifier.logits(IMAGES), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrapper", [nn.DataParallel, AveragedModel, compiled])
def test_wrapped_model_after_a_normalization(wrapper: Callable[[nn.Module], nn.Module]) -> None:
    net = randomized(average_pooled()).eval()
    whole = nn.Sequential(Normalizing(), wrapper(net))
    with torch.no_grad():
        expected = net(IMAGES * 4 - 2)
    classifier = Classifier(whole, input_shape=INPUT_SHAPE)
    assert (classifier.split.layer, classifier.split.dense) == ("1.0", "1.3")
    assert computes_regions(classifier)
    assert type(whole[1]) is type(wrapper(net))
    torch.testing.assert_close(classifier.logits(IMAGES), expected, rtol=1e-4, atol=1e-5)


# ---- torch.export

Export = Callable[[nn.Module], nn.Module]


def exported(net: nn.Module) -> nn.Module:
    return torch.export.export(net, (torch.rand(2, *INPUT_SHAPE),)).module()


def exported_for_any_batch(net: nn.Module) -> nn.Module:
    shapes = ({0: torch.export.Dim.AUTO},)
    return torch.export.export(net, (torch.rand(2, *INPUT_SHAPE),), dynamic_shapes=shapes).module()


def unflattened(net: nn.Module) -> nn.Module:
    shapes = ({0: torch.export.Dim.AUTO},)
    return torch.export.unflatten(torch.export.export(net, (IMAGES,), dynamic_shapes=shapes))


class Viewing(FunctionalTail):
    """The batch size becomes a number in the exported graph."""

    def forward(self, images: Tensor) -> Tensor:
        maps = self.features(images).relu().flatten(2).mean(2)
        logits: Tensor = self.classifier(maps.reshape(maps.shape[0], 6))
        return logits


@pytest.mark.parametrize(
    ("build", "layer", "dense"),
    [
        (average_pooled, "0.5", "3"),
        (dense_conv, "0.5", "2"),
        (FunctionalTail, "relu__1", "classifier"),
        (Viewing, "relu", "classifier"),
    ],
)
@pytest.mark.parametrize("export", [exported, exported_for_any_batch])
def test_layers_of_exported_models_have_names(
    build: Callable[[], nn.Module], layer: str, dense: str, export: Export
) -> None:
    net = randomized(build()).eval()
    with torch.no_grad():
        expected = net(IMAGES)
    classifier = Classifier(export(net), input_shape=INPUT_SHAPE)
    assert (classifier.split.layer, classifier.split.dense) == (layer, dense)
    assert classifier.split.kind == "linear"
    assert classifier.folded == 2
    torch.testing.assert_close(classifier.logits(IMAGES), expected, rtol=1e-4, atol=1e-5)
    plain = Classifier(net, input_shape=INPUT_SHAPE)
    torch.testing.assert_close(
        classifier.activity(IMAGES).activations, plain.activity(IMAGES).activations, rtol=1e-4, atol=1e-5
    )
    assert computes_regions(classifier)


def test_layer_of_an_exported_model_is_named_by_the_user() -> None:
    net = randomized(average_pooled()).eval()
    classifier = Classifier(exported(net), input_shape=INPUT_SHAPE, layers="0.2")
    assert (classifier.neurons, classifier.split.map_shape) == (5, (16, 16))


def test_module_that_runs_twice_has_a_name_for_each_call() -> None:
    classifier = Classifier(exported(SharedReLU().eval()), input_shape=INPUT_SHAPE)
    assert classifier.split.layer == "relu.relu_1"


def test_unflattened_export() -> None:
    net = randomized(average_pooled()).eval()
    with torch.no_grad():
        expected = net(IMAGES)
    classifier = Classifier(unflattened(net), input_shape=INPUT_SHAPE)
    assert (classifier.split.layer, classifier.split.dense) == ("0", "3")
    torch.testing.assert_close(classifier.logits(IMAGES), expected, rtol=1e-4, atol=1e-5)

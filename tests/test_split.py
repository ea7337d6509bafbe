"""The split of a network into maps, pooling and head."""

import pytest
import torch
from torch import nn

from nets import INPUT_SHAPE, NETS, FunctionalTail, average_pooled, randomised
from vulneuron import Classifier
from vulneuron.errors import ModelError


@pytest.mark.parametrize("name", NETS)
def test_split_is_found_and_holds_on_other_images(name: str) -> None:
    build, expected = NETS[name]
    net = randomised(build())
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    split = classifier.split
    assert (split.layer, split.activation, split.pool, split.kind) == expected
    images = torch.rand(5, *INPUT_SHAPE)
    activity = classifier.activity(images)
    plain = net.eval()(images).detach()
    torch.testing.assert_close(activity.logits, plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(classifier.head(activity.maps), plain, rtol=1e-4, atol=1e-5)


def test_maps_are_those_that_the_pooling_reads_despite_in_place_operations() -> None:
    net = FunctionalTail()
    randomised(net).eval()
    images = torch.rand(2, *INPUT_SHAPE)
    with torch.no_grad():
        expected = torch.relu(net.features(images))
    maps = Classifier(net, input_shape=INPUT_SHAPE).activity(images).maps
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)
    assert (expected == 0).any()


def test_hand_worked_network() -> None:
    # One 1x1 convolution doubles the red channel and negates the green one; two classes weigh the means.
    convolution, dense = nn.Conv2d(3, 2, 1, bias=False), nn.Linear(2, 2)
    net = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[2.0, 0, 0], [0, -1, 0]]).reshape(2, 3, 1, 1))
        dense.weight.copy_(torch.tensor([[1.0, 3], [-2, 0.5]]))
        dense.bias.copy_(torch.tensor([0.25, 0]))
    image = torch.zeros(1, 3, 2, 2)
    image[0, 0] = torch.tensor([[1, 0], [0, 0.5]])
    image[0, 1] = 0.4
    classifier = Classifier(net, input_shape=(3, 2, 2))
    activity = classifier.activity(image)
    torch.testing.assert_close(activity.maps[0, 0], torch.tensor([[2.0, 0], [0, 1]]))
    torch.testing.assert_close(activity.activations, torch.tensor([[0.75, -0.4]]))
    torch.testing.assert_close(activity.logits, torch.tensor([[0.75 - 1.2 + 0.25, -1.5 - 0.2]]))
    contributions = classifier.contributions(activity, torch.tensor([0]))
    torch.testing.assert_close(contributions, torch.tensor([[0.75, -1.2]]))


def test_layer_can_be_named() -> None:
    classifier = Classifier(randomised(average_pooled()), layer="0.2", input_shape=INPUT_SHAPE)
    assert classifier.split.layer == "0.2"
    assert classifier.split.kind == "nonlinear"
    assert classifier.neurons == 5
    assert classifier.split.error <= 1e-4


@pytest.mark.parametrize("layer", ["nowhere", "3"])
def test_layer_without_maps_is_refused(layer: str) -> None:
    with pytest.raises(ModelError, match=rf"layer '{layer}' gives no spatial feature maps.*0\.5"):
        Classifier(average_pooled(), layer=layer, input_shape=INPUT_SHAPE)


def test_network_without_maps_is_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    with pytest.raises(ModelError, match="no layer with spatial feature maps"):
        Classifier(net, input_shape=INPUT_SHAPE)

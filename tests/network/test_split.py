"""The split of a network into maps, pooling and head."""

import pytest
import torch
from torch import Tensor, nn

from nets import (
    INPUT_SHAPE,
    NETS,
    FunctionalTail,
    SharedReLU,
    average_pooled,
    channels_last,
    randomized,
    transformer,
)
from vulneuron import Classifier
from vulneuron.errors import ModelError
from vulneuron.network.probes import probe_images


@pytest.mark.parametrize("name", NETS)
def test_split_is_found_and_holds_on_other_images(name: str) -> None:
    build, expected = NETS[name]
    net = randomized(build())
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    split = classifier.split
    assert (split.layer, split.activation, split.pool, split.kind) == expected
    images = torch.rand(5, *INPUT_SHAPE)
    activity = classifier.activity(images)
    plain = net.eval()(images).detach()
    logits = torch.stack([activity.logits, classifier.head(activity.features)])
    # Some of the networks return log-probabilities.
    outputs = logits.log_softmax(-1) if classifier.returns_probabilities else logits
    torch.testing.assert_close(outputs, torch.stack([plain, plain]), rtol=1e-4, atol=1e-5)


def test_maps_are_those_that_the_pooling_reads_despite_in_place_operations() -> None:
    net = FunctionalTail()
    randomized(net).eval()
    images = torch.rand(2, *INPUT_SHAPE)
    with torch.no_grad():
        expected = torch.relu(net.features(images))
    maps = Classifier(net, input_shape=INPUT_SHAPE).activity(images).features
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
    torch.testing.assert_close(activity.features[0, 0], torch.tensor([[2.0, 0], [0, 1]]))
    torch.testing.assert_close(activity.activations, torch.tensor([[0.75, -0.4]]))
    torch.testing.assert_close(activity.logits, torch.tensor([[0.75 - 1.2 + 0.25, -1.5 - 0.2]]))
    contributions = classifier.contributions(activity, torch.tensor([0]))
    torch.testing.assert_close(contributions, torch.tensor([[0.75, -1.2]]))


def test_layer_can_be_named() -> None:
    classifier = Classifier(randomized(average_pooled()), layers="0.2", input_shape=INPUT_SHAPE)
    assert classifier.split.layer == "0.2"
    assert classifier.split.kind == "nonlinear"
    assert classifier.neurons == 5
    assert classifier.split.error <= 1e-4


@pytest.mark.parametrize("layer", ["nowhere", "3"])
def test_layer_without_maps_is_refused(layer: str) -> None:
    with pytest.raises(ModelError, match=rf"layer '{layer}' has no spatial feature maps.*0\.5"):
        Classifier(average_pooled(), layers=layer, input_shape=INPUT_SHAPE)


def test_network_without_maps_is_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    with pytest.raises(ModelError, match="no layer with spatial feature maps"):
        Classifier(net, input_shape=INPUT_SHAPE)


def test_pooling_alone_is_no_layer_with_maps() -> None:
    net = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 4 * 4, 4))
    with pytest.raises(ModelError, match="no layer with spatial feature maps"):
        Classifier(net, input_shape=INPUT_SHAPE)


def test_convolution_that_changes_nothing_is_a_layer() -> None:
    convolution = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.eye(3)[:, :, None, None])
    net = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    split = Classifier(net, input_shape=INPUT_SHAPE).split
    assert (split.layer, split.pool, split.kind) == ("0", "avg", "linear")


def test_logit_maps_alone_are_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match="only feature maps are logit maps"):
        Classifier(net, input_shape=INPUT_SHAPE)


def test_what_is_no_cnn_is_refused_unless_a_layer_is_named() -> None:
    net = transformer()
    with pytest.raises(ModelError, match=r"no last convolutional layer.*--layer"):
        Classifier(net, input_shape=INPUT_SHAPE)
    split = Classifier(net, layers="0", input_shape=INPUT_SHAPE).split
    assert (split.layer, split.neurons, split.map_shape) == ("0", 6, (4, 4))


@pytest.mark.parametrize("layer", [None, "3", "2"])
def test_channels_last_maps_are_presented_channels_first(layer: str | None) -> None:
    net = channels_last().eval()
    classifier = Classifier(net, layers=layer, input_shape=INPUT_SHAPE)
    images = torch.rand(2, *INPUT_SHAPE)
    activity = classifier.activity(images)
    with torch.no_grad():
        expected = net[: int(layer or 3) + 1](images).permute(0, 3, 1, 2)
    torch.testing.assert_close(activity.features, expected, rtol=1e-4, atol=1e-5)
    split = classifier.split
    assert (split.layer, split.neurons, split.map_shape) == (layer or "3", 8, (4, 4))
    assert split.kind == ("rerun" if layer == "2" else "linear")
    torch.testing.assert_close(classifier.head(activity.features), net(images).detach(), rtol=1e-4, atol=1e-5)


def test_maps_are_those_of_one_call_of_a_shared_module() -> None:
    net = SharedReLU().eval()
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    images = torch.rand(2, *INPUT_SHAPE)
    with torch.no_grad():
        expected = torch.relu(net.two(torch.relu(net.one(images))))
    assert classifier.split.tap.call == 1
    torch.testing.assert_close(classifier.activity(images).features, expected)


def test_head_does_not_change_its_feature_maps() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(6 * 14 * 14, 4)
    ).eval()
    classifier = Classifier(net, layers="0", input_shape=INPUT_SHAPE)
    features = torch.randn(2, 6, 14, 14)
    expected = features.clone()
    classifier.head(features)
    classifier.gradients(features, torch.tensor([0, 1]))
    torch.testing.assert_close(features, expected, rtol=0, atol=0)


class Skip(nn.Module):
    """Adds the pixels to the feature maps, or their mean to the pooled ones."""

    def __init__(self, *, pooled: bool) -> None:
        super().__init__()
        self.maps, self.fc, self.pooled = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 4), pooled

    def forward(self, images: Tensor) -> Tensor:
        maps, axes = self.maps(images), (2, 3)
        logits: Tensor = self.fc(
            maps.mean(axes) + images.mean(axes) if self.pooled else (maps + images).mean(axes)
        )
        return logits


def test_maps_include_values_that_a_forward_method_adds() -> None:
    net, images = Skip(pooled=False), torch.rand(2, *INPUT_SHAPE)
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    assert (classifier.split.activation, classifier.split.kind) == ("add", "linear")
    torch.testing.assert_close(classifier.activity(images).features, net.maps(images).detach() + images)


def test_maps_beside_which_pixels_reach_the_logits_are_refused() -> None:
    with pytest.raises(ModelError, match=r"split of the network at maps.*changes the logits"):
        Classifier(Skip(pooled=True), input_shape=INPUT_SHAPE)


def test_probes_are_of_several_kinds_and_never_constant() -> None:
    probes, others = probe_images((3, 32, 24), seed=0), probe_images((3, 32, 24), seed=1)
    assert probes.shape == (3, 3, 32, 24)
    assert 0 <= probes.min() <= probes.max() <= 1
    steps = [(image[:, 1:] - image[:, :-1]).abs().mean().item() for image in probes]
    assert steps[0] > 3 * max(steps[1:])  # only the first is noise
    assert set(probes[2].unique().tolist()) == {0.0, 1.0}
    assert (torch.cat([probes, others]).amax((2, 3)) > torch.cat([probes, others]).amin((2, 3))).all()
    assert not any(torch.equal(one, other) for one, other in zip(probes, others, strict=True))


def test_layer_can_be_given_as_a_module() -> None:
    net = average_pooled()
    first, last = net.get_submodule("0.2"), net.get_submodule("0")
    assert Classifier(net, input_shape=INPUT_SHAPE, layers=first).layers == ("0.2",)
    assert Classifier(net, input_shape=INPUT_SHAPE, layers=[last, first]).layers == ("0.2", "0")
    assert Classifier(nn.DataParallel(net), input_shape=INPUT_SHAPE, layers=[first]).layers == ("0.2",)


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 3, 1), 3])
def test_layer_of_another_model_is_refused(layer: object) -> None:
    with pytest.raises(ModelError, match="not part of the model"):
        Classifier(average_pooled(), input_shape=INPUT_SHAPE, layers=layer)  # type: ignore[arg-type]

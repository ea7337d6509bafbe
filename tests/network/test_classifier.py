"""`Classifier`: logits, activations, contributions, and rejected inputs."""

import copy
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nets import INPUT_SHAPE, NETS, average_pooled, flattened, max_pooled, mlp_head, pooled_into, randomized
from vulneuron import Classifier
from vulneuron.errors import ModelError
from vulneuron.network import expected_channels
from vulneuron.network.devices import Precision, resolve_device


class NoisyReLU(nn.Module):
    """A defense by chance, which no mode switches off."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + torch.rand_like(maps))


def classifier_of(net: nn.Module, **options: object) -> Classifier:
    return Classifier(net, input_shape=INPUT_SHAPE, **options)  # type: ignore[arg-type]


def test_users_module_is_left_as_it_was() -> None:
    net = randomized(average_pooled()).train()
    net.get_submodule("0.1").eval()
    net.get_submodule("0.3").requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    modes = [module.training for module in net.modules()]
    grads = [parameter.requires_grad for parameter in net.parameters()]
    classifier = classifier_of(net)
    classifier.activity(torch.rand(2, *INPUT_SHAPE))
    assert [module.training for module in net.modules()] == modes
    assert [parameter.requires_grad for parameter in net.parameters()] == grads
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_a_model_that_is_given_away_takes_its_memory_once() -> None:
    net, images = randomized(average_pooled()), torch.rand(3, *INPUT_SHAPE)
    expected = classifier_of(net).logits(images)
    dense = next(module for module in net.modules() if isinstance(module, nn.Linear))
    given = classifier_of(net, copy=False)
    assert given.folded == 2
    assert given.weights is not None
    assert given.weights.data_ptr() == dense.weight.data_ptr()
    assert torch.equal(given.logits(images), expected)


@pytest.mark.parametrize("std", [None, [0.25] * 3])
def test_a_network_that_changes_its_images_in_place_works_on_copies(std: list[float] | None) -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = randomized(average_pooled())

        def forward(self, images: Tensor) -> Tensor:
            images -= 0.5
            logits: Tensor = self.net(images)
            return logits

    images = torch.rand(3, *INPUT_SHAPE).contiguous(memory_format=torch.channels_last)
    before = images.clone()
    with torch.no_grad():
        expected = InPlace.forward(net := InPlace().eval(), images / 0.25 if std else images.clone())
    classifier = classifier_of(net, std=std)
    assert classifier.weights is not None
    torch.testing.assert_close(classifier.logits(images), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(images, before)
    (gradient,) = torch.autograd.grad(classifier(images.requires_grad_()).sum(), images)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("extra", [nn.BatchNorm2d(6, track_running_stats=False), NoisyReLU()])
def test_logits_that_change_with_the_batch_are_refused(extra: nn.Module) -> None:
    net = pooled_into(nn.Linear(6, 4))
    net[0].append(extra)  # type: ignore[operator]
    with pytest.raises(ModelError, match="differ between batches"):
        classifier_of(net)


class Uncopyable(nn.Sequential):
    def __deepcopy__(self, memo: object) -> "Uncopyable":
        raise RuntimeError("no copies")


def test_a_network_that_cannot_be_copied_is_given_away_unfolded() -> None:
    net = Uncopyable(*randomized(average_pooled()).children())
    with pytest.raises(ModelError, match="cannot be copied"):
        classifier_of(net)
    assert classifier_of(net, copy=False).folded == 0


def test_batch_norms_are_folded_and_change_nothing() -> None:
    net = randomized(average_pooled())
    images = torch.rand(3, *INPUT_SHAPE)
    folded, plain = classifier_of(net), classifier_of(net, fold=False)
    assert (folded.folded, plain.folded) == (2, 0)
    torch.testing.assert_close(folded.logits(images), plain.logits(images), rtol=1e-4, atol=1e-5)


def test_shared_convolution_is_not_folded() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.one, self.two = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
            self.fc = nn.Linear(3, 2)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.fc(self.two(self.conv(self.one(self.conv(images)))).mean((2, 3)))
            return logits

    net = randomized(Shared())
    classifier = classifier_of(net)
    images = torch.rand(2, *INPUT_SHAPE)
    assert classifier.folded == 0
    with torch.no_grad():
        torch.testing.assert_close(classifier.logits(images), net.eval()(images))


def test_normalization_is_part_of_the_classifier() -> None:
    net = randomized(average_pooled())
    mean, std = torch.tensor([0.1, 0.5, 0.3]), torch.tensor([0.2, 0.4, 0.3])
    classifier = classifier_of(net, mean=mean.tolist(), std=std.tolist())
    images = torch.rand(2, *INPUT_SHAPE)
    with torch.no_grad():
        expected = net.eval()((images - mean[:, None, None]) / std[:, None, None])
    torch.testing.assert_close(classifier.logits(images), expected, rtol=1e-4, atol=1e-5)


def test_gradient_times_activation_is_activation_times_weight_for_a_linear_head() -> None:
    classifier = classifier_of(randomized(average_pooled()))
    activity = classifier.activity(torch.rand(4, *INPUT_SHAPE))
    labels = torch.tensor([0, 3, 1, 1])
    by_gradient = (activity.features * classifier.gradients(activity.features, labels)).sum((2, 3))
    torch.testing.assert_close(classifier.contributions(activity, labels), by_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    classifier = classifier_of(randomized(NETS[name][0]()))
    maps = classifier.activity(torch.rand(1, *INPUT_SHAPE)).features
    label = torch.tensor([2])
    gradient = classifier.gradients(maps, label)
    step = 1e-2
    # A map of zeros only has no slope: its ReLU bends there, and all of its cells are the maximum.
    alive = [neuron for neuron in range(classifier.neurons) if maps[0, neuron].max() != 0]
    assert len(alive) > 1
    for neuron in alive:
        # The largest value of a map stays the largest when it grows: a maximum has a slope there.
        row, column = divmod(int(maps[0, neuron].argmax()), maps.shape[3])
        up = maps.clone()
        up[0, neuron, row, column] += step
        with torch.no_grad():
            slope = (classifier.head(up)[0, 2] - classifier.head(maps)[0, 2]) / step
        assert gradient[0, neuron, row, column].item() == pytest.approx(slope.item(), abs=5e-3)


@pytest.mark.parametrize("build", [average_pooled, max_pooled])
def test_dense_layer_and_activations_give_the_logits(build: object) -> None:
    classifier = classifier_of(randomized(build()))  # type: ignore[operator]
    activity = classifier.activity(torch.rand(3, *INPUT_SHAPE))
    torch.testing.assert_close(classifier.dense(activity.activations), activity.logits, rtol=1e-4, atol=1e-5)
    assert classifier.weights is not None
    assert classifier.weights.shape == (4, 6)


@pytest.mark.parametrize("build", [mlp_head, flattened])
def test_no_dense_layer_is_said_so(build: object) -> None:
    classifier = classifier_of(randomized(build()))  # type: ignore[operator]
    assert classifier.weights is None
    assert classifier.bias is None
    with pytest.raises(ModelError, match="head is not linear"):
        classifier.dense(torch.zeros(1, 6))


def test_logits_are_differentiable_with_respect_to_pixels() -> None:
    classifier = classifier_of(randomized(average_pooled()))
    images = torch.rand(2, *INPUT_SHAPE, requires_grad=True)
    (gradient,) = torch.autograd.grad(classifier(images).sum(), images)
    assert gradient.abs().sum() > 0


def _returns(value: object) -> nn.Module:
    class Strange(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, images: Tensor) -> object:
            maps = self.conv(images)
            return value(maps) if callable(value) else value

    return Strange()


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (_returns(lambda maps: (maps.mean((2, 3)),)), "output is tuple"),
        (_returns(lambda maps: maps), r"output is \(3, 2, 16, 16\)"),
        (_returns(lambda maps: maps.mean((1, 2, 3))), r"output is \(3,\)"),
        (_returns(lambda maps: maps.mean((2, 3))[:, :1]), "has 1 output"),
        (_returns(lambda maps: maps.mean((2, 3)).squeeze()), r"output for one image is \(2,\)"),
        (_returns(lambda maps: maps.mean((2, 3)) * torch.nan), "NaN or infinite"),
        (nn.Conv2d(4, 2, 1), r"fails on images \(3, 3, 16, 16\): RuntimeError.*--image-size"),
        (
            nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(3, 2)),
            r"fails on images \(3, 3, 16, 16\): RuntimeError.*--image-size",
        ),
    ],
)
def test_what_is_no_classifier_is_refused_in_one_line(net: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        classifier_of(net)
    assert "\n" not in str(caught.value)


def _raise(error: Exception) -> Tensor:
    raise error


@pytest.mark.parametrize(
    "error",
    [
        NameError("name 'size' is not defined"),
        RuntimeError("expected scalar type Float but found Double"),
        torch.OutOfMemoryError("out of memory: tried to allocate a tensor of this size"),
    ],
)
def test_other_errors_of_the_forward_pass_do_not_blame_the_image_size(error: Exception) -> None:
    with pytest.raises(ModelError) as caught:
        classifier_of(_returns(lambda _: _raise(error)))
    message = str(caught.value)
    assert f"forward pass raised {type(error).__name__}: {error} ({Path(__file__).name}, line" in message
    assert "--image-size" not in message
    assert "\n" not in message


def test_nan_weights_are_named() -> None:
    net = average_pooled()
    with torch.no_grad():
        net.get_parameter("3.weight")[0, 0] = torch.nan
    with pytest.raises(ModelError, match=r"3\.weight contains NaN"):
        classifier_of(net)


def test_torchscript_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch deprecate it
        scripted = torch.jit.trace(average_pooled().eval(), torch.rand(1, *INPUT_SHAPE))
    for model in (scripted, nn.Sequential(scripted)):
        with pytest.raises(ModelError, match="TorchScript"):
            classifier_of(model)


def test_check_split_refuses_images_on_which_the_split_does_not_hold() -> None:
    classifier = classifier_of(randomized(average_pooled()))
    activity = classifier.activity(torch.rand(2, *INPUT_SHAPE))
    assert (
        classifier.check_split(activity) == classifier.split_error(activity) <= classifier.tolerance == 1e-4
    )
    for factor in (1.001, torch.nan):
        with pytest.raises(ModelError, match="changes the logits by"):
            classifier.check_split(replace(activity, logits=activity.logits * factor))


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NETS)
def test_mixed_precision_starts_and_is_judged_by_its_own_tolerance(name: str, precision: Precision) -> None:
    torch.manual_seed(0)
    net = randomized(NETS[name][0]())
    classifier = classifier_of(net, precision=precision, device="cpu")
    assert (classifier.precision, classifier.split) == (precision, classifier_of(net, device="cpu").split)
    images = torch.rand(4, *INPUT_SHAPE)
    activity = classifier.activity(images)
    classifier.check_split(activity)
    assert not torch.equal(activity.logits, classifier_of(net, device="cpu").logits(images))
    assert activity.features.dtype == activity.logits.dtype == torch.float32


def test_full_precision_asks_for_no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch, "autocast")
    classifier_of(average_pooled(), device="cpu").logits(torch.rand(1, *INPUT_SHAPE))


@pytest.mark.parametrize("channels", [1, 3, 4, 12])
def test_expected_channels_are_those_of_the_first_convolution(channels: int) -> None:
    assert expected_channels(nn.Sequential(nn.Conv2d(channels, 5, 1), nn.Conv2d(5, 6, 1))) == channels
    assert expected_channels(nn.Linear(2, 2)) == 3


def test_devices() -> None:
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(ModelError, match="device 'gpu7' cannot be used"):
        resolve_device("gpu7")


def test_unknown_precision_is_refused() -> None:
    with pytest.raises(ModelError, match="'float8' is unknown"):
        classifier_of(average_pooled(), precision="float8")


def test_bad_normalization_is_refused() -> None:
    with pytest.raises(ModelError, match="does not match"):
        classifier_of(average_pooled(), mean=[0.5, 0.5], std=[0.5, 0.5, 0.5])
    with pytest.raises(ModelError, match="does not match"):
        classifier_of(average_pooled(), mean=[0.5], std=[0.0])

"""Discrepancy maps, compared with one occluded image at a time and with numbers worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nets import INPUT_SHAPE, NETS, randomized
from vulneuron.engines import Watch
from vulneuron.errors import Cancelled, MeasureError
from vulneuron.maps.occlusion import discrepancy_maps
from vulneuron.network import Classifier


def classifier_of(net: str) -> Classifier:
    return Classifier(randomized(NETS[net][0]()), input_shape=INPUT_SHAPE, device="cpu")


def noise_like(image: Tensor, seed: int) -> Tensor:
    return torch.rand(image.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(("occluder", "batch_size"), [("noise", 5), ("gray", 64)])
def test_maps_equal_those_of_one_occluded_image_at_a_time(net: str, occluder: Any, batch_size: int) -> None:
    classifier, image = classifier_of(net), torch.rand(INPUT_SHAPE)
    neurons = [3, 0] if net != "1x1 logit maps" else [1]
    maps = discrepancy_maps(
        classifier, image, neurons, patch=6, stride=5, occluder=occluder, seed=7, batch_size=batch_size
    )
    before = classifier.activity(image[None]).activations[0]
    expected = np.zeros((len(neurons), 4, 4))
    for i in range(0, 16, 5):
        for j in range(0, 16, 5):
            occluded = image.clone()
            patch = (slice(None), slice(max(i - 3, 0), i + 3), slice(max(j - 3, 0), j + 3))
            occluded[patch] = 0.5 if occluder == "gray" else noise_like(image, 7)[patch]
            after = classifier.activity(occluded[None]).activations[0]
            for position, neuron in enumerate(neurons):
                expected[position, i // 5, j // 5] = abs(float(after[neuron] - before[neuron]))
    np.testing.assert_allclose(maps.values, expected, atol=1e-5)
    assert maps.neurons.tolist() == neurons
    assert (maps.patch, maps.stride, maps.occluder, maps.seed) == (6, 5, occluder, 7)


def test_a_small_network_worked_out_by_hand() -> None:
    """Each neuron averages twice one channel; 1, 2 or 4 of its 16 pixels change from 1 or 0 to 0.5."""
    convolution = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        convolution.weight.copy_(2 * torch.eye(3)[:, :, None, None])
        convolution.bias.zero_()  # type: ignore[union-attr]
    net = nn.Sequential(
        nn.Sequential(convolution, nn.ReLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )
    classifier = Classifier(net, input_shape=(3, 4, 4), device="cpu")
    image = torch.tensor([1.0, 0.0, 0.5])[:, None, None].expand(3, 4, 4)
    maps = discrepancy_maps(classifier, image, patch=2, stride=2, occluder="gray")
    lost = np.array([[1, 2], [2, 4]]) * 2 * 0.5 / 16
    np.testing.assert_allclose(maps.values, np.stack([lost, lost, np.zeros((2, 2))]), atol=1e-7)
    assert maps.neurons.tolist() == [0, 1, 2]


def test_noise_is_seeded_and_independent_of_the_batch() -> None:
    classifier, image = classifier_of("average pooled"), torch.rand(INPUT_SHAPE)

    def values(seed: int, batch_size: int) -> Any:
        return discrepancy_maps(classifier, image, stride=4, seed=seed, batch_size=batch_size).values

    np.testing.assert_allclose(values(0, 3), values(0, 64), atol=1e-6)
    assert np.abs(values(0, 3) - values(1, 3)).max() > 1e-4
    assert values(0, 3).dtype == np.float32
    assert values(0, 3).shape == (6, 4, 4)


def test_progress_is_reported_and_cancelling_stops_after_a_batch() -> None:
    classifier, image = classifier_of("average pooled"), torch.rand(INPUT_SHAPE)
    reports: list[tuple[int, int]] = []

    def run(stop_after: int) -> None:
        discrepancy_maps(
            classifier,
            image,
            [0],
            stride=4,
            batch_size=6,
            watch=Watch(lambda *counts: reports.append(counts), lambda: len(reports) == stop_after),
        )

    run(stop_after=4)
    assert reports == [(6, 16), (12, 16), (16, 16)]
    reports.clear()
    with pytest.raises(Cancelled, match="after 6 of 16"):
        run(stop_after=1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"neurons": [6]}, "given neuron = 6. Allowed: an integer from 0 to 5"),
    ({"neurons": [-1]}, "given neuron = -1"),
    ({"occluder": "black"}, "given occluder = 'black'. Allowed: noise, gray"),
    ({"patch": 5}, "given patch = 5"),
    ({"stride": 17}, "given stride = 17"),
    ({"batch_size": -1}, "given batch_size = -1"),
    ({"image": torch.zeros(3, 8, 8)}, "given the occluded image as torch.float32 \\(3, 8, 8\\)"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_bad_arguments_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        discrepancy_maps(classifier_of("average pooled"), **{"image": torch.zeros(INPUT_SHAPE), **bad})

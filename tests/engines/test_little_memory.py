"""Long computations on a device whose memory holds fewer images than was estimated."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engines.exactness import assert_exact, logits_of
from nets import INPUT_SHAPE
from vulneuron.engines import Dense, Engine, Incremental
from vulneuron.errors import RunError
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.occlusion import discrepancy_maps
from vulneuron.network import Classifier

CONVOLUTION = functional.conv2d
PATCH = 4


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5),
    )  # fmt: skip
    return Classifier(net, input_shape=INPUT_SHAPE, device="cpu")


class Memory:
    """Convolutions of more images than `images` fail as on a full device; counts those failures."""

    def __init__(self) -> None:
        self.images = 1_000_000
        self.failures = 0

    def __call__(self, features: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        if len(features) > self.images:
            self.failures += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return CONVOLUTION(features, *arguments, **options)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(functional, "conv2d", memory)
    return memory


@pytest.mark.parametrize("engine", [Dense(), Incremental()], ids=["dense", "incremental"])
def test_engines_halve_batches_that_do_not_fit(
    engine: Engine, classifier: Classifier, memory: Memory
) -> None:
    generator = torch.Generator().manual_seed(1)
    benign, adversarial = torch.rand(2, *INPUT_SHAPE, generator=generator)
    centers = torch.from_numpy(PatchGrid.for_image(INPUT_SHAPE[1:], PATCH, 1).centers())
    # What it prepares for a network takes more memory than what follows.
    logits_of(engine, classifier, benign, adversarial, centers, PATCH)
    memory.images = 3
    logits = logits_of(engine, classifier, benign, adversarial, centers, PATCH)
    assert memory.failures
    failures = memory.failures
    again = logits_of(engine, classifier, benign, adversarial, centers, PATCH)
    assert memory.failures == failures, "a size that failed was tried another time"
    memory.images = 1_000_000
    for result in (logits, again):
        assert_exact(result, classifier, benign, adversarial, centers, PATCH)


def test_a_first_pair_that_does_not_fit_goes_to_dense(classifier: Classifier, memory: Memory) -> None:
    benign, adversarial = torch.rand(2, *INPUT_SHAPE, generator=torch.Generator().manual_seed(2))
    centers = torch.from_numpy(PatchGrid.for_image(INPUT_SHAPE[1:], PATCH, 2).centers())
    memory.images = 1
    logits = logits_of(Incremental(), classifier, benign, adversarial, centers, PATCH)
    assert memory.failures
    memory.images = 1_000_000
    assert_exact(logits, classifier, benign, adversarial, centers, PATCH)


def test_discrepancy_maps_halve_batches_that_do_not_fit(classifier: Classifier, memory: Memory) -> None:
    image = np.random.default_rng(0).random(INPUT_SHAPE, np.float32)
    expected = discrepancy_maps(classifier, image, stride=2)
    memory.images = 3
    frugal = discrepancy_maps(classifier, image, stride=2)
    assert memory.failures
    np.testing.assert_allclose(frugal.values, expected.values, rtol=0, atol=1e-6)


@pytest.mark.parametrize("engine", [Dense(), Incremental()], ids=["dense", "incremental"])
def test_one_image_that_does_not_fit_is_one_clear_error(
    engine: Engine, classifier: Classifier, memory: Memory
) -> None:
    benign, adversarial = torch.rand(2, *INPUT_SHAPE, generator=torch.Generator().manual_seed(3))
    centers = torch.tensor([[4, 4], [8, 8]])
    logits_of(engine, classifier, benign, adversarial, centers, PATCH)
    memory.images = 0
    with pytest.raises(RunError, match="one image does not fit into memory"):
        logits_of(engine, classifier, adversarial, benign, centers, PATCH)

"""The CIFAR-10 example: its weights fit its network, and its training learns."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import vulneuron as vn
from vulneuron.inputs.models import load_model

FOLDER = Path(__file__).parents[2] / "examples" / "cifar10"


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("cifar10_train", FOLDER / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("resnet10", None)


def test_trained_network_has_512_neurons_of_4_by_4() -> None:
    loaded = load_model(f"{FOLDER}/resnet10.py:trained")
    classifier = vn.Classifier(loaded.module, input_shape=(3, 32, 32))
    split = classifier.split
    assert (split.layer, split.kind, split.pool) == ("layer4", "linear", "avg")
    assert (split.neurons, split.map_shape, classifier.classes) == (512, (4, 4), 10)
    assert classifier.folded == 12


def test_crops_and_flips_only_move_pixels(training: ModuleType) -> None:
    ramp = torch.arange(32.0).expand(64, 3, 32, 32) / 32
    augmented = training.augment(ramp)
    assert augmented.shape == ramp.shape
    assert set(augmented.unique().tolist()) <= set(ramp.unique().tolist())
    slopes = (augmented[:, 0, 16, 16] - augmented[:, 0, 16, 15]).sign()
    assert {-1.0, 1.0} <= set(slopes.tolist())


def test_training_learns(training: ModuleType) -> None:
    torch.manual_seed(0)
    labels = torch.arange(10).repeat(6)
    images = (torch.rand(60, 3, 32, 32) + labels[:, None, None, None] / 5).clamp(0, 3) / 3
    # PyTorch 2.14 corrupts memory in backward passes of 4 channels on some processors without AVX-512.
    model = training.ResNet10(widths=(8, 8, 8, 8))
    before = training.accuracy(model, images, labels)
    training.train(model, images, labels, epochs=12, batch=20, rate=0.1)
    assert training.accuracy(model, images, labels) > before + 0.3

"""The CIFAR-10 example: its weights fit its network, and its training learns."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
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


@pytest.fixture(scope="module")
def noise_record(tmp_path_factory: pytest.TempPathFactory) -> vn.Record:
    """Two layers on noise; the labels are the network's own predictions."""
    return _noise_record(tmp_path_factory.mktemp("cifar10") / "two.zarr", ["layer3", "layer4"])


def _noise_record(out: Path, layers: list[str]) -> vn.Record:
    noise = torch.rand(10, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return vn.analyze(f"{FOLDER}/resnet10.py:trained", noise, out=out, layers=layers, batch_size=4)


@pytest.mark.slow
def test_layer4_is_the_same_beside_layer3(noise_record: vn.Record, tmp_path: Path) -> None:
    alone = _noise_record(tmp_path / "alone.zarr", ["layer4"])
    assert noise_record.layers == ("layer3", "layer4")
    for name, expected in alone.layer().dataset.variables.items():
        np.testing.assert_array_equal(noise_record.layer("layer4").dataset[name], expected, err_msg=str(name))


@pytest.mark.slow
@pytest.mark.parametrize(("layer", "rest"), [("layer3", ["layer4"]), ("layer4", [])])
def test_layers_agree_with_loops_through_the_network(
    noise_record: vn.Record, layer: str, rest: list[str]
) -> None:
    net, pair = load_model(f"{FOLDER}/resnet10.py:trained").module, 1
    labels = [int(noise_record.dataset[f"{name}_label"][pair]) for name in ("benign", "adversarial")]
    features = torch.from_numpy(noise_record.layer(layer).dataset["feature_map"].values[pair])

    def logits(maps: torch.Tensor) -> torch.Tensor:
        for name in rest:
            maps = net.get_submodule(name)(maps)
        return net.get_submodule("fc")(maps.mean((2, 3)))  # type: ignore[no-any-return]

    analysis = vn.Analysis(noise_record, vn.load_classifier(noise_record), layer)
    table = analysis.neurons(pair)
    for side, name in enumerate(("benign", "adversarial")):
        leaf = features[side : side + 1].clone().requires_grad_()
        logits(leaf)[0, labels[side]].backward()
        assert leaf.grad is not None
        contributions = (leaf * leaf.grad).sum((2, 3))[0].detach()
        np.testing.assert_allclose(table[f"contribution_{name}"], contributions, rtol=1e-3, atol=1e-4)
    with torch.no_grad():
        before = logits(features[:1]).double().softmax(1)[0]
        for neuron in range(0, len(table), 17):
            mixed = features[:1].clone()
            mixed[0, neuron] = features[1, neuron]
            after = logits(mixed).double().softmax(1)[0]
            drop, gain = before[labels[0]] - after[labels[0]], after[labels[1]] - before[labels[1]]
            assert table["substitution_benign_drop"][neuron] == pytest.approx(float(drop), abs=1e-5)
            assert table["substitution_adversarial_gain"][neuron] == pytest.approx(float(gain), abs=1e-5)


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

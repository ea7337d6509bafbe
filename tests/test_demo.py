"""The demo: real photographs, a real network, and a record of both."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

import vulneuron as vn
from vulneuron import demo


def test_views_are_seeded_and_the_first_is_the_centre_crop() -> None:
    views, again = demo.demo_images(views=3), demo.demo_images(views=3)
    assert views.images.shape == (60, 224, 224, 3)
    np.testing.assert_array_equal(views.images, again.images)
    np.testing.assert_array_equal(views.labels, np.repeat(views.labels[::3], 3))
    np.testing.assert_array_equal(demo.demo_images(views=1).images, views.images[::3])
    assert not np.array_equal(views.images[1], views.images[2])
    assert not np.array_equal(demo.demo_images(views=2, seed=1).images[1], views.images[1])


def test_network_knows_most_of_the_photographs() -> None:
    photographs = demo.demo_images(views=1)
    pixels = torch.from_numpy(photographs.images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        predicted = demo.demo_model()((pixels - 0.5) / 0.5).argmax(1).numpy()
    assert (predicted == photographs.labels).sum() == 18


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> vn.Record:
    return demo.run_demo(tmp_path_factory.mktemp("demo") / "demo.zarr", views=1)


def test_record_of_a_small_demo(record: vn.Record) -> None:
    info = record.info()
    assert info["neurons"] == 1280
    assert info["correct"] == 18
    assert info["pairs"] == info["successes"] > 12
    assert info["split_error"] <= 1e-4
    assert record.validate().sound


def test_measures_of_the_record_agree_with_loops(record: vn.Record) -> None:
    pair, data = 2, record.dataset
    analysis = vn.Analysis(record, vn.load_classifier(record), settings=vn.Settings(stride=56, patch=56))
    table = analysis.neurons(pair)
    logits, weight, bias = (data[name].values.astype(np.float64) for name in ("logit", "weight", "bias"))
    labels = [int(data[name][pair]) for name in ("benign_label", "adversarial_label")]
    activations = data["activation"].values[pair].astype(np.float64)
    for side, name in enumerate(("benign", "adversarial")):
        # Contributions and bias add up to the logit.
        total = table[f"contribution_{name}"].sum() + bias[labels[side]]
        assert total == pytest.approx(logits[pair, side, labels[side]], rel=1e-4)

    def probabilities(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        powers = np.exp(values - values.max())
        return np.asarray(powers / powers.sum())

    before = probabilities(weight @ activations[0] + bias)
    most = int(table.substitution_benign_drop.to_numpy().argmax())
    for neuron in (0, 17, most):
        changed = activations[0].copy()
        changed[neuron] = activations[1, neuron]
        after = probabilities(weight @ changed + bias)
        drop, gain = before[labels[0]] - after[labels[0]], after[labels[1]] - before[labels[1]]
        assert table.substitution_benign_drop[neuron] == pytest.approx(drop, abs=1e-6)
        assert table.substitution_adversarial_gain[neuron] == pytest.approx(gain, abs=1e-6)

    # Receptive fields and overlaps, by torch's own interpolation and by counting.
    threshold = float(np.quantile(data["feature_map"].values[:, 0], 0.8))
    maps = torch.from_numpy(data["feature_map"].values[pair, 0])
    masks = (
        torch.nn.functional.interpolate(maps[None], size=(224, 224), mode="bilinear")[0].numpy() > threshold
    )
    top = analysis.top_masks(pair).benign_drop
    assert top.sum() == round(0.2 * 224 * 224)
    for neuron in range(0, 1280, 97):
        union = (masks[neuron] | top).sum()
        expected = (masks[neuron] & top).sum() / union if union else 0
        assert table.iou_benign_drop[neuron] == pytest.approx(expected, abs=1e-3)

    # One point of the vulnerability map, substituted by hand.
    found = analysis.vulnerability_maps(pair, 56, 56)
    x, other = (torch.from_numpy(record.images(pair, side)) for side in ("benign", "adversarial"))
    mixed = x.clone()
    mixed[:, 112 - 28 : 112 + 28, 56 - 28 : 56 + 28] = other[:, 112 - 28 : 112 + 28, 56 - 28 : 56 + 28]
    network = demo.demo_model()
    with torch.inference_mode():
        both = torch.softmax(network((torch.stack([x, mixed]) - 0.5) / 0.5), 1).double().numpy()
    assert found.benign_drop[2, 1] == pytest.approx(both[0, labels[0]] - both[1, labels[0]], abs=1e-5)
    assert found.adversarial_gain[2, 1] == pytest.approx(both[1, labels[1]] - both[0, labels[1]], abs=1e-5)

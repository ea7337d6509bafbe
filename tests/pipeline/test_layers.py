"""Records of several target layers, against loops through the plain network and records of one layer."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray as xr
import zarr
from torch import Tensor

import vulneuron as vn
from interruptions import Killed
from layered import LAYERS, NamedLayers, analyze, named_layers
from vulneuron.errors import ModelError, RecordError
from vulneuron.record import Phase, Record, open_record

pytestmark = pytest.mark.usefixtures("quick_projection")
#: Images of a class, so many that the pairs of all layers take two blocks.
MANY = 80


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory, quick_projection: None) -> Record:
    return analyze(tmp_path_factory.mktemp("layers") / "several.zarr", ["3", "1", "layers.deep", "1"])


@pytest.fixture(scope="module")
def large_record(tmp_path_factory: pytest.TempPathFactory, quick_projection: None) -> Record:
    return analyze(tmp_path_factory.mktemp("layers") / "large.zarr", LAYERS, a_class=MANY)


def features_of(net: NamedLayers, pixels: npt.NDArray[np.float32], layer: str) -> Tensor:
    """Feature maps of one layer, by a loop over the stages."""
    features = torch.from_numpy(pixels)
    for name, stage in zip(LAYERS, net.stages(), strict=True):
        features = stage(torch.relu(features) if name == "3" else features)
        if name == layer:
            break
    return features.clone()


def test_layers_are_in_the_order_of_the_network(record: Record) -> None:
    assert record.layers == LAYERS
    assert record.layer().name == "3"
    assert [layer["neurons"] for layer in record.info()["layers"]] == [5, 7, 6]
    assert [record.layer(name).map_shape for name in LAYERS] == [(12, 12), (6, 6), (6, 6)]
    assert record.validate().problems == ()


def test_record_says_how_each_layer_was_read(record: Record) -> None:
    last, *others = (record.layer(name).attributes for name in reversed(LAYERS))
    assert last["head"]["kind"] == "linear"
    assert (last["activation"], last["contribution"]) == ("input of the dense layer", "activation x weight")
    for layer in others:
        assert layer["head"]["kind"] != "linear"
        assert layer["activation"] == "mean of the feature map"
        assert layer["contribution"] == "gradient x activation"
        assert any(
            layer["layer"] in note and "gradient x activation" in note for note in record.info()["notes"]
        )
        assert layer["split_error"] <= 1e-4


@pytest.mark.parametrize("layer", LAYERS)
def test_features_and_contributions_are_those_of_the_plain_network(record: Record, layer: str) -> None:
    net, data = named_layers(), record.layer(layer).dataset
    for side in ("benign", "adversarial"):
        features = features_of(net, record.images(slice(None), side), layer).detach()
        found = data.sel(side=side)
        np.testing.assert_allclose(found["feature_map"], features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["activation"], features.mean((2, 3)), rtol=1e-4, atol=1e-5)
        for label in ("benign", "adversarial"):
            codes = torch.from_numpy(record.dataset[f"{label}_label"].values.astype(np.int64))
            leaf = features.clone().requires_grad_()
            net.rest(leaf, layer).gather(1, codes[:, None]).sum().backward()
            assert leaf.grad is not None
            expected = (leaf * leaf.grad).sum((2, 3)).detach().numpy()
            if "contribution" in data:
                contributions = found["contribution"].sel(label=label).values
            else:
                contributions = found["activation"].values * data["weight"].values[codes]
            np.testing.assert_allclose(contributions, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_substitution_agrees_with_a_loop_through_the_network(record: Record, layer: str) -> None:
    net, pair = named_layers(), 3
    analysis = vn.Analysis(record, vn.load_classifier(record, net), layer)
    labels = [int(record.dataset[f"{name}_label"][pair]) for name in ("benign", "adversarial")]
    features = torch.from_numpy(record.layer(layer).dataset["feature_map"].values[pair])
    table = analysis.neurons(pair)
    assert len(table) == features.shape[1]
    with torch.no_grad():
        before = net.rest(features[:1], layer).double().softmax(1)[0]
        for neuron in range(features.shape[1]):
            mixed = features[:1].clone()
            mixed[0, neuron] = features[1, neuron]
            after = net.rest(mixed, layer).double().softmax(1)[0]
            drop, gain = before[labels[0]] - after[labels[0]], after[labels[1]] - before[labels[1]]
            assert table["substitution_benign_drop"][neuron] == pytest.approx(float(drop), abs=1e-5)
            assert table["substitution_adversarial_gain"][neuron] == pytest.approx(float(gain), abs=1e-5)
        everything = analysis.substitute(pair, range(features.shape[1])).logits
        np.testing.assert_allclose(everything, record.dataset["logit"][pair, 1], rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_numbers_are_those_of_a_record_of_one_layer(large_record: Record, tmp_path: Path, layer: str) -> None:
    record, alone = large_record, analyze(tmp_path / "alone.zarr", layer, a_class=MANY)
    assert alone.layers == (layer,)
    # Blocks are smaller where a layer with larger feature maps is captured, too; batches are the same.
    blocks = [one.layer(layer).array("activation").chunks[0] for one in (alone, record)]
    assert (blocks[0] == blocks[1]) == (layer == "1")
    xr.testing.assert_identical(
        alone.layer().dataset.load().drop_attrs(), record.layer(layer).dataset.load().drop_attrs()
    )
    xr.testing.assert_identical(alone.dataset.load().drop_attrs(), record.dataset.load().drop_attrs())


def test_the_last_layer_is_found_where_none_is_named(record: Record, tmp_path: Path) -> None:
    found = analyze(tmp_path / "found.zarr", None)
    assert found.layers == ("3",)
    np.testing.assert_array_equal(
        found.layer().dataset["activation"], record.layer("3").dataset["activation"]
    )


def test_analyses_of_all_layers_share_maps_and_network(record: Record, tmp_path: Path) -> None:
    copy = open_record(shutil.copytree(record.path, tmp_path / "copy.zarr"))
    last = vn.Analysis(copy, settings=vn.Settings(stride=4))
    first = last.at("1")
    assert (last.layer, first.layer, last.at("3")) == ("3", "1", last)
    last.network.attach(vn.load_classifier(copy, named_layers()))
    last.vulnerability_maps(2)
    assert first.has_maps(2)
    assert first.neurons(2)["iou_benign_drop"].notna().all()
    masks, top = first.masks(2).benign, first.top_masks(2).benign_drop
    expected = (masks & top).sum((1, 2)) / (masks | top).sum((1, 2))
    np.testing.assert_allclose(first.neurons(2)["iou_benign_drop"], expected, rtol=1e-6)


def test_xarray_opens_all_layers(record: Record) -> None:
    for layer in LAYERS:
        data = xr.open_zarr(record, group=f"layers/{layer}")
        assert data["feature_map"].dims == ("pair", "side", "neuron", "row", "column")
        assert data.sizes["neuron"] == record.layer(layer).neurons
    with xr.open_datatree(record, engine="zarr") as tree:
        assert set(tree["layers"].children) == set(LAYERS)


def test_unknown_layers_are_one_line(record: Record) -> None:
    with pytest.raises(RecordError, match=r"has no layer 'layers.dee'.*1, layers.deep, 3.*Perhaps you mean"):
        vn.Analysis(record, layer="layers.dee")
    with pytest.raises(ModelError, match="layer 'nowhere' has no spatial"):
        vn.Classifier(named_layers(), layers=["3", "nowhere"], input_shape=(3, 12, 12))
    one = vn.Classifier(named_layers(), input_shape=(3, 12, 12))
    with pytest.raises(ModelError, match="does not have the target layer '1'"):
        one.at("1")
    with pytest.raises(ModelError, match="does not have the target layer '1'"):
        vn.Analysis(record, one, "1").substitute(0, [1])


def test_other_layers_are_another_run(record: Record) -> None:
    with pytest.raises(RecordError, match="contains a different run: model layers is"):
        analyze(Path(record.path), "3")


@pytest.mark.slow
def test_capture_that_is_killed_between_two_layers_goes_on(
    large_record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last layer of the second block is missing."""
    out, original = tmp_path / "run.zarr", zarr.storage.LocalStore.set

    async def limited(self: Any, key: str, *arguments: Any, **options: Any) -> None:
        if key.startswith("layers/3/feature_map/c/1/"):
            raise Killed
        await original(self, key, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(zarr.storage.LocalStore, "set", limited)
        with pytest.raises(Killed):
            analyze(out, LAYERS, a_class=MANY)
    assert open_record(out).attributes["phase"] == Phase.CAPTURE
    analyze(out, LAYERS, a_class=MANY)
    for name, node in zarr.open_group(large_record.path, mode="r").members(max_depth=None):
        if isinstance(node, zarr.Array):
            found = zarr.open_array(f"{out}/{name}", mode="r")
            np.testing.assert_array_equal(found[...], node[...], err_msg=name)

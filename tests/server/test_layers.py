"""Layers of a record behind the server: each answer is that of the layer that the URL names."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from layered import LAYERS, analyze, named_layers
from served import Served, assert_error, running_server
from vulneuron.errors import VulneuronError
from vulneuron.measures import MEASURES
from vulneuron.server.widget import DashboardWidget


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp("layers") / "several.zarr"
    analyze(path, LAYERS)
    with running_server(Path(path), named_layers()) as one:
        yield one


@pytest.mark.parametrize("layer", [None, *LAYERS])
def test_answers_are_those_of_the_layer(served: Served, layer: str | None) -> None:
    query = {} if layer is None else {"layer": layer}
    analysis = vn.Analysis(served.path, served.opened.analysis.network.classifier, layer)
    summary = served.get("", **query).json()
    assert summary["layer"] == analysis.layer == (layer or "3")
    assert [one["name"] for one in summary["layers"]] == list(LAYERS)
    assert summary["neurons"] == analysis.data.neurons
    linear = analysis.layer == "3"
    assert summary["head"] == ("linear" if linear else "gradient x activation")
    assert summary["activation"] == ("input of the dense layer" if linear else "mean of the feature map")
    assert served.get("/pairs/2").json()["pair"] == 2
    table = served.array("/pairs/2/neurons.npy", **query)
    expected = analysis.neurons(2)[list(MEASURES)].to_numpy(np.float64).T
    np.testing.assert_allclose(table, expected, rtol=1e-6, atol=1e-9)
    masks = served.array("/pairs/2/masks.npy", neurons="0,4", combine="each", **query)
    np.testing.assert_array_equal(masks[:, 0], analysis.receptive_fields(2, [0, 4]).benign)
    pairs = dict(zip(summary["pair_columns"], served.array("/pairs.npy", **query), strict=True))
    np.testing.assert_array_equal(pairs["benign_x"], analysis.data.projection[:, 0, 0])
    found = served.get("/pairs/2/substitution", neurons="1-3", **query).json()["benign"]["benign_drop"]
    assert found == pytest.approx(analysis.substitute(2, [1, 2, 3]).benign_drop, abs=1e-6)


def test_layers_share_vulnerability_maps(served: Served) -> None:
    served.opened.analysis.vulnerability_maps(1, stride=4)
    for layer in LAYERS:
        assert served.get("/pairs/1/maps", stride=4, layer=layer).json()["ready"]


def test_unknown_layers_and_neurons_of_other_layers(served: Served) -> None:
    assert_error(served.get("", layer="nowhere"), 404, "layer 'nowhere'", *LAYERS)
    query = {"neurons": "6", "layer": "layers.deep"}
    assert served.get("/pairs/2/masks.npy", **query).status_code == 200
    assert_error(served.get("/pairs/2/masks.npy", neurons="6", layer="3"), 404, "neuron 6")


def test_a_notebook_reads_and_sets_the_neurons_of_the_layer_that_is_shown(served: Served) -> None:
    dashboard = vn.show(served.path, model=named_layers())
    assert isinstance(dashboard, DashboardWidget)
    try:
        # The first layer has the neurons 0 to 4, the last one 0 to 5.
        dashboard.neurons = [5]
        dashboard.layer = "1"
        assert max(dashboard.neurons) < 5
        with pytest.raises(VulneuronError, match="neuron 5"):
            dashboard.neurons = [5]
        dashboard.neurons = [4]
        assert tuple(dashboard.neurons) == (4,)
    finally:
        dashboard.stop()

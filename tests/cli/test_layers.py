"""`--layer` of the commands."""

import json
from pathlib import Path

import pandas as pd
import pytest

import vulneuron as vn
from commands import Command
from runs import CLASS_NAMES, color_folder, model_file


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    photos = str(color_folder(folder / "photos"))
    # The activation of the convolution is taken before its normalization is folded into it.
    layers = ["0", "0.0"]
    vn.analyze(model_file(folder), photos, out=folder / "run.zarr", class_names=CLASS_NAMES, layers=layers)
    return folder / "run.zarr"


def test_analyze_records_each_layer(run: Command, tmp_path: Path) -> None:
    photos, out = color_folder(tmp_path / "photos"), tmp_path / "run.zarr"
    arguments = ("--model", model_file(tmp_path), "--images", photos, "--out", out)
    status, printed, err = run("analyze", *arguments, "--layer", "0", "--layer", "0.0")
    assert (status, err) == (0, "")
    assert printed.count("target layer") == 2
    assert vn.open_record(out).layers == ("0.0", "0")


def test_info_shows_one_layer_or_all(run: Command, record: Path) -> None:
    assert [one["layer"] for one in json.loads(run("info", record, "--json")[1])["layers"]] == ["0.0", "0"]
    (layer,) = json.loads(run("info", record, "--json", "--layer", "0.0")[1])["layers"]
    assert layer["layer"] == "0.0"
    assert run("info", record, "--layer", "0.0")[1].count("target layer") == 1


def test_neurons_of_a_layer(run: Command, record: Path, tmp_path: Path) -> None:
    for layer in ("0.0", "0"):
        status, printed, _ = run("neurons", record, "--pair", 0, "--layer", layer, "--format", "csv")
        assert status == 0
        (tmp_path / "neurons.csv").write_text(printed)
        found = pd.read_csv(tmp_path / "neurons.csv", index_col="neuron").sort_index()
        expected = vn.Analysis(record, layer=layer).neurons(0)
        pd.testing.assert_series_equal(found.curve_gap, expected.curve_gap, check_dtype=False, rtol=1e-6)
    assert ", 0.0, by" in run("neurons", record, "--pair", 0, "--layer", "0.0")[1]


@pytest.mark.parametrize(
    "command", [("info",), ("neurons", "--pair", 0), ("serve", "--no-open", "--port", 0)]
)
def test_unknown_layer_is_one_line(run: Command, record: Path, command: tuple[str, ...]) -> None:
    name, *options = command
    status, _, err = run(name, record, *options, "--layer", "nowhere")
    assert status == 1
    assert "has no layer 'nowhere'. Allowed: 0.0, 0." in err
    assert "Traceback" not in err

"""Figures show what the analysis says."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, colour_net, colour_pictures

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from vulneuron import plots
from vulneuron.errors import MeasureError


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> vn.Analysis:
    pictures, labels = colour_pictures(a_class=10)
    out = tmp_path_factory.mktemp("figures") / "run.zarr"
    record = vn.analyze(colour_net(), pictures, labels, out=out, class_names=CLASS_NAMES)
    return vn.Analysis(record, vn.load_classifier(record, colour_net()), settings=vn.Settings(stride=4))


@pytest.fixture(autouse=True)
def _closed() -> None:
    plt.close("all")


def drawn(figure: Figure, path: Path) -> Figure:
    """Draw it as it is saved: warnings are errors, and an empty file is none."""
    figure.savefig(path / "figure.png")
    assert (path / "figure.png").stat().st_size > 1000
    return figure


def test_curves_are_the_sorted_contributions(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.contribution_curves(analysis, 0, sort_by="curve_gap", highlight=[2]), tmp_path)
    table = analysis.neurons(0).sort_values("curve_gap", kind="stable")
    benign, adversarial = figure.axes[0].lines[:2]
    np.testing.assert_allclose(np.asarray(benign.get_ydata()), table.contribution_benign)
    np.testing.assert_allclose(np.asarray(adversarial.get_ydata()), table.contribution_adversarial)
    assert "inhibited" in figure.axes[0].get_xlabel()
    assert figure.axes[0].texts[0].get_text() == "2"


def test_receptive_fields_are_those_of_the_analysis(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.receptive_fields(analysis, 0, [0, 1]), tmp_path)
    shown = np.asarray(figure.axes[3].images[0].get_array())
    expected = analysis.receptive_field(0, [0, 1], "adversarial").image
    np.testing.assert_allclose(shown, np.moveaxis(expected, 0, -1))
    assert analysis.record.pairs.benign_label[0] in figure.axes[0].get_title()


def test_maps_are_those_of_the_analysis(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.vulnerability_maps(analysis, 1), tmp_path)
    maps = analysis.vulnerability_maps(1, stride=4)
    shown = np.asarray(figure.axes[0].images[1].get_array())
    assert shown.shape == (12, 12)
    assert shown[0, 0] == maps.benign_drop[0, 0]
    assert {ax.get_title() for ax in figure.axes} >= {"benign drop", "adversarial gain", "top 20 %"}


def test_context_has_a_column_a_pair(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.context(analysis, 0, 2, count=3), tmp_path)
    pairs = analysis.context(0, 2, count=3).pairs
    assert [ax.get_title() for ax in figure.axes[: len(pairs)]] == [f"pair {pair}" for pair in pairs]


def test_dendrogram_has_all_merges(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.dendrogram(analysis, 0, clusters=2, highlight=[1]), tmp_path)
    merges = sum(len(collection.get_paths()) for collection in figure.axes[0].collections)
    assert merges == 3
    assert "4 neurons" in figure.axes[0].get_title()


def test_matrix_shows_the_counts(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.prediction_matrix(analysis), tmp_path)
    counts = analysis.prediction_matrix().to_numpy()
    shown = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_array_equal(shown, counts)
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == counts.sum()
    assert plots.prediction_matrix(analysis, most=1).axes[0].images[0].get_array().shape == (1, 1)  # type: ignore[union-attr]


def test_unknown_measure_is_refused(analysis: vn.Analysis) -> None:
    with pytest.raises(MeasureError, match="sort_by = 'size'"):
        plots.contribution_curves(analysis, 0, sort_by="size")

"""Figures show the values of the analysis."""

import shutil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from vulneuron import plots
from vulneuron.errors import MeasureError
from vulneuron.measures import SIDES


@pytest.fixture(scope="module")
def analysis(linear_record: Path, tmp_path_factory: pytest.TempPathFactory) -> vn.Analysis:
    # Some tests compute maps.
    copied = shutil.copytree(linear_record, tmp_path_factory.mktemp("figures") / "run.zarr")
    record = vn.open_record(copied)
    return vn.Analysis(record, vn.load_classifier(record, color_net()), settings=vn.Settings(stride=4))


@pytest.fixture(autouse=True)
def _closed() -> None:
    plt.close("all")


def drawn(figure: Figure, path: Path) -> Figure:
    """Save the figure, and check that the file is not empty; warnings are errors."""
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
    legend = figure.axes[0].get_legend()
    assert legend is not None
    summary = analysis.pair(0)
    assert [text.get_text() for text in legend.get_texts()] == [
        f"{summary.benign_label} (benign)",
        f"{summary.adversarial_label} (adversarial)",
        f"band of {summary.benign_label}",
        f"band of {summary.adversarial_label}",
    ]


def test_bands_are_drawn_between_their_bounds(analysis: vn.Analysis) -> None:
    figure = plots.contribution_curves(analysis, 0, sort_by="curve_gap")
    table = analysis.neurons(0)
    for area, side in zip(figure.axes[0].collections, ("benign", "adversarial"), strict=True):
        drawn = area.get_datalim(figure.axes[0].transData)
        assert drawn.y0 == pytest.approx(table[f"band_{side}_low"].min())
        assert drawn.y1 == pytest.approx(table[f"band_{side}_high"].max())
        assert np.asarray(area.get_linewidth()).min() >= 1


def test_without_bands_curves_are_sorted_by_their_gap(tmp_path: Path) -> None:
    record = few_pairs(tmp_path)
    analysis = vn.Analysis(record)
    figure = plots.contribution_curves(analysis, 0)
    assert analysis.neurons(0).band_gap.isna().all()
    assert "by curve gap" in figure.axes[0].get_xlabel()
    assert not figure.axes[0].collections
    with pytest.raises(MeasureError, match="band_gap has no values here"):
        plots.contribution_curves(analysis, 0, sort_by="band_gap")
    assert figure_texts(plots.context(analysis, 0, 1)) >= {"no other pair of these labels"}


def few_pairs(folder: Path) -> vn.Record:
    """One image per class: no class has a band, and no pair has context."""
    pictures, labels = color_pictures(a_class=1, wrong=0)
    out = folder / "few.zarr"
    return vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES)


def figure_texts(figure: Figure) -> set[str]:
    return {ax.get_title() for ax in figure.axes}


def test_receptive_fields_equal_the_analysis(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.receptive_fields(analysis, 0, [0, 1]), tmp_path)
    shown = np.asarray(figure.axes[3].images[0].get_array())
    expected = analysis.receptive_field(0, [0, 1], "adversarial").image
    np.testing.assert_allclose(shown, np.moveaxis(expected, 0, -1))
    assert analysis.record.pairs.benign_label[0] in figure.axes[0].get_title()


def test_vulnerability_maps_equal_the_analysis(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.vulnerability_maps(analysis, 1), tmp_path)
    maps = analysis.vulnerability_maps(1)
    assert maps.stride == 4
    image = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(image, np.moveaxis(analysis.record.images(1, "benign"), 0, -1))
    shown = np.asarray(figure.axes[1].images[1].get_array())
    assert shown.shape == (12, 12)
    assert shown[0, 0] == maps.benign_drop[0, 0]
    assert figure_texts(figure) >= {"benign drop", "adversarial gain", "its top 20 %"}


def test_context_has_one_column_per_pair(analysis: vn.Analysis, tmp_path: Path) -> None:
    figure = drawn(plots.context(analysis, 0, 2, count=3), tmp_path)
    pairs = analysis.context(0, 2, count=3).pairs
    assert [ax.get_title() for ax in figure.axes[: len(pairs)]] == [f"pair {pair}" for pair in pairs]
    for row, side in enumerate(SIDES):
        for column, pair in enumerate(map(int, pairs)):
            shown = figure.axes[row * len(pairs) + column].images[0].get_array()
            expected = analysis.receptive_field(pair, 2, side).image
            np.testing.assert_allclose(np.asarray(shown), np.moveaxis(expected, 0, -1))


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


def test_the_title_of_the_matrix_counts_the_pairs_shown(analysis: vn.Analysis) -> None:
    counts = analysis.prediction_matrix()
    assert plots.prediction_matrix(analysis).axes[0].get_title() == ""
    figure = plots.prediction_matrix(analysis, most=1)
    row, column = counts.sum(axis=1).nlargest(1).index[0], counts.sum(axis=0).nlargest(1).index[0]
    part = f"{counts.loc[row, column]} of {counts.to_numpy().sum()} pairs"
    assert part in figure.axes[0].get_title()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda analysis: plots.contribution_curves(analysis, 0, sort_by="size"), "sort_by = 'size'"),
        (lambda analysis: plots.contribution_curves(analysis, 0, highlight=[99]), "given neuron 99"),
        (lambda analysis: plots.dendrogram(analysis, 0, clusters=2, highlight=[99]), "given neuron 99"),
        (lambda analysis: plots.dendrogram(analysis, 0, clusters=0), "given 0 clusters"),
        (lambda analysis: plots.receptive_fields(analysis, 999, 1), "given pair 999"),
        (lambda analysis: plots.prediction_matrix(analysis, most=0), "most = 0"),
    ],
)
def test_bad_arguments_are_refused(analysis: vn.Analysis, draw: Any, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        draw(analysis)

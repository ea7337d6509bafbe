"""Figures as files and as drawings: their texts, sizes and pixels are those of the analysis."""

import base64
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pypdfium2
import pytest
from PIL import Image

import vulneuron as vn
from runs import CLASS_NAMES, SIDE, color_net, color_pictures
from vulneuron import plots
from vulneuron.errors import MeasureError
from vulneuron.measures import SIDES
from vulneuron.plots.figure import RESOLUTION, Figure
from vulneuron.plots.request import FIGURES, FigureRequest

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
#: Arguments for each figure, and texts that it contains.
EXAMPLES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "scatterplots": ({"highlight": "0-3", "focus": 1}, {"Benign", "Adversarial", *CLASS_NAMES}),
    "prediction_matrix": ({"cells": ["red:"]}, {"true ↓", *CLASS_NAMES}),
    "pairs": ({"pairs": "all", "count": 3, "picture": "difference"}, {"smallest perturbation first, 3 of"}),
    "neurons": ({"pairs": 0, "focus": 1}, {"Pair 0: ", "most inhibited →", "box: 95 % of class mean"}),
    "neuron": ({"pair": 1, "neurons": [0, 2], "beside": 3}, {"Neuron 3", "outlined: top 20 %"}),
    "context": ({"pair": 0, "neuron": 2, "count": 3}, {"Neuron 2 on other pairs than 0", "its probability"}),
    "clusters": ({"pair": 0, "clusters": 2, "neurons": [1], "focus": 2}, {"neuron 2", "cut", "size"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def analysis(linear_record: Path, tmp_path_factory: pytest.TempPathFactory) -> vn.Analysis:
    # Some tests compute maps.
    copied = shutil.copytree(linear_record, tmp_path_factory.mktemp("figures") / "run.zarr")
    record = vn.open_record(copied)
    return vn.Analysis(record, vn.load_classifier(record, color_net()), settings=vn.Settings(stride=4))


def parsed(svg: bytes) -> Xml.Element:
    return Xml.fromstring(svg)  # noqa: S314  our own file


def texts(svg: bytes) -> list[str]:
    return ["".join(node.itertext()) for node in parsed(svg).iter(f"{SVG}text")]


def pictures(svg: bytes) -> list[npt.NDArray[np.uint8]]:
    """The images in a file, as they are stored."""
    found = parsed(svg).iter(f"{SVG}image")
    encoded = [node.attrib[HREF].removeprefix("data:image/png;base64,") for node in found]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in encoded]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_a_vector_file_with_text_and_has_its_width(name: str, analysis: vn.Analysis) -> None:
    arguments, expected = EXAMPLES[name]
    figure = FIGURES[name](analysis, width=114, **arguments)
    svg, pdf, png = (figure.to_bytes(form, 2) for form in ("svg", "pdf", "png"))
    written = "\n".join(texts(svg))
    assert all(text in written for text in expected)
    assert len(list(parsed(svg).iter(f"{SVG}path"))) > 3
    page = pypdfium2.PdfDocument(pdf)[0]
    assert page.get_width() == pytest.approx(114 / 25.4 * 72, abs=0.1)
    read = page.get_textpage().get_text_range()
    assert all(text in read for text in expected if "→" not in text and "↓" not in text and "\n" not in text)
    drawn = np.asarray(page.render(scale=1).to_pil().convert("L"))
    assert 0.001 < (drawn < 200).mean() < 0.6
    size = Image.open(io.BytesIO(png)).size
    assert size[0] == pytest.approx(114 / 25.4 * RESOLUTION * 2, abs=1)
    assert size[1] / size[0] == pytest.approx(page.get_height() / page.get_width(), abs=0.01)


@pytest.mark.parametrize("name", FIGURES)
def test_the_code_of_a_figure_draws_the_same(name: str, analysis: vn.Analysis, tmp_path: Path) -> None:
    arguments, _ = EXAMPLES[name]
    form = "png" if name in {"pairs", "neuron"} else "svg"
    request = FigureRequest(name, {**arguments, "width": 85.0, "title": "A title"}, analysis.settings)
    file = tmp_path / f"figure.{form}"
    # Maps are computed once, and stored in the record, so the code does not need the network.
    analysis.vulnerability_maps(1)
    code = request.code(analysis, str(file), scale=2)
    exec(compile(code, "code", "exec"), {})  # noqa: S102  our own code
    assert file.read_bytes() == request.draw(analysis).to_bytes(form, 2)
    assert "vn.Settings(stride=4)" in code
    assert f"plots.{name}" in code


def test_code_has_only_arguments_that_are_not_the_default(analysis: vn.Analysis) -> None:
    arguments = {"pairs": "red:green", "order": "l2_up", "count": 6, "title": None, "width": 178.0}
    code = FigureRequest("pairs", arguments, vn.Settings()).code(analysis, "pairs.pdf")
    assert code.splitlines()[2:] == [
        "",
        f'analysis = vn.Analysis("{analysis.record.path}")',
        'figure = plots.pairs(analysis, "red:green", count=6)',
        'figure.savefig("pairs.pdf")',
    ]


def test_curves_are_the_sorted_contributions_between_their_bands(analysis: vn.Analysis) -> None:
    figure = plots.neurons(analysis, 0, sort="curve_gap", shown=(1, 4))
    table = analysis.neurons(0).sort_values("curve_gap", kind="stable").iloc[1:4]
    lines = {str(line.get_label()): line for line in figure.axes[0].lines}
    for side in SIDES:
        np.testing.assert_allclose(np.asarray(lines[side].get_ydata()), table[f"contribution_{side}"])
    assert figure.axes[0].get_xlim() == (1, 4)
    boxes = figure.axes[0].containers[0]
    np.testing.assert_allclose(
        [box.get_y() + box.get_height() / 2 for box in boxes],
        (table.band_benign_low + table.band_benign_high) / 2,
    )


def test_means_are_drawn_for_several_pairs(analysis: vn.Analysis) -> None:
    figure = plots.neurons(analysis, [0, 1, 2], sort="neuron", colors="labels")
    means = analysis.mean_neurons([0, 1, 2])
    line = next(line for line in figure.axes[0].lines if line.get_label() == "benign")
    np.testing.assert_allclose(np.asarray(line.get_ydata()), means.contribution_benign)
    assert any(text.startswith("Means over ") for text in texts(figure.to_bytes("svg")))


def test_intervals_of_ranks_are_those_of_the_analysis(analysis: vn.Analysis) -> None:
    figure = plots.neurons(analysis, "all", sort="curve_gap", neurons=[2])
    ranked = analysis.rank(range(analysis.data.count), sort_by="curve_gap").sort_values("rank")
    assert (ranked.rank_low < ranked.rank_high).any()
    lines: Any = figure.axes[1].collections[0]
    ends = np.array([segment[:, 1] for segment in lines.get_segments()])
    np.testing.assert_allclose(ends, ranked[["rank_low", "rank_high"]] + [-0.5, 0.5])
    assert "rank" in texts(figure.to_bytes("svg"))
    assert "rank" not in texts(plots.neurons(analysis, 0, sort="curve_gap").to_bytes("svg"))


def test_without_bands_neurons_are_sorted_by_the_curve_gap(tmp_path: Path) -> None:
    images, labels = color_pictures(a_class=1, wrong=0)
    record = vn.analyze(color_net(), images, labels, out=tmp_path / "few.zarr", class_names=CLASS_NAMES)
    analysis = vn.Analysis(record)
    written = texts(plots.neurons(analysis, 0).to_bytes("svg"))
    assert "Curve gap" in written
    assert any(text.startswith("no band of") for text in written)
    with pytest.raises(MeasureError, match="band_gap has no values here"):
        plots.neurons(analysis, 0, sort="band_gap")
    assert "no other pair of these labels" in texts(plots.context(analysis, 0, 1).to_bytes("svg"))


def test_images_keep_their_own_pixels(analysis: vn.Analysis) -> None:
    """Also in vector files, where they are not smoothed."""
    svg = plots.neuron(analysis, 0, 1, maps=False, probabilities=False).to_bytes("svg")
    assert b"image-rendering" in svg
    found = pictures(svg)
    assert [picture.shape for picture in found] == [(SIDE, SIDE, 3)] * 2
    for picture, side in zip(found, SIDES, strict=True):
        mask = analysis.receptive_field(0, 1, side).mask
        image = np.moveaxis(analysis.record.images(0, side), 0, -1)
        expected = np.rint(255 * image) if mask.any() else np.rint(127.5 + np.rint(255 * image) / 2)
        captured = mask if mask.any() else np.ones_like(mask)
        np.testing.assert_allclose(picture[captured], expected[captured], atol=1)
        assert not captured.all() or not mask.any() or (picture == expected).all()


def test_maps_have_one_scale_from_zero_to_the_largest_value(analysis: vn.Analysis) -> None:
    maps, overlap = analysis.vulnerability_maps(1), analysis.overlap(1, 2)
    svg = plots.neuron(analysis, 1, 2, probabilities=False).to_bytes("svg")
    darkest = [picture.sum(axis=2).min() for picture in pictures(svg)[2:4]]
    largest = [maps.benign_drop.max(), maps.adversarial_gain.max()]
    # #30103e is the color of the largest value.
    assert darkest[int(np.argmax(largest))] == 0x30 + 0x10 + 0x3E
    written = texts(svg)
    assert f"{max(largest):.3g}" in written
    iou = f"IoU {overlap.benign_drop:.2f}".replace("0.", ".")
    assert any(text == iou for text in written)


def test_probabilities_after_a_substitution_are_those_of_the_analysis(analysis: vn.Analysis) -> None:
    written = texts(plots.neuron(analysis, 0, [0, 1], maps=False).to_bytes("svg"))
    logits = analysis.substitute(0, [0, 1], into="benign").logits.astype(float)
    after = np.exp(logits) / np.exp(logits).sum()
    shown = [f"{value:.2f}".removeprefix("0") if value >= 0.005 else "<.01" for value in after]
    assert set(shown) <= set(written)
    assert "If these 2 were repaired" in written


def test_the_matrix_has_the_counts_of_the_classes_shown(analysis: vn.Analysis) -> None:
    counts = analysis.prediction_matrix()
    written = texts(plots.prediction_matrix(analysis).to_bytes("svg"))
    assert written[0] == f"Predictions of all {counts.to_numpy().sum()} pairs"
    numbers = [int(text) for text in written if text.isdigit()]
    assert sorted(numbers) == sorted(count for count in counts.to_numpy().ravel() if count)
    part = plots.prediction_matrix(analysis, true_labels=["red"], adversarial_labels=["green", "blue"])
    shown = counts.loc["red", ["green", "blue"]].sum()
    few = texts(plots.prediction_matrix(analysis, pairs="0-4").to_bytes("svg"))
    assert few[0].startswith("Predictions of 5 of")
    assert sum(int(text) for text in few if text.isdigit()) == 5
    assert texts(part.to_bytes("svg"))[0] == f"Predictions of {shown} of {counts.to_numpy().sum()} pairs"


def test_very_many_cells_are_one_image(analysis: vn.Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vulneuron.plots.matrix.MOST_CELLS", 8)
    (cells,) = plots.prediction_matrix(analysis).axes[0].images
    pixels, counts = np.asarray(cells.get_array()), analysis.prediction_matrix().to_numpy()
    low, high = (plots.colors.channels(color) for color in plots.colors.MATRIX)
    assert (pixels[counts == 0] == low).all()
    assert (pixels[counts == counts.max()] == high).all()


def test_rare_classes_are_summed_up(analysis: vn.Analysis) -> None:
    assert "other" not in texts(plots.prediction_matrix(analysis, most=3).to_bytes("svg"))
    written = texts(plots.prediction_matrix(analysis, most=2, title="").to_bytes("svg"))
    assert written.count("other") == 2
    numbers = [int(text) for text in written if text.isdigit()]
    assert sum(numbers) == analysis.prediction_matrix().to_numpy().sum()


def test_all_points_and_the_chosen_ones_are_in_the_scatterplots(analysis: vn.Analysis) -> None:
    figure = plots.scatterplots(analysis, highlight="red:", color="both", hidden=["blue"])
    pairs = analysis.record.pairs
    labels = (pairs.benign_label, pairs.adversarial_label, pairs.benign_label)
    assert len(figure.axes) == 3
    for ax, label in zip(figure.axes, labels, strict=True):
        plain, chosen = (len(np.asarray(points.get_offsets())) for points in ax.collections)
        assert plain + chosen == (label != "blue").sum()
        assert chosen == ((pairs.benign_label == "red") & (label != "blue")).sum()
    assert "blue" not in [text.get_text() for text in figure.axes[0].texts]


def test_a_dendrogram_has_all_merges_and_the_sizes_of_its_clusters(analysis: vn.Analysis) -> None:
    figure = plots.clusters(analysis, 0, clusters=2, neurons=[0, 1, 2, 3])
    merges = [len(np.asarray(lines.get_segments())) for lines in figure.axes[0].collections]  # type: ignore[attr-defined]
    # All merges, and again in the color of the chosen neurons' subtree.
    assert sum(merges) == 3 + 3
    written = texts(figure.to_bytes("svg"))
    sizes = np.bincount(analysis.dendrogram(0).cut_count(2))
    assert {str(size) for size in sizes} <= set(written)
    assert "4 neurons" in written


def test_a_figure_does_not_depend_on_settings_of_the_user(analysis: vn.Analysis) -> None:
    before = plots.prediction_matrix(analysis).to_bytes("svg")
    with mpl.rc_context({"font.size": 20, "svg.fonttype": "path", "text.color": "red"}):
        figure = plots.prediction_matrix(analysis)
        assert figure.to_bytes("svg") == before
        assert mpl.rcParams["font.size"] == 20
        stream = io.BytesIO()
        figure.savefig(stream, format="svg")
        assert stream.getvalue() == before


def test_texts_of_users_stay_texts(analysis: vn.Analysis) -> None:
    title = "$x_1$ <b>\x01\n& " + "w" * 300
    written = texts(plots.pairs(analysis, [0], title=title).to_bytes("svg"))[0]
    assert written.startswith("$x_1$ <b> & www")
    assert written.endswith("w…")
    assert plots.pairs(analysis, [0], title="").get_figheight() < plots.pairs(analysis, [0]).get_figheight()


def test_notebooks_show_a_figure_by_itself(analysis: vn.Analysis) -> None:
    figure = plots.pairs(analysis, [0])
    assert isinstance(figure, Figure)
    shown = figure._repr_png_()
    assert Image.open(io.BytesIO(shown)).width == pytest.approx(178 / 25.4 * 1.5 * RESOLUTION, abs=1)


Draw = Callable[[vn.Analysis], Figure]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda analysis: plots.neurons(analysis, 0, sort="size"), "sort_by = 'size'"),
        (lambda analysis: plots.neurons(analysis, 0, neurons=[99]), "given neuron 99"),
        (lambda analysis: plots.neurons(analysis, 0, shown=(3, 3)), r"given shown = \(3, 3\)"),
        (lambda analysis: plots.neurons(analysis, 0, shown=(0, "a")), "given shown"),  # type: ignore[arg-type]
        (lambda analysis: plots.prediction_matrix(analysis, cells="red"), "given the cell 'red'"),
        (lambda analysis: plots.prediction_matrix(analysis, true_labels="no"), "true_labels with 'no'"),
        (lambda analysis: plots.clusters(analysis, 0, clusters=2, neurons=[99]), "given neuron 99"),
        (lambda analysis: plots.clusters(analysis, 0, clusters=0), "given 0 clusters"),
        (lambda analysis: plots.neuron(analysis, 999, 1), "given pair 999"),
        (lambda analysis: plots.pairs(analysis, "red:purple"), "given class 'purple'"),
        (lambda analysis: plots.pairs(analysis, count=0), "count = 0"),
        (lambda analysis: plots.pairs(analysis, width=8), "given width = 8"),
        (lambda analysis: plots.scatterplots(analysis, hidden=["purple"]), "given hidden with 'purple'"),
        (lambda analysis: plots.prediction_matrix(analysis, most=0), "most = 0"),
        (lambda analysis: plots.prediction_matrix(analysis, true_labels=[]), "given no true_labels"),
    ],
)
def test_bad_arguments_are_refused(analysis: vn.Analysis, draw: Draw, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        draw(analysis)


def test_classes_of_a_reduced_page_have_the_first_colors(analysis: vn.Analysis) -> None:
    first, second = plots.colors.CLASSES[:2]
    every = plots.pairs(analysis, "green:").to_bytes("svg").decode()
    some = plots.pairs(analysis, "green:", classes=["green", "blue"]).to_bytes("svg").decode()
    assert second in every
    assert first in some
    assert second in some


def test_colors_are_those_of_the_page() -> None:
    web = Path(__file__).parents[2] / "web" / "src"
    declared = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}),", (web / "app.css").read_text()))
    colors = plots.colors
    expected = {
        "ink": colors.INK, "muted": colors.MUTED, "faint": colors.FAINT, "panel": colors.PANEL,
        "sunk": colors.SUNK, "hair": colors.HAIR, "axis": colors.AXIS, "benign": colors.BENIGN,
        "adversarial": colors.ADVERSARIAL, "mask": colors.MASK,
        **dict(zip(("matrix-low", "matrix-high"), colors.MATRIX, strict=True)),
        **{f"map-{place}": color for place, color in enumerate(colors.MAP)},
        **{f"group-{place}": color for place, color in enumerate(colors.GROUPS)},
    }  # fmt: skip
    assert {name: declared[name] for name in expected} == expected
    classes = (web / "lib" / "colors.ts").read_text().partition("CLASS_COLORS = [")[2].partition("]")[0]
    assert tuple(re.findall(r"#\w{6}", classes)) == colors.CLASSES

"""Data overview: plots, matrix and legend agree with `Analysis`, and select the right pairs."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.neuron_view import probability
from browser.overview import (
    PLOTS,
    Points,
    address,
    draw_lasso,
    expect_selection,
    focused,
    fullest,
    inside,
    labels,
    legend_colors,
    loneliest,
    painted,
    places,
    plot,
    projection,
)

SIDES = ("benign", "adversarial")
#: Pixels from the pointer to a point that it is on: others can lie above the nearest one.
_REACH = 7
#: Regular polygon around the middle of a plot, in parts of its size.
_LASSO = np.array([(np.cos(angle), np.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False)])


@pytest.fixture
def everything(open_page: OpenPage, record: str) -> Page:
    """A page on which all pairs are selected."""
    return open_page(record, "pairs=all")


def _circle(page: Page, side: str, part: float) -> Points:
    box = plot(page, side).bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return np.array(middle) + part * min(box["width"], box["height"]) / 2 * _LASSO


def _lasso_of(page: Page) -> tuple[str, Points]:
    """Side and corners of the lasso that the address names."""
    side, *corners = address(page)["pairs"].split("_")
    return side, np.array(
        [[float(f"{a}.{b}"), float(f"{c}.{d}")] for a, b, c, d in (x.split("*") for x in corners)]
    )


@pytest.mark.parametrize("side", SIDES)
def test_points_have_the_colors_of_theirlabels(everything: Page, analysis: vn.Analysis, side: str) -> None:
    legend = legend_colors(everything)
    for choice, labeled in (("true label", "benign"), ("predicted label", side)):
        everything.get_by_role("group", name="color by").get_by_text(choice).click()
        wanted = {legend[name] for name in labels(analysis, labeled)}
        expect(everything.get_by_role("radio", name=choice)).to_be_checked()
        colors, faint = painted(everything, side)
        # Classes with few points can be hidden by others; mixtures at edges are rare.
        common = {color for color, count in colors.items() if count > 8}
        assert common & set(legend.values()) <= wanted
        assert len(common & wanted) > len(wanted) / 2
        assert not faint


def test_unselected_points_turn_grey(page: Page, analysis: vn.Analysis) -> None:
    legend = legend_colors(page)
    benign, _ = fullest(analysis)
    for side in SIDES:
        colors, faint = painted(page, side)
        assert legend[benign] in colors
        assert not set(colors) & {color for name, color in legend.items() if name != benign}
        assert faint > 0


def test_a_lasso_selects_what_is_inside_of_it(everything: Page, analysis: vn.Analysis) -> None:
    page = everything
    everything.get_by_role("button", name="lasso").click()
    draw_lasso(page, _circle(page, "adversarial", 0.7))
    expect(page.get_by_role("status").filter(has_text="lasso in the adversarial plot")).to_be_visible()
    side, polygon = _lasso_of(page)
    assert side == "adversarial"
    chosen = inside(polygon, projection(analysis, side))
    assert 0 < chosen.sum() < chosen.size
    expect_selection(page, "lasso in the adversarial plot", int(chosen.sum()))
    # The points of these pairs stay in color in both plots; the button is for one lasso.
    for one in SIDES:
        colors, faint = painted(page, one)
        assert colors
        assert faint > 0
    expect(page.get_by_role("button", name="lasso")).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect_selection(page, "lasso in the adversarial plot", int(chosen.sum()))


def test_shift_and_drag_is_a_lasso(everything: Page, analysis: vn.Analysis) -> None:
    everything.keyboard.down("Shift")
    draw_lasso(everything, _circle(everything, "benign", 0.6))
    everything.keyboard.up("Shift")
    expect(everything.get_by_role("status").filter(has_text="lasso in the benign plot")).to_be_visible()
    side, polygon = _lasso_of(everything)
    expect_selection(
        everything, "lasso in the benign plot", int(inside(polygon, projection(analysis, side)).sum())
    )


@pytest.mark.parametrize("side", SIDES)
def test_hovering_names_the_pair(everything: Page, analysis: vn.Analysis, side: str) -> None:
    points = places(everything, analysis, side)
    pointer = points[loneliest(points)]
    everything.mouse.move(*pointer)
    tooltip = everything.get_by_role("tooltip")
    expect(tooltip).to_be_visible()
    pair = int(re.findall(r"pair (\d+) ", tooltip.inner_text())[0])
    assert np.linalg.norm(points[pair] - pointer) < _REACH
    known = analysis.pair(pair)
    for name, p in (
        (known.benign_label, analysis.record.pairs["benign_label_p_benign"][pair]),
        (known.adversarial_label, analysis.record.pairs["adversarial_label_p_adversarial"][pair]),
    ):
        expect(tooltip).to_contain_text(str(name))
        expect(tooltip).to_contain_text(f"p {probability(p)}")
    image = tooltip.locator("img")
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("one => one.naturalWidth") > 0
    for other in SIDES:
        x, y = _ring(plot(everything, other).locator("circle.hovered"))
        assert np.allclose((x, y), places(everything, analysis, other)[pair], atol=1)
    everything.mouse.move(2, 2)
    expect(tooltip).to_have_count(0)


def _ring(circle: Locator) -> tuple[float, float]:
    box = circle.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_clicking_a_point_focuses_its_pair(everything: Page, analysis: vn.Analysis) -> None:
    points = places(everything, analysis, "adversarial")
    pointer = points[loneliest(points)]
    everything.mouse.click(*pointer)
    expect(everything).to_have_url(re.compile(r"[?&]pair=\d+"))
    pair = int(address(everything)["pair"])
    assert np.linalg.norm(points[pair] - pointer) < _REACH
    expect(focused(everything)).to_have_attribute("title", re.compile(f"^pair {pair}:"))
    for side in SIDES:
        ring = _ring(plot(everything, side).locator("circle.ring-line"))
        assert np.allclose(ring, places(everything, analysis, side)[pair], atol=1)


def test_wheel_and_drag_zoom_and_pan_and_reset_undoes_it(everything: Page) -> None:
    box = plot(everything, "benign").bounding_box()
    assert box is not None
    before, _ = painted(everything, "benign")
    everything.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    everything.mouse.wheel(0, -600)
    reset = everything.get_by_role("button", name="Reset zoom: Benign images")
    expect(reset).to_be_visible()
    zoomed, _ = painted(everything, "benign")
    assert zoomed != before
    everything.mouse.down()
    everything.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 + 25, steps=5)
    everything.mouse.up()
    assert painted(everything, "benign")[0] != zoomed
    expect_selection(everything, "all pairs", _total(everything))
    reset.click()
    expect(reset).to_have_count(0)
    assert painted(everything, "benign")[0] == before


def _total(page: Page) -> int:
    text = page.get_by_role("region", name="Images and predictions").locator("header").inner_text()
    return int(re.findall(r"of ([\d,]+) pairs", text)[0].replace(",", ""))


def test_keys_zoom_a_plot(everything: Page) -> None:
    plot(everything, "adversarial").focus()
    before = painted(everything, "adversarial")
    everything.keyboard.press("+")
    reset = everything.get_by_role("button", name="Reset zoom: Adversarial images")
    expect(reset).to_be_visible()
    everything.keyboard.press("ArrowLeft")
    everything.keyboard.press("0")
    expect(reset).to_have_count(0)
    assert painted(everything, "adversarial") == before


def test_the_legend_hides_classes(everything: Page, analysis: vn.Analysis) -> None:
    legend = legend_colors(everything)
    name = max(set(labels(analysis, "benign")), key=labels(analysis, "benign").count)
    button = everything.get_by_role("group", name="Classes shown").get_by_role(
        "button", name=name, exact=True
    )
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    for side in SIDES:
        assert legend[name] not in painted(everything, side)[0]
    button.click(modifiers=["Shift"])
    expect(button).to_have_attribute("aria-pressed", "true")
    for side in SIDES:
        assert set(painted(everything, side)[0]) == {legend[name]}
    everything.get_by_role("button", name="show all classes").click()
    assert len(painted(everything, "benign")[0]) > 1
    assert "hidden" not in address(everything)


@pytest.mark.parametrize("record", ["demo"], indirect=True)
def test_a_long_legend_is_searched(everything: Page) -> None:
    names = list(legend_colors(everything))
    everything.get_by_label("Find a class in the legend").fill(names[-1].upper())
    assert list(legend_colors(everything)) == [name for name in names if names[-1].lower() in name.lower()]


def test_exports(page: Page, analysis: vn.Analysis, tmp_path: Path) -> None:
    for label, check in {"All pairs (CSV)": _check_pairs, "Prediction matrix (CSV)": _check_matrix}.items():
        with page.expect_download() as download:
            page.get_by_role("button", name="More: Images and predictions").click()
            page.get_by_role("button", name=label).click()
        download.value.save_as(tmp_path / "numbers.csv")
        with (tmp_path / "numbers.csv").open(encoding="utf-8") as file:
            check(list(csv.reader(file)), analysis)
    for label in ("Scatterplots (SVG)", "Prediction matrix (SVG)"):
        with page.expect_download() as download:
            page.get_by_role("button", name="More: Images and predictions").click()
            page.get_by_role("button", name=label).click()
        download.value.save_as(tmp_path / "picture.svg")
        text = (tmp_path / "picture.svg").read_text()
        assert ("data:image/png" in text) == (label == "Scatterplots (SVG)")
        assert text.startswith("<svg")


def _check_pairs(rows: list[list[str]], analysis: vn.Analysis) -> None:
    head, *body = rows
    assert len(body) == analysis.data.count
    column = head.index("perturbation_l2")
    wanted = analysis.record.pairs["perturbation_l2"].to_numpy()
    assert np.allclose([float(row[column]) for row in body], wanted, rtol=1e-6)


def _check_matrix(rows: list[list[str]], analysis: vn.Analysis) -> None:
    (_, *columns), *body = rows
    assert [row[0] for row in body] == columns
    assert sum(int(count) for row in body for count in row[1:]) == analysis.data.count
    counts = analysis.prediction_matrix()
    benign, adversarial = fullest(analysis)
    found = body[columns.index(benign)][1 + columns.index(adversarial)]
    assert int(found) == counts.loc[benign, adversarial]


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080), (1180, 720)])
def test_nothing_is_cut(open_page: OpenPage, record: str, size: tuple[int, int]) -> None:
    page = open_page(record, size=size)
    region = page.get_by_role("region", name="Images and predictions")
    outer = region.bounding_box()
    assert outer is not None
    for part in (*(plot(page, side) for side in PLOTS), region.get_by_role("grid")):
        box = part.bounding_box()
        assert box is not None
        assert outer["x"] <= box["x"]
        assert box["x"] + box["width"] <= outer["x"] + outer["width"]
        assert box["y"] + box["height"] <= outer["y"] + outer["height"]
        assert min(box["width"], box["height"]) > 80

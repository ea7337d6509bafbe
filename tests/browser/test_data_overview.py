"""Data overview: the plots agree with `Analysis`, and select the right pairs."""

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
    class_colors,
    class_names,
    draw_lasso,
    expect_selection,
    focused,
    fullest,
    inside,
    labels,
    loneliest,
    painted,
    places,
    plot,
    projection,
    select_all,
)

SIDES = ("benign", "adversarial")
#: Pixels from the pointer to a point that it is on: others can lie above the nearest one.
_REACH = 7
#: Regular polygon around the middle of a plot, in parts of its size.
_LASSO = np.array([(np.cos(angle), np.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False)])
cifar_only = pytest.mark.parametrize("record", ["cifar10"], indirect=True)


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


@cifar_only
def test_selected_points_stand_out_in_the_color_of_their_label(page: Page, analysis: vn.Analysis) -> None:
    colors, (benign, adversarial) = class_colors(page), fullest(analysis)

    def shown(side: str) -> set[str]:
        """Classes of the points that are opaque in a plot."""
        opaque, faint = painted(page, side)
        # The others are still there.
        assert faint > 0
        return {name for name, color in colors.items() if opaque[color] > 8}

    assert (shown("benign"), shown("adversarial")) == ({benign}, {adversarial})
    for side, name in zip(SIDES, (benign, adversarial), strict=True):
        bold = class_names(page, side).and_(page.locator(".chosen"))
        expect(bold).to_have_attribute("aria-label", name)
    page.get_by_role("group", name="color by").get_by_text("true label").click()
    assert (shown("benign"), shown("adversarial")) == ({benign}, {benign})
    page.get_by_role("group", name="color by").get_by_text("both").click()
    region = page.get_by_role("region", name="Images and predictions")
    expect(region.get_by_role("application")).to_have_count(3)
    for title in ("prediction", "true label"):
        expect(region.get_by_role("heading", name=f"Adversarial: {title}")).to_be_visible()
    page.reload()
    expect(region.get_by_role("application")).to_have_count(3)


@cifar_only
def test_names_are_on_their_points_and_show_single_classes(page: Page, analysis: vn.Analysis) -> None:
    select_all(page)
    name = max(set(labels(analysis, "benign")), key=labels(analysis, "benign").count)
    where = places(page, analysis, "benign")[np.array(labels(analysis, "benign")) == name]
    shown = class_names(page, "benign").and_(page.get_by_role("button", name=name, exact=True))
    assert np.allclose(_middle(shown), np.median(where, 0), atol=30)
    everything = painted(page, "benign")[1]
    shown.click()
    expect(class_names(page, "benign")).to_have_count(1)
    expect(class_names(page, "adversarial")).to_have_count(int(name in labels(analysis, "adversarial")))
    assert 0 < painted(page, "benign")[1] < everything
    assert "hidden" in address(page)
    shown.press("Enter")
    expect(class_names(page, "benign")).not_to_have_count(1)
    assert "hidden" not in address(page)
    shown.click(modifiers=["Shift"])
    expect(shown).to_have_count(0)
    page.get_by_role("button", name="show all classes").click()
    expect(shown).to_be_visible()


@cifar_only
def test_a_lasso_selects_what_is_inside_of_it(page: Page, analysis: vn.Analysis) -> None:
    page.get_by_role("button", name="lasso").click()
    draw_lasso(page, _circle(page, "adversarial", 0.7))
    expect(page.get_by_role("status").filter(has_text="lasso in the adversarial plot")).to_be_visible()
    side, polygon = _lasso_of(page)
    assert side == "adversarial"
    chosen = inside(polygon, projection(analysis, side))
    assert 0 < chosen.sum() < chosen.size
    expect_selection(page, "lasso in the adversarial plot", int(chosen.sum()))
    for one in SIDES:
        assert all(painted(page, one))
    # The button is for one lasso; a drag with the shift key is one, too.
    expect(page.get_by_role("button", name="lasso")).to_have_attribute("aria-pressed", "false")
    page.keyboard.down("Shift")
    draw_lasso(page, _circle(page, "benign", 0.6))
    page.keyboard.up("Shift")
    expect(page.get_by_role("status").filter(has_text="lasso in the benign plot")).to_be_visible()
    side, polygon = _lasso_of(page)
    count = int(inside(polygon, projection(analysis, side)).sum())
    expect_selection(page, "lasso in the benign plot", count)
    assert page.evaluate("getSelection().toString()") == ""
    page.reload()
    expect_selection(page, "lasso in the benign plot", count)


def test_points_are_hovered_and_clicked(open_page: OpenPage, record: str, analysis: vn.Analysis) -> None:
    page = open_page(record, "pairs=all")
    points = places(page, analysis, "adversarial")
    pointer = points[loneliest(page, "adversarial", points)]
    page.mouse.move(*pointer)
    tooltip = page.get_by_role("tooltip")
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
    for side in SIDES:
        ring = _middle(plot(page, side).locator("circle.hovered"))
        assert np.allclose(ring, places(page, analysis, side)[pair], atol=1)
    page.mouse.click(*pointer)
    expect(page).to_have_url(re.compile(rf"[?&]pair={pair}\b"))
    expect(focused(page)).to_have_attribute("title", re.compile(f"^pair {pair}:"))
    for side in SIDES:
        ring = _middle(plot(page, side).locator("circle.ring-line"))
        assert np.allclose(ring, places(page, analysis, side)[pair], atol=1)
    page.mouse.move(2, 2)
    expect(tooltip).to_have_count(0)


def _middle(shape: Locator) -> tuple[float, float]:
    box = shape.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@cifar_only
def test_wheel_drag_and_keys_zoom_and_pan(page: Page) -> None:
    box = plot(page, "benign").bounding_box()
    assert box is not None
    before, _ = painted(page, "benign")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -600)
    reset = page.get_by_role("button", name="Reset zoom: Benign images")
    expect(reset).to_be_visible()
    zoomed, _ = painted(page, "benign")
    assert zoomed != before
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 + 25, steps=5)
    page.mouse.up()
    assert painted(page, "benign")[0] != zoomed
    reset.click()
    expect(reset).to_have_count(0)
    assert painted(page, "benign")[0] == before
    plot(page, "benign").focus()
    page.keyboard.press("+")
    expect(reset).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("0")
    expect(reset).to_have_count(0)
    assert painted(page, "benign")[0] == before


@cifar_only
def test_exports(page: Page, analysis: vn.Analysis, tmp_path: Path) -> None:
    for label, check in {"All pairs (CSV)": _check_pairs, "Prediction matrix (CSV)": _check_matrix}.items():
        with page.expect_download() as download:
            page.get_by_role("button", name="More: Images and predictions").click()
            page.get_by_role("button", name=label).click()
        download.value.save_as(tmp_path / "numbers.csv")
        with (tmp_path / "numbers.csv").open(encoding="utf-8") as file:
            check(list(csv.reader(file)), analysis)


def _check_pairs(rows: list[list[str]], analysis: vn.Analysis) -> None:
    head, *body = rows
    assert len(body) == analysis.data.count
    column = head.index("perturbation_l2")
    wanted = analysis.record.pairs["perturbation_l2"].to_numpy()
    assert np.allclose([float(row[column]) for row in body], wanted, rtol=1e-6)


def _check_matrix(rows: list[list[str]], analysis: vn.Analysis) -> None:
    (_, *columns), *body = rows
    assert sum(int(count) for row in body for count in row[1:]) == analysis.data.count
    counts = analysis.prediction_matrix()
    benign, adversarial = fullest(analysis)
    found = next(row for row in body if row[0] == benign)[1 + columns.index(adversarial)]
    assert int(found) == counts.loc[benign, adversarial]


@pytest.mark.parametrize("record", ["demo"], indirect=True)
@pytest.mark.parametrize("size", [(1440, 900), (1180, 720)])
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

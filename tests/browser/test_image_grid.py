"""Image grid: the selected pairs in the order, with the images and with the numbers that `Analysis` has."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.neuron_view import probability
from browser.overview import (
    address,
    cards,
    cell,
    class_colors,
    color_of,
    expect_selection,
    focused,
    pair_of,
    plot,
    select_all,
)
from vulneuron.analysis import PAIR_ORDERS
from vulneuron.measures import SIDES

FIRST = "smallest perturbation first"


@pytest.fixture
def everything(open_page: OpenPage, record: str) -> Page:
    """A page on which all pairs are selected."""
    return open_page(record, "pairs=all")


def _ordered(analysis: vn.Analysis, label: str, pairs: np.ndarray | None = None) -> list[int]:
    name = next(order.name for order in PAIR_ORDERS if order.label == label)
    return [int(pair) for pair in analysis.order_pairs(name, pairs)]


def _choose_order(page: Page, label: str) -> None:
    page.get_by_label("Order of the pairs").select_option(label=label)


def _list(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Selected pairs")


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_pairs_are_listed_in_order(page: Page, analysis: vn.Analysis) -> None:
    known = analysis.pair(pair_of(focused(page)))
    listed = analysis.cell(known.benign_label, known.adversarial_label)
    for order in PAIR_ORDERS:
        _choose_order(page, order.label)
        _list(page).press("Home")
        expect(cards(page).first).to_have_attribute("aria-selected", "true")
        shown = [pair_of(card) for card in cards(page).all()]
        assert shown == _ordered(analysis, order.label, listed)[: len(shown)]


def test_a_card_shows_labels_probabilities_and_distance(page: Page, analysis: vn.Analysis) -> None:
    colors = class_colors(page)
    for card in cards(page).all()[:6]:
        pair = pair_of(card)
        known = analysis.pair(pair)
        p = [analysis.record.pairs[f"{side}_label_p_{side}"].to_numpy()[pair] for side in SIDES]
        names = (known.benign_label, known.adversarial_label)
        bars = card.locator(".bar > div")
        for side in (0, 1):
            bar = bars.nth(side)
            # Rare classes have no row or column, from which their color could be read.
            if names[side] in colors:
                assert (
                    color_of(bar.evaluate("one => getComputedStyle(one).backgroundColor"))
                    == colors[names[side]]
                )
            fill = bar.evaluate("one => one.offsetWidth / one.parentElement.offsetWidth")
            assert fill == pytest.approx(p[side], abs=0.03)
        numbers = card.locator(".numbers span").all_inner_texts()
        assert [numbers[0], numbers[2]] == [probability(one) for one in p]
        assert float(numbers[1]) == pytest.approx(known.perturbation_l2, rel=0.05)


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_thumbnails_have_the_chosen_size(page: Page) -> None:
    width = "one => one.offsetWidth"
    image = cards(page).first.locator(".image").first
    assert image.evaluate(width) == 64
    page.get_by_role("button", name="More: Pairs").click()
    slider = page.get_by_role("region", name="Pairs").get_by_role("slider")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    # Whole multiples of the images' 32 pixels.
    expect(image).to_have_js_property("offsetWidth", 96)
    expect(page).to_have_url(re.compile("thumbnail=96"))
    page.reload()
    expect(image).to_have_js_property("offsetWidth", 96)


def test_thumbnails_are_the_pairs_images(page: Page, analysis: vn.Analysis) -> None:
    card = cards(page).first
    image = card.locator(".image")
    expect(image.first).to_have_css("background-image", re.compile("thumbnails"))
    url, size, places = image.evaluate_all(
        "all => { const styles = all.map(one => getComputedStyle(one));"
        " return [styles[0].backgroundImage.slice(5, -2), styles[0].backgroundSize,"
        " styles.map(one => one.backgroundPosition)]; }"
    )
    answer = page.request.get(url)
    sprite = np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"), np.float64)
    width, height = (float(one) for one in re.findall(r"[\d.]+", size))
    box = image.first.bounding_box()
    assert box is not None
    wanted = analysis.data.images(pair_of(card))
    for place, pixels in zip(places, (wanted.benign, wanted.adversarial), strict=True):
        left, top = (-float(one) for one in re.findall(r"-?[\d.]+", place))
        rows = slice(*(round(one / height * sprite.shape[0]) for one in (top, top + box["height"])))
        columns = slice(*(round(one / width * sprite.shape[1]) for one in (left, left + box["width"])))
        part = sprite[rows, columns].mean((0, 1)) / 255
        assert np.allclose(part, pixels.reshape(pixels.shape[0], -1).mean(1), atol=0.01)


def test_many_pairs_are_scrolled_through(everything: Page, analysis: vn.Analysis) -> None:
    page = everything
    ordered = _ordered(analysis, FIRST)
    listed = _list(page)
    listed.press("Home")
    expect(focused(page)).to_have_attribute("aria-posinset", "1")
    expect(cards(page).first).to_have_attribute("aria-setsize", str(len(ordered)))
    assert cards(page).count() < min(len(ordered), 80)
    listed.press("End")
    expect(focused(page)).to_have_attribute("aria-posinset", str(len(ordered)))
    expect(focused(page)).to_be_in_viewport()
    values = analysis.record.pairs["perturbation_l2"].to_numpy()
    assert values[pair_of(focused(page))] == values.max()
    expect(focused(page).locator(".image").first).to_have_css("background-image", re.compile("thumbnails"))
    listed.evaluate("one => one.scrollTop = 0")
    expect(cards(page).first).to_have_attribute("aria-posinset", "1")


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_keys_move_the_focus(everything: Page) -> None:
    page = everything
    listed = _list(page)
    listed.press("Home")
    columns = len({card.bounding_box()["x"] for card in cards(page).all()})  # type: ignore[index]
    place = 1
    for key, by in (("ArrowRight", 1), ("ArrowDown", columns), ("ArrowLeft", -1), ("ArrowUp", -columns)):
        listed.press(key)
        place += by
        expect(focused(page)).to_have_attribute("aria-posinset", str(place))
    listed.press("PageDown")
    expect(focused(page)).not_to_have_attribute("aria-posinset", str(place))
    expect(focused(page)).to_be_in_viewport()


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_a_run_of_keys_is_one_step_to_go_back_from(page: Page) -> None:
    before = pair_of(focused(page))
    steps = page.evaluate("history.length")
    press = "one.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))"
    # At once, as a slow machine makes pauses between keys.
    _list(page).evaluate(f"one => {{ for (let at = 0; at < 3; at++) {press}; }}")
    expect(focused(page)).to_have_attribute("aria-posinset", "4")
    assert page.evaluate("history.length") == steps + 1
    page.go_back()
    expect(focused(page)).to_have_attribute("title", re.compile(f"^pair {before}:"))


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_a_click_focuses_a_pair(page: Page, analysis: vn.Analysis) -> None:
    before = pair_of(focused(page))
    other = cards(page).and_(page.locator("[aria-selected=false]")).first
    pair = pair_of(other)
    other.click()
    expect(focused(page)).to_have_attribute("title", re.compile(f"^pair {pair}:"))
    assert address(page)["pair"] == str(pair)
    page.go_back()
    expect(focused(page)).to_have_attribute("title", re.compile(f"^pair {before}:"))
    assert analysis.pair(pair).benign_label == analysis.pair(before).benign_label


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_a_new_selection_focuses_its_first_pair(page: Page, analysis: vn.Analysis) -> None:
    before = analysis.pair(pair_of(focused(page)))
    counts = analysis.prediction_matrix()
    label = page.get_by_role("gridcell").evaluate_all("all => all.map(one => one.ariaLabel)")
    benign, adversarial = next(
        (row, column)
        for row in counts.index
        for column in counts.columns
        if counts.loc[row, column]
        and (row, column) != (before.benign_label, before.adversarial_label)
        and any(one.startswith(f"{row} → {column}:") for one in label)
    )
    cell(page, benign, adversarial).click()
    listed = analysis.cell(benign, adversarial)
    expect_selection(page, f"{benign} → {adversarial}", len(listed))
    expect(focused(page)).to_have_attribute("aria-posinset", "1")
    assert pair_of(focused(page)) == _ordered(analysis, FIRST, listed)[0]
    # Clearing keeps the pair, as it is still one of them.
    kept = pair_of(focused(page))
    select_all(page)
    expect_selection(page, "all pairs", analysis.data.count)
    expect(focused(page)).to_be_in_viewport()
    assert pair_of(focused(page)) == kept


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_a_focused_pair_outside_of_the_selection_is_said(
    open_page: OpenPage, record: str, analysis: vn.Analysis
) -> None:
    labels = analysis.record.pairs[["benign_label", "adversarial_label"]].astype(str)
    counts = labels.value_counts()
    benign, adversarial = counts.index[0]
    outside = int(np.flatnonzero((labels["benign_label"] != benign).to_numpy())[0])
    page = open_page(record, f"pair={outside}")
    note = page.get_by_text(f"The focused pair {outside} ")
    known = analysis.pair(outside)
    expect(note).to_contain_text(f"{known.benign_label} → {known.adversarial_label}")
    expect(focused(page)).to_have_count(0)
    expect(plot(page, "benign").locator("circle.ring-line")).to_be_visible()
    note.get_by_role("button", name="Go to it").click()
    count = len(analysis.cell(known.benign_label, known.adversarial_label))
    expect_selection(page, f"{known.benign_label} → {known.adversarial_label}", count)
    assert pair_of(focused(page)) == outside
    expect(note).to_have_count(0)
    assert (benign, adversarial) != (known.benign_label, known.adversarial_label)


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_the_difference_is_shown_on_demand(page: Page, analysis: vn.Analysis) -> None:
    page.get_by_role("button", name="More: Pairs").click()
    page.get_by_role("group", name="picture").get_by_text("difference").click()
    card = cards(page).first
    image = card.locator("img")
    expect(image).to_have_js_property("complete", value=True)
    source = image.get_attribute("src")
    assert source is not None
    assert re.search(rf"pairs/{pair_of(card)}/images/difference\.png", source)
    shape = analysis.data.image_size
    assert image.evaluate("one => [one.naturalHeight, one.naturalWidth]") == list(shape)
    page.get_by_role("group", name="picture").get_by_text("adversarial").click()
    expect(image).to_have_count(0)


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_an_empty_selection_says_what_to_do(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "pairs=benign_900*00*900*00_901*00*900*00_901*00*901*00")
    expect_selection(page, "lasso in the benign plot", 0)
    expect(page.get_by_text("No pair is selected.")).to_be_visible()
    select_all(page)
    expect(cards(page).first).to_be_visible()


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_listed_pairs_are_exported(page: Page, analysis: vn.Analysis, tmp_path: Path) -> None:
    known = analysis.pair(pair_of(focused(page)))
    _choose_order(page, "least sure adversarial label first")
    with page.expect_download() as download:
        page.get_by_role("button", name="More: Pairs").click()
        page.get_by_role("button", name="Listed pairs (CSV)").click()
    download.value.save_as(tmp_path / "pairs.csv")
    with (tmp_path / "pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    listed = analysis.cell(known.benign_label, known.adversarial_label)
    assert [int(row["pair"]) for row in rows] == _ordered(
        analysis, "least sure adversarial label first", listed
    )
    assert {(row["benign_class"], row["adversarial_class"]) for row in rows} == {
        (str(known.benign_label), str(known.adversarial_label))
    }
    wanted = analysis.record.pairs["adversarial_label_p_adversarial"].to_numpy()
    found = [float(row["adversarial_probability"]) for row in rows]
    assert np.allclose(found, wanted[[int(row["pair"]) for row in rows]], rtol=1e-6)


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_what_a_click_needs_is_asked_for_while_the_pointer_rests(everything: Page) -> None:
    pair = pair_of(focused(everything).locator("xpath=preceding-sibling::*[1]"))
    card = cards(everything).and_(everything.locator(f"[id$='-{pair}']"))
    with everything.expect_response(re.compile(rf"/pairs/{pair}/dendrogram")):
        card.hover()
    settle(everything)
    asked: list[str] = []
    everything.on("request", lambda request: asked.append(request.url))
    card.click()
    expect(focused(everything)).to_have_id(card.get_attribute("id") or "")
    settle(everything)
    assert any(f"/pairs/{pair}/" in url for url in asked)
    # Its maps, and the numbers that follow from them, are not there yet.
    final = re.compile(rf"/pairs/{pair}(?:$|/dendrogram|/substitution|/images|/masks.*combine=union)")
    assert not [url for url in asked if final.search(url)]

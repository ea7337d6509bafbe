"""The view of one neuron: masks, probabilities and vulnerability maps are those of `Analysis`."""

import json
import re
from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Locator, Page, Route, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from browser.neuron_view import (
    assert_shows,
    coverage_text,
    field_figure,
    first_view,
    map_figure,
    number_in,
    number_rows,
    open_numbers,
    outside_of_masks,
    page_settings,
    probability,
)
from browser.overview import address
from vulneuron.analysis.settings import Combination
from vulneuron.measures import SIDES, Side
from vulneuron.measures.thresholds import Mode

#: The two maps: column and words.
KINDS = (("benign_drop", "benign drop"), ("adversarial_gain", "adversarial gain"))
#: Colors in the middle of image pixels of a canvas, as rows of red, green, blue.
_COLORS = """(picture, places) => {
    const canvas = picture.querySelector("canvas");
    const context = canvas.getContext("2d");
    return places.map(([across, down]) => {
        const [x, y] = [Math.floor(across * canvas.width), Math.floor(down * canvas.height)];
        return [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
    });
}"""
only_cifar10 = pytest.mark.parametrize("record", ["cifar10"], indirect=True)


def _view(page: Page) -> Locator:
    return page.get_by_role("region", name="Neuron", exact=True)


def _picture(page: Page, side: str) -> Locator:
    return field_figure(page, side).get_by_role("img")


def _expect_fields(
    page: Page,
    analysis: vn.Analysis,
    pair: int,
    neurons: list[int],
    combine: Combination = "union",
    settings: vn.Settings | None = None,
) -> None:
    for side in SIDES:
        field = analysis.receptive_field(pair, neurons, side, combine, settings=settings or vn.Settings())
        expect(field_figure(page, side)).to_contain_text(coverage_text(field.coverage))


def _smooth(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Some pixels around which the mask has no outline."""
    height, width = mask.shape
    inner = [
        (y, x)
        for y in range(2, height - 2)
        for x in range(2, width - 2)
        if np.ptp(mask[y - 2 : y + 3, x - 2 : x + 3].astype(int)) == 0
    ]
    return inner[:: max(1, len(inner) // 60)]


def _expect_drawn(page: Page, analysis: vn.Analysis, pair: int, neuron: int, side: Side) -> None:
    """The image is as it is inside of the mask, and dimmed to the mask's gray outside."""
    mask = analysis.receptive_field(pair, neuron, side).mask
    pixels = np.moveaxis(analysis.record.images([pair], side)[0], 0, -1) * 255
    places = _smooth(mask)
    assert len(places) > 20
    height, width = mask.shape
    centers = [[(x + 0.5) / width, (y + 0.5) / height] for y, x in places]
    shown = np.array(_picture(page, side).evaluate(_COLORS, centers))
    inside = np.array([mask[place] for place in places])[:, None]
    original = np.array([pixels[place] for place in places])
    expected = np.where(inside, original, outside_of_masks(original))
    assert np.abs(shown - expected).max() <= 3


@only_cifar10
def test_pictures(page: Page, record: str, analysis: vn.Analysis, guards: Guards) -> None:
    guards.expect("willReadFrequently")
    first = first_view(page, record)
    for side in SIDES:
        _expect_drawn(page, analysis, first.pair, first.neuron, side)
    sizes = [picture.bounding_box() for picture in _view(page).get_by_role("figure").get_by_role("img").all()]
    # Whole multiples of 32 pixels, all of the same size.
    assert {(box["width"], box["height"]) for box in sizes if box} == {(160, 160)}

    # While the space bar is held, the two images have changed places.
    places = {side: _picture(page, side).bounding_box() for side in SIDES}
    page.get_by_role("heading", name="What it captures").click()
    page.keyboard.down(" ")
    expect(field_figure(page, "benign").or_(field_figure(page, "adversarial"))).to_have_count(2)
    assert _picture(page, "adversarial").bounding_box() == places["benign"]
    page.keyboard.up(" ")
    assert _picture(page, "adversarial").bounding_box() == places["adversarial"]

    page.get_by_role("button", name="More: Neuron", exact=True).click()
    before = _picture(page, "adversarial").screenshot()
    page.get_by_text("amplified", exact=True).click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("perturbation=shown"))
    settle(page)
    assert _picture(page, "adversarial").screenshot() != before


def test_numbers_are_those_of_analysis(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    settings = page_settings(analysis)
    _expect_fields(page, analysis, first.pair, [first.neuron], settings=settings)
    maps = analysis.vulnerability_maps(first.pair, settings=settings)
    _expect_overlaps(page, analysis, first.pair, [first.neuron], "union", settings)
    pair = analysis.pair(first.pair)
    largest = []
    for (kind, name), label, effect in zip(
        KINDS, (pair.benign_label, pair.adversarial_label), ("falls", "rises"), strict=True
    ):
        figure = map_figure(page, name)
        expect(figure).to_contain_text(f"p({label})\N{NO-BREAK SPACE}{effect}")
        shown = (figure.get_by_role("img").get_attribute("aria-label") or "").rpartition(" ")[2]
        largest.append(float(getattr(maps, kind).max()))
        assert_shows(shown, largest[-1])
    # One scale for both maps.
    scale = _view(page).get_by_role("img", name="Both vulnerability maps: colors from 0 to")
    expect(scale).to_have_accessible_name(re.compile(f" {max(largest):.2f}$"))
    text = _view(page).get_by_label("RF threshold", exact=True).get_attribute("aria-valuetext") or ""
    assert_shows(text.split(", ")[0], float(np.quantile(analysis.data.threshold_features, 0.8)))
    rows = _exported(page)
    assert rows["pair"] == str(first.pair)
    for side in SIDES:
        field = analysis.receptive_field(first.pair, first.neuron, side)
        assert float(rows[f"coverage of the {side} image"]) == pytest.approx(field.coverage)


def test_probabilities_before_and_after_substitution(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str
) -> None:
    analysis = truth(record)
    page = open_page(record, "pair=1&neurons=0-20")
    pair = analysis.pair(1)
    names = list(analysis.record.class_names)
    for side in SIDES:
        logits = analysis.substitute(1, range(21), into=side).logits
        after = np.exp(logits - logits.max())
        after /= after.sum()
        before = pair.benign_probabilities if side == "benign" else pair.adversarial_probabilities
        bars = page.get_by_role("list", name=f"Probabilities of the {side} image")
        expect(bars).to_contain_text("→")
        shown = {}
        for item in bars.get_by_role("listitem").all():
            name, text = item.inner_text().split("\n", 1)
            shown[name] = tuple(number_in(number) for number in text.split("→"))
        assert len(shown) == 3
        assert {pair.benign_label, pair.adversarial_label} <= set(shown)
        for name, numbers in shown.items():
            label = names.index(name)
            assert numbers == pytest.approx((before[label], after[label]), abs=0.00501)
        own = pair.benign_label if side == "benign" else pair.adversarial_label
        winner = names[int(after.argmax())]
        sentence = _view(page).get_by_text(re.compile(rf"^(Still|Now) .*{re.escape(winner)}:"))
        expect(sentence.first).to_contain_text("Still" if winner == own else "Now")


@only_cifar10
def test_combination_threshold_and_outline(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str
) -> None:
    analysis = truth(record)
    neurons = [1, 5, 17]
    page = open_page(record, "pair=2&neurons=1,5,17")
    _expect_fields(page, analysis, 2, neurons)
    _view(page).get_by_title("The region that all of the neurons capture").click()
    _expect_fields(page, analysis, 2, neurons, "intersection")
    assert address(page)["combine"] == "intersection"
    page.go_back()
    _expect_fields(page, analysis, 2, neurons)
    slider = _view(page).get_by_label("RF threshold", exact=True)
    menu = page.get_by_role("button", name="More: Neuron", exact=True)
    modes: tuple[Mode, ...] = get_args(Mode)
    for mode in modes:
        menu.click()
        _view(page).get_by_label("How RF thresholds are chosen").select_option(mode)
        page.keyboard.press("Escape")
        usual = vn.Settings(threshold_mode=mode)
        _expect_fields(page, analysis, 2, neurons, settings=usual)
        slider.press("PageUp")
        expect(page).to_have_url(re.compile("threshold_level="))
        level = float(address(page)["threshold_level"])
        settings = vn.Settings(threshold_mode=mode, threshold_level=level)
        _expect_fields(page, analysis, 2, neurons, settings=settings)
        menu.click()
        page.get_by_role("button", name="Default RF threshold").click()
        page.keyboard.press("Escape")
        _expect_fields(page, analysis, 2, neurons, settings=usual)


@only_cifar10
def test_outline_detail_and_combined_overlap(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str
) -> None:
    analysis = truth(record)
    page = open_page(record)
    first = first_view(page, record)
    pair, focus = first.pair, first.neuron
    settings = page_settings(analysis, iou_side="adversarial")
    # The neuron that changes the overlap most when it is added.
    masks = analysis.masks(pair, settings=settings).adversarial
    top = analysis.top_masks(pair, settings=settings).benign_drop
    unions = masks | masks[focus]
    iou = (unions & top).sum(axis=(1, 2)) / (unions | top).sum(axis=(1, 2))
    chosen = sorted((focus, int(np.abs(iou - iou[focus]).argmax())))
    page = open_page(record, f"neurons={chosen[0]},{chosen[1]}&focus={focus}&iou_side=adversarial")
    _expect_overlaps(page, analysis, pair, chosen, "union", settings)
    rows = _exported(page)
    label = "IoU of the RF on the adversarial image with the top 20 % by benign drop"
    assert float(rows[label]) == pytest.approx(
        _slow_iou(analysis, pair, chosen, "union", settings)["benign_drop"]
    )
    page.keyboard.press("u")
    _expect_overlaps(page, analysis, pair, chosen, "intersection", settings)

    picture = map_figure(page, "benign drop").get_by_role("img")
    before = picture.screenshot()
    _view(page).get_by_label("outline", exact=True).press("PageUp")
    expect(page).to_have_url(re.compile("top="))
    settle(page)
    larger = page_settings(analysis, top=float(address(page)["top"]), iou_side="adversarial")
    assert larger.vmaps.top > 20
    _expect_overlaps(page, analysis, pair, chosen, "intersection", larger)
    assert picture.screenshot() != before

    page.get_by_role("button", name="More: Neuron", exact=True).click()
    page.get_by_role("group", name="Detail").get_by_text(re.compile(r"^\s*16 . 16\s*$")).click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("stride=2"))
    expect(_view(page).get_by_role("img", name=re.compile("^Vulnerability map"))).to_have_count(
        2, timeout=60_000
    )


@only_cifar10
def test_overlap_is_of_the_pair_also_where_neurons_are_means_over_pairs(
    open_page: OpenPage, page: Page, record: str, truth: Callable[[str], vn.Analysis]
) -> None:
    analysis = truth(record)
    first = first_view(page, record)
    labels = analysis.pair(first.pair)
    cell = analysis.cell(labels.benign_label, labels.adversarial_label)
    other = int(cell[cell != first.pair][-1])
    settings = page_settings(analysis)
    # Only a second pair with maps makes the mean another number.
    page = open_page(record, f"pair={other}")
    expect(map_figure(page, "benign drop")).to_contain_text(re.compile(r"IoU [\d.]"), timeout=60_000)
    fresh = vn.Analysis(analysis.record.path)
    assert fresh.has_maps(other, settings=settings)
    of_pair = fresh.neurons(first.pair, settings=settings)["iou_benign_drop"]
    means = fresh.rank(cell, sort_by="iou_benign_drop", settings=settings)["iou_benign_drop"]
    neuron = int((of_pair - means).abs().argmax())
    page = open_page(record, f"neurons={neuron}&level=selection&sort=neuron")
    expect(page.get_by_role("region", name="Neurons")).to_contain_text(f"{len(cell)} pairs")
    _expect_overlaps(page, fresh, first.pair, [neuron], "union", settings)
    # The table of numbers has the means, labeled as such.
    numbers = open_numbers(page)
    expect(numbers).to_contain_text(f"Neuron {neuron}")
    expect(numbers).to_contain_text("means over the selected pairs")
    cells = number_rows(page)
    assert number_in(cells["IoU with its map (pairs with maps)"][0]) == pytest.approx(
        means[neuron], abs=0.00501
    )


@only_cifar10
def test_a_pinned_neuron_stays_beside(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str
) -> None:
    analysis = truth(record)
    dead = int(np.flatnonzero(~analysis.masks(0).benign.any(axis=(1, 2)))[0])
    page = open_page(record, f"pair=0&neurons={dead}")
    expect(field_figure(page, "benign")).to_contain_text("captures nothing")
    _view(page).get_by_role("button", name="pin beside").click()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(f"pin={dead}(&|$)"))
    expect(_view(page).get_by_role("heading", name=f"Neuron {dead}, pinned")).to_be_visible()
    settle(page)
    shown = int(address(page)["neurons"])
    _expect_fields(page, analysis, 0, [shown])
    benign = _view(page).get_by_role("figure").filter(has=page.get_by_text("benign", exact=True))
    expect(benign).to_have_count(2)
    expect(benign.first).to_contain_text("captures nothing")
    _view(page).get_by_role("button", name=f"unpin {dead}").click()
    expect(benign).to_have_count(1)


@only_cifar10
def test_without_network_or_effect_it_is_said(page: Page, record: str) -> None:
    def no_effect(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps({**answer.json(), "negligible_change": 2}))

    def without_network(route: Route) -> None:
        answer = route.fetch()
        state = {**answer.json(), "ready": False, "can_compute": False}
        route.fulfill(response=answer, body=json.dumps(state))

    page.route(re.compile(rf"/api/records/{record}$"), no_effect)
    page.reload()
    expect(_view(page).get_by_text("no single patch matters here")).to_have_count(2)
    page.route(re.compile(r"/maps\?"), without_network)
    page.goto(page.url.split("?")[0] + f"?record={record}&pair=3")
    expect(_view(page)).to_contain_text("Vulnerability maps need the network")
    expect(_view(page)).to_contain_text("vulneuron serve RECORD --model")
    expect(_view(page)).to_contain_text("vulneuron maps RECORD --pairs 3")
    sort = page.get_by_label("Sort neurons by")
    expect(sort.locator("option[value=iou_benign_drop]")).to_have_text("IoU with benign drop (no maps)")


def _expect_overlaps(
    page: Page,
    analysis: vn.Analysis,
    pair: int,
    neurons: list[int],
    combine: Combination,
    settings: vn.Settings,
) -> None:
    """The number below each map, and what it is said to be of."""
    fields = (
        f"neuron {neurons[0]}'s receptive field"
        if len(neurons) == 1
        else f"the {combine} of {len(neurons)} neurons' receptive fields"
    )
    overlaps = _slow_iou(analysis, pair, neurons, combine, settings)
    for kind, name in KINDS:
        shown = map_figure(page, name).get_by_text(re.compile("^IoU"))
        expect(shown).to_have_text(f"IoU {probability(overlaps[kind])}")
        of = f"Overlap of {fields} on the {settings.vmaps.iou_side} image with the outlined part"
        expect(shown).to_have_attribute("title", of)


def _slow_iou(
    analysis: vn.Analysis, pair: int, neurons: list[int], combine: Combination, settings: vn.Settings
) -> dict[str, float]:
    """From the masks that are drawn."""
    field = analysis.receptive_field(pair, neurons, settings.vmaps.iou_side, combine, settings=settings).mask
    top = analysis.top_masks(pair, settings=settings)
    outlines = {"benign_drop": top.benign_drop, "adversarial_gain": top.adversarial_gain}
    return {
        kind: float((field & outline).sum() / (field | outline).sum()) for kind, outline in outlines.items()
    }


def _exported(page: Page) -> dict[str, str]:
    page.get_by_role("button", name="More: Neuron", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers (CSV)").click()
    text = download.value.path().read_text()
    return dict(line.rsplit(",", 1) for line in text.splitlines()[1:])

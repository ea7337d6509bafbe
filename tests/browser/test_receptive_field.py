"""Receptive field view: masks, probabilities and vulnerability maps are those of `Analysis`."""

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
    address,
    assert_shows,
    first_view,
    number_in,
    number_rows,
    open_numbers,
    outside_of_masks,
    page_settings,
    probability,
)
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


def _view(page: Page) -> Locator:
    return page.get_by_role("region", name="Neuron", exact=True)


def _field(page: Page, side: str) -> Locator:
    return _view(page).get_by_role("figure").filter(has=page.get_by_text(side, exact=True))


def _coverage_text(coverage: float) -> str:
    if coverage == 0:
        return "captures nothing"
    return "RF < 1 %" if coverage < 0.01 else f"RF {int(100 * coverage + 0.5)} %"


def _expect_fields(
    page: Page,
    analysis: vn.Analysis,
    pair: int,
    neurons: list[int],
    combine: Combination,
    settings: vn.Settings,
) -> None:
    for side in SIDES:
        field = analysis.receptive_field(pair, neurons, side, combine, settings=settings)
        expect(_field(page, side).locator("figcaption")).to_contain_text(_coverage_text(field.coverage))


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


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_image_is_seen_inside_of_the_mask_and_dimmed_outside(
    page: Page, record: str, analysis: vn.Analysis, guards: Guards
) -> None:
    guards.expect("willReadFrequently")
    first = first_view(page, record)
    for side in SIDES:
        mask = analysis.receptive_field(first.pair, first.neuron, side).mask
        pixels = np.moveaxis(analysis.record.images([first.pair], side)[0], 0, -1) * 255
        places = _smooth(mask)
        height, width = mask.shape
        picture = _view(page).get_by_role(
            "img", name=re.compile(f"Receptive field of .* on the {side} image")
        )
        centers = [[(x + 0.5) / width, (y + 0.5) / height] for y, x in places]
        shown = np.array(picture.evaluate(_COLORS, centers))
        inside = np.array([mask[place] for place in places])[:, None]
        original = np.array([pixels[place] for place in places])
        expected = np.where(inside, original, outside_of_masks(original))
        assert len(places) > 20
        assert np.abs(shown - expected).max() <= 3


def test_captions_say_labels_and_coverage(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    pair = analysis.pair(first.pair)
    _expect_fields(page, analysis, first.pair, [first.neuron], "union", page_settings(analysis))
    expect(_field(page, "benign").locator("figcaption")).to_contain_text(pair.benign_label)
    expect(_field(page, "adversarial").locator("figcaption")).to_contain_text(pair.adversarial_label)


def test_dead_neuron_captures_nothing(open_page: OpenPage, truth: Callable[[str], vn.Analysis]) -> None:
    analysis = truth("cifar10")
    masks = analysis.masks(0).benign
    dead = int(np.flatnonzero(~masks.any(axis=(1, 2)))[0])
    page = open_page("cifar10", f"pair=0&neurons={dead}")
    expect(_field(page, "benign").locator("figcaption")).to_contain_text("captures nothing")


def test_union_and_intersection(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str
) -> None:
    analysis = truth(record)
    neurons = [1, 5, 17]
    page = open_page(record, "pair=2&neurons=1,5,17")
    _expect_fields(page, analysis, 2, neurons, "union", vn.Settings())
    _view(page).get_by_text("intersection", exact=True).click()
    _expect_fields(page, analysis, 2, neurons, "intersection", vn.Settings())
    assert address(page)["combine"] == "intersection"
    page.go_back()
    _expect_fields(page, analysis, 2, neurons, "union", vn.Settings())


def test_threshold_slider_and_modes(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    slider = _view(page).get_by_label("RF threshold", exact=True)
    modes: tuple[Mode, ...] = get_args(Mode)
    for mode in modes:
        _view(page).get_by_label("How RF thresholds are chosen").select_option(mode)
        usual = vn.Settings(threshold_mode=mode)
        _expect_fields(page, analysis, first.pair, [first.neuron], "union", usual)
        before = address(page)
        slider.press("PageUp")
        expect(page).not_to_have_url(re.compile(f"threshold_level={before.get('threshold_level', '$')}$"))
        expect(page).to_have_url(re.compile("threshold_level="))
        level = float(address(page)["threshold_level"])
        settings = vn.Settings(threshold_mode=mode, threshold_level=level)
        _expect_fields(page, analysis, first.pair, [first.neuron], "union", settings)
        page.get_by_role("button", name="Default RF threshold").click()
        _expect_fields(page, analysis, first.pair, [first.neuron], "union", usual)


def test_default_threshold_is_named(page: Page, record: str, analysis: vn.Analysis) -> None:
    level = np.quantile(analysis.data.threshold_features, 0.8)
    text = _view(page).get_by_label("RF threshold", exact=True).get_attribute("aria-valuetext") or ""
    shown, percentile = text.split(", ")
    assert_shows(shown, float(level))
    # Where more than 80 % of the cells are 0, this level is a higher percentile, too.
    assert float(re.sub(r"[^0-9.].*", "", percentile)) >= 79.9


def _shown_bars(page: Page, side: str) -> dict[str, tuple[float, float]]:
    bars = page.get_by_role("list", name=f"Probabilities of the {side} image")
    found = {}
    for item in bars.get_by_role("listitem").all():
        name, *_, numbers = item.inner_text().split("\n")
        before, after = numbers.split("→")
        found[name] = (number_in(before), number_in(after))
    return found


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
        expect(page.get_by_role("list", name=f"Probabilities of the {side} image")).to_contain_text("→")
        bars = _shown_bars(page, side)
        assert {pair.benign_label, pair.adversarial_label} <= set(bars)
        for name, shown in bars.items():
            label = names.index(name)
            assert shown == pytest.approx((before[label], after[label]), abs=0.00501)


def test_vulnerability_maps_are_shown(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    settings = page_settings(analysis)
    maps = analysis.vulnerability_maps(first.pair, settings=settings)
    _expect_overlaps(page, analysis, first.pair, [first.neuron], "union", settings)
    for kind, name in KINDS:
        picture = _view(page).get_by_role("img", name=re.compile(f"^Vulnerability map: {name}, largest"))
        expect(picture).to_be_visible()
        largest = (picture.get_attribute("aria-label") or "").rpartition(" ")[2]
        assert_shows(largest, float(getattr(maps, kind).max()))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("combine", ["union", "intersection"])
def test_overlap_is_that_of_the_union_or_intersection(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str, combine: Combination, side: Side
) -> None:
    analysis = truth(record)
    pair = first_view(open_page(record), record).pair
    settings = page_settings(analysis, iou_side=side)
    masks = analysis.masks(pair, settings=settings)[side]
    # Two neurons whose receptive fields overlap, neither within the other.
    areas = masks.sum(axis=(1, 2))
    first = int(np.argsort(areas)[int(0.8 * len(areas))])
    common = (masks & masks[first]).sum(axis=(1, 2))
    second = int(np.argmax(np.minimum(common, areas - common) * (common < areas[first])))
    chosen = sorted((first, second))
    page = open_page(
        record, f"neurons={chosen[0]},{chosen[1]}&focus={first}&combine={combine}&iou_side={side}"
    )
    _expect_overlaps(page, analysis, pair, chosen, combine, settings)
    rows = _exported(page)
    for kind, name in KINDS:
        label = f"IoU of the RF on the {side} image with the top 20 % by {name}"
        expected = _slow_iou(analysis, pair, chosen, combine, settings)[kind]
        assert float(rows[label]) == pytest.approx(expected)
        # It is not that of the focused neuron alone.
        assert abs(_slow_iou(analysis, pair, [first], combine, settings)[kind] - expected) > 1e-4


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
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
    expect(_map_figure(page, "benign drop")).to_contain_text(re.compile("IoU [01]"), timeout=60_000)
    fresh = vn.Analysis(analysis.record.path)
    assert fresh.has_maps(other, settings=settings)
    of_pair = fresh.neurons(first.pair, settings=settings)["iou_benign_drop"]
    means = fresh.rank(cell, sort_by="iou_benign_drop", settings=settings)["iou_benign_drop"]
    neuron = int((of_pair - means).abs().argmax())
    assert abs(of_pair[neuron] - means[neuron]) > 0.02
    page = open_page(record, f"neurons={neuron}&level=selection&sort=neuron")
    expect(page.get_by_role("region", name="Neurons")).to_contain_text(f"{len(cell)} pairs")
    _expect_overlaps(page, fresh, first.pair, [neuron], "union", settings)
    rows = _exported(page)
    label = "IoU of the RF on the benign image with the top 20 % by benign drop"
    assert float(rows[label]) == pytest.approx(of_pair[neuron])
    # The table of numbers has the means, labeled as such.
    numbers = open_numbers(page)
    expect(numbers).to_contain_text(f"Neuron {neuron}")
    expect(numbers).to_contain_text("means over the selected pairs")
    cells = number_rows(page)
    assert number_in(cells["IoU with its map (pairs with maps)"][0]) == pytest.approx(
        means[neuron], abs=0.00501
    )


def _map_figure(page: Page, name: str) -> Locator:
    return _view(page).get_by_role("figure").filter(has=page.get_by_text(name, exact=True))


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
        shown = _map_figure(page, name).get_by_text(re.compile("^IoU"))
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


def test_top_slider_changes_the_outlined_part(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    picture = _view(page).get_by_role("img", name=re.compile("^Vulnerability map: benign drop"))
    before = picture.screenshot()
    _view(page).get_by_label("most vulnerable").press("PageUp")
    expect(page).to_have_url(re.compile("top="))
    settle(page)
    settings = page_settings(analysis, top=float(address(page)["top"]))
    assert settings.vmaps.top > 20
    _expect_overlaps(page, analysis, first.pair, [first.neuron], "union", settings)
    assert picture.screenshot() != before


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_without_network_it_is_said_how_to_get_maps(page: Page, record: str, analysis: vn.Analysis) -> None:
    def without_network(route: Route) -> None:
        answer = route.fetch()
        state = {**answer.json(), "ready": False, "can_compute": False}
        route.fulfill(response=answer, body=json.dumps(state))

    page.route(re.compile(r"/maps\?"), without_network)
    page.goto(page.url.split("?")[0] + f"?record={record}&pair=3")
    expect(_view(page)).to_contain_text("Vulnerability maps need the network")
    expect(_view(page)).to_contain_text("vulneuron serve RECORD --model")
    expect(_view(page)).to_contain_text("vulneuron maps RECORD --pairs 3")
    sort = page.get_by_label("Sort neurons by")
    expect(sort.locator("option[value=iou_benign_drop]")).to_have_text("IoU with benign drop (no maps)")


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_detail_is_a_choice(page: Page, record: str) -> None:
    page.get_by_role("button", name="Settings of the vulnerability maps").click()
    page.get_by_role("group", name="Detail").get_by_text(re.compile(r"^\s*16 . 16\s*$")).click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("stride=2"))
    expect(_view(page).get_by_role("img", name=re.compile("^Vulnerability map"))).to_have_count(
        2, timeout=60_000
    )


def test_numbers_are_exported(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    rows = _exported(page)
    assert rows["pair"] == str(first.pair)
    for side in SIDES:
        field = analysis.receptive_field(first.pair, first.neuron, side)
        assert float(rows[f"coverage of the {side} image"]) == pytest.approx(field.coverage)

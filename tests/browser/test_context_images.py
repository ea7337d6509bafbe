"""Context images (paper, Figure 5): the window shows the pairs that `Analysis` names, with the RFs."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.guards import Guards
from browser.neuron_view import FirstView, assert_shows, first_view, outside_of_masks, probability
from vulneuron.analysis import Context
from vulneuron.measures import SIDES, Side

#: Mean value of a canvas's pixels, once it is drawn.
_MEAN = """async (canvas) => {
    const context = canvas.getContext("2d");
    for (;;) {
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        if (data[3]) {
            let sum = 0;
            for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
            return sum / (data.length / 4) / 3;
        }
        await new Promise(requestAnimationFrame);
    }
}"""


def _open(page: Page, record: str, side: Side = "benign") -> tuple[FirstView, Locator]:
    first = first_view(page, record)
    page.get_by_role("button", name=f"Context images of neuron {first.neuron}, {side}").click()
    window = page.get_by_role("dialog", name=f"Context images of neuron {first.neuron}")
    expect(window).to_be_visible()
    return first, window


def _cards(window: Locator) -> Locator:
    return window.get_by_role("button", name=re.compile(r"^Pair \d+, "))


def _expect_cards(window: Locator, found: Context, neuron: int, analysis: vn.Analysis) -> None:
    """Both images of each card have their own numbers."""
    cards = _cards(window)
    expect(cards).to_have_count(len(found.pairs))
    record = analysis.record
    activations = record.layer().dataset["activation"].values[:, :, neuron]
    masks = analysis.neuron_masks(neuron, found.pairs)
    for index, pair in enumerate(found.pairs):
        card = cards.nth(index)
        expect(card).to_have_accessible_name(re.compile(f"^Pair {pair}, benign: "))
        spoken = card.locator(".visually-hidden").inner_text().split("; ")
        seen = card.inner_text().split("\n")
        for at, side in enumerate(SIDES):
            label = record.pairs[f"{side}_label"][pair]
            shown = probability(record.pairs[f"{side}_label_p_{side}"][pair])
            start = f"{side}: {label}, probability {shown}, activation "
            assert start in spoken[at]
            activation = spoken[at].partition(start)[2].partition(",")[0]
            assert_shows(activation, float(activations[pair, at]))
            nothing = not masks[side][index].any()
            assert spoken[at].endswith("captures nothing") == nothing
            # What is read out is what is seen.
            assert ("captures nothing" if nothing else f"activation {activation}") in seen


def test_pairs_that_excite_the_neuron_most(
    open_page: OpenPage, truth: Callable[[str], vn.Analysis], record: str
) -> None:
    analysis = truth(record)
    # Another pair has the labels of this one.
    page = open_page(record, "pair=0")
    first, window = _open(page, record)
    found = analysis.context(0, first.neuron)
    _expect_cards(window, found, first.neuron, analysis)
    expect(window).to_contain_text("Ordered by the neuron's activation on the benign image, largest first.")
    with page.expect_download() as download:
        window.get_by_role("button", name="Numbers (CSV)").click()
    table = pd.read_csv(download.value.path())
    assert table["pair"].tolist() == found.pairs.tolist()
    for at, side in enumerate(SIDES):
        expected = {
            "activation": analysis.record.layer().dataset["activation"].values[found.pairs, at, first.neuron],
            "confidence": analysis.record.pairs[f"{side}_label_p_{side}"][found.pairs],
            "coverage": analysis.neuron_masks(first.neuron, found.pairs)[side].mean(axis=(1, 2)),
        }
        for column, values in expected.items():
            np.testing.assert_allclose(table[f"{column}_{side}"], values, rtol=1e-6)
    # A click focuses the pair.
    _cards(window).last.click()
    expect(window).to_have_count(0)
    expect(page).to_have_url(re.compile(f"[?&]pair={found.pairs[-1]}(&|$)"))


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_order_scope_and_count(page: Page, record: str, analysis: vn.Analysis) -> None:
    first, window = _open(page, record, "adversarial")
    window.get_by_text("confidence", exact=True).click()
    expect(window).to_contain_text(
        "Ordered by the probability of the benign label on the benign image, largest first."
    )
    found = analysis.context(first.pair, first.neuron, order="confidence")
    _expect_cards(window, found, first.neuron, analysis)
    window.get_by_text("same benign label", exact=True).click()
    found = analysis.context(first.pair, first.neuron, order="confidence", scope="same_benign_label")
    _expect_cards(window, found, first.neuron, analysis)
    window.get_by_text("all pairs", exact=True).click()
    window.get_by_text("activation", exact=True).click()
    window.get_by_label("show").select_option("12")
    found = analysis.context(first.pair, first.neuron, scope="all", count=12)
    _expect_cards(window, found, first.neuron, analysis)
    expect(page).to_have_url(re.compile(r"context=activation\.all\.12"))
    page.reload()
    expect(window).to_be_visible()
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(page).not_to_have_url(re.compile("context="))


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_context_images_are_dimmed_outside_of_the_mask(
    page: Page, record: str, analysis: vn.Analysis, guards: Guards
) -> None:
    guards.expect("willReadFrequently")
    first, window = _open(page, record)
    found = analysis.context(first.pair, first.neuron)
    masks = analysis.neuron_masks(first.neuron, found.pairs)
    cards = _cards(window)
    expect(cards).to_have_count(len(found.pairs))
    for at, side in enumerate(SIDES):
        images = analysis.record.images(found.pairs, side)
        for index in range(len(found.pairs)):
            mask, pixels = masks[side][index], np.moveaxis(images[index], 0, -1) * 255
            mean = cards.nth(index).locator("canvas").nth(at).evaluate(_MEAN)
            expected = np.where(mask[..., None], pixels, outside_of_masks(pixels)).mean()
            # The outline covers some pixels.
            if mask.any():
                assert mean == pytest.approx(expected, abs=12)


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_one_neuron_on_all_selected_pairs(open_page: OpenPage, record: str, analysis: vn.Analysis) -> None:
    page = open_page(record, "pairs=all&order=l2_down")
    neuron = first_view(page, record).neuron
    count = analysis.data.count
    page.get_by_role("region", name="Neuron", exact=True).get_by_role(
        "button", name=f"on {count:,} pairs"
    ).click()
    window = page.get_by_role("dialog", name=f"Neuron {neuron} on {count:,} pairs")
    given = analysis.order_pairs("l2_down")
    cards = _cards(window)
    # More are loaded as they come near.
    expect(cards.first).to_have_accessible_name(re.compile(f"^Pair {given[0]}, "))
    below = window.get_by_role("button", name=re.compile(f"^Pair {given[47]}, "))
    expect(below).to_have_count(1)
    below.scroll_into_view_if_needed()
    expect(window.get_by_role("button", name=re.compile(f"^Pair {given[60]}, "))).to_have_count(1)
    window.get_by_text("fall", exact=True).click()
    found = analysis.context(given[0], neuron, order="fall", scope="given", pairs=given, count=24)
    fallen = f"contribution falls by {abs(found.changes[0]):.3g}"
    expect(
        window.get_by_role("button", name=re.compile(f"^Pair {found.pairs[0]}, .*{fallen}"))
    ).to_have_count(1)
    expect(page).to_have_url(re.compile(r"context=fall\.given\."))
    # Other scopes have no order of the view Pairs.
    window.get_by_text("as in Pairs", exact=True).click()
    window.get_by_text("all pairs", exact=True).click()
    window = page.get_by_role("dialog", name=f"Context images of neuron {neuron}")
    expect(window).to_contain_text("Ordered by the neuron's activation on the benign image, largest first.")
    expect(window.get_by_text("as in Pairs", exact=True)).to_have_count(0)


def test_a_link_opens_the_window_in_a_narrow_window(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "context=activation.all.12", size=(1024, 768))
    expect(page.get_by_role("dialog", name=re.compile("^Context images of neuron"))).to_be_visible()

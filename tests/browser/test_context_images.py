"""Context images (paper, Figure 5): the window shows the pairs that `Analysis` names, with the RFs."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import settle
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


def _open(page: Page, record: str, side: str) -> tuple[FirstView, Locator]:
    first = first_view(page, record)
    page.get_by_role("button", name=f"Context images of neuron {first.neuron}, {side}").click()
    window = page.get_by_role("dialog", name=f"Context images of neuron {first.neuron}")
    expect(window).to_be_visible()
    return first, window


def _cards(window: Locator) -> Locator:
    return window.get_by_role("button", name=re.compile(r"^Pair \d+, "))


def _expect_cards(window: Locator, found: Context, neuron: int, side: Side, analysis: vn.Analysis) -> None:
    """Each card has the numbers of its very image."""
    cards = _cards(window)
    expect(cards).to_have_count(len(found.pairs))
    record = analysis.record
    labels, confidences = record.pairs[f"{side}_label"], record.pairs[f"{side}_label_p_{side}"]
    activations = record.layer().dataset["activation"].values[:, SIDES.index(side), neuron]
    masks = analysis.neuron_masks(neuron, found.pairs)[side]
    for index, pair in enumerate(found.pairs):
        card = cards.nth(index)
        expect(card).to_have_accessible_name(re.compile(f"^Pair {pair}, {re.escape(labels[pair])}, "))
        name = card.get_attribute("aria-label") or ""
        assert ("captures nothing" in name) == (not masks[index].any())
        # What is seen is what is read out.
        activation = card.get_by_text(re.compile("^activation ")).inner_text().removeprefix("activation ")
        assert f"activation {activation}" in name
        assert_shows(activation, float(activations[pair]))
        shown = probability(confidences[pair])
        expect(card).to_contain_text(re.compile(rf"{re.escape(labels[pair])}\s*{re.escape(shown)}"))
        assert f"probability {shown}" in name


@pytest.mark.parametrize("side", SIDES)
def test_six_pairs_that_excite_the_neuron_most(
    page: Page, record: str, analysis: vn.Analysis, side: Side
) -> None:
    first, window = _open(page, record, side)
    _expect_cards(window, analysis.context(first.pair, first.neuron), first.neuron, side, analysis)
    expect(window).to_contain_text("Ordered by the neuron's activation on the benign image, largest first.")


def test_order_scope_and_count(page: Page, record: str, analysis: vn.Analysis) -> None:
    first, window = _open(page, record, "benign")
    window.get_by_text("confidence", exact=True).click()
    found = analysis.context(first.pair, first.neuron, order="confidence")
    for side, text in zip(SIDES, ("benign images", "their adversarial counterparts"), strict=True):
        window.get_by_text(text, exact=True).click()
        expect(window).to_contain_text(
            "Ordered by the probability of the benign label on the benign image, largest first."
        )
        _expect_cards(window, found, first.neuron, side, analysis)
    window.get_by_text("benign images", exact=True).click()
    window.get_by_text("same benign label", exact=True).click()
    found = analysis.context(first.pair, first.neuron, order="confidence", scope="same_benign_label")
    _expect_cards(window, found, first.neuron, "benign", analysis)
    window.get_by_text("all pairs", exact=True).click()
    window.get_by_text("activation", exact=True).click()
    window.get_by_label("show").select_option("12")
    found = analysis.context(first.pair, first.neuron, scope="all", count=12)
    _expect_cards(window, found, first.neuron, "benign", analysis)
    window.get_by_text("their adversarial counterparts", exact=True).click()
    _expect_cards(window, found, first.neuron, "adversarial", analysis)
    expect(page).to_have_url(re.compile(r"context=adversarial\.activation\.all\.12"))


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_context_images_are_dimmed_outside_of_the_mask(
    page: Page, record: str, analysis: vn.Analysis, guards: Guards
) -> None:
    guards.expect("willReadFrequently")
    first, window = _open(page, record, "benign")
    found = analysis.context(first.pair, first.neuron)
    images = analysis.record.images(found.pairs, "benign")
    masks = analysis.neuron_masks(first.neuron, found.pairs).benign
    cards = _cards(window)
    expect(cards).to_have_count(len(found.pairs))
    for index in range(len(found.pairs)):
        mask = masks[index]
        pixels = np.moveaxis(images[index], 0, -1) * 255
        mean = cards.nth(index).locator("canvas").evaluate(_MEAN)
        expected = np.where(mask[..., None], pixels, outside_of_masks(pixels)).mean()
        # The outline covers some pixels.
        assert mean == pytest.approx(expected, abs=12)


def test_click_focuses_the_pair(page: Page, record: str, analysis: vn.Analysis) -> None:
    first, window = _open(page, record, "benign")
    pair = int(analysis.context(first.pair, first.neuron).pairs[-1])
    _cards(window).last.click()
    expect(window).to_have_count(0)
    expect(page).to_have_url(re.compile(f"[?&]pair={pair}(&|$)"))
    settle(page)
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_window_closes_and_survives_a_reload(page: Page, record: str) -> None:
    _, window = _open(page, record, "adversarial")
    page.reload()
    expect(window).to_be_visible()
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(page).not_to_have_url(re.compile("context="))


@pytest.mark.parametrize("side", SIDES)
def test_numbers_are_exported(page: Page, record: str, analysis: vn.Analysis, side: Side) -> None:
    first, window = _open(page, record, side)
    found = analysis.context(first.pair, first.neuron)
    expect(_cards(window)).to_have_count(len(found.pairs))
    with page.expect_download() as download:
        window.get_by_role("button", name="Numbers (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == f"pair,activation_{side},confidence_{side},coverage_{side}"
    rows = [line.split(",") for line in lines[1:]]
    assert [int(row[0]) for row in rows] == found.pairs.tolist()
    expected = [
        analysis.record.layer().dataset["activation"].values[found.pairs, SIDES.index(side), first.neuron],
        analysis.record.pairs[f"{side}_label_p_{side}"][found.pairs],
        analysis.neuron_masks(first.neuron, found.pairs)[side].mean(axis=(1, 2)),
    ]
    exported = [[float(value) for value in row[1:]] for row in rows]
    np.testing.assert_allclose(exported, np.stack(expected, axis=1), rtol=1e-6)

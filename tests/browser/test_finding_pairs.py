"""Filters, chosen pairs and nearest pairs: those of `Analysis`, in all views of images."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.overview import address, cards, cell, expect_selection, focused, fullest, pair_of


def _pairs(page: Page) -> Locator:
    return page.get_by_role("region", name="Pairs")


def _limit(page: Page, name: str, key: str, steps: int) -> None:
    slider = _pairs(page).get_by_role("slider", name=name)
    for _ in range(steps):
        slider.press(key)


def _expect_counts(page: Page, analysis: vn.Analysis, filters: dict[str, object]) -> list[int]:
    """The page shows how many pairs pass the filters: in all, in the selected cell, and in the matrix."""
    benign, adversarial = fullest(analysis)
    everything, selected = analysis.cell(None, None), analysis.cell(benign, adversarial)
    shown, chosen = analysis.filter_pairs(everything, **filters), analysis.filter_pairs(selected, **filters)  # type: ignore[arg-type]
    chip = page.get_by_role("region", name="Images and predictions").locator("header").get_by_role("status")
    expect(chip).to_contain_text(f"{len(chosen):,} of {len(shown):,} filtered")
    expect(_pairs(page)).to_contain_text(f"{len(chosen):,} of {len(selected):,} pairs")
    expect(cell(page, benign, adversarial)).to_have_accessible_name(re.compile(rf": {len(chosen):,} pairs?$"))
    return [int(pair) for pair in chosen]


def _expect_listed(page: Page, pairs: list[int]) -> None:
    expect(cards(page).first).to_have_attribute("title", re.compile(f"^pair {pairs[0]}:"))
    shown = [pair_of(card) for card in cards(page).all()]
    assert shown == pairs[: len(shown)]


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_filters_narrow_all_views_of_images(page: Page, analysis: vn.Analysis) -> None:
    _pairs(page).get_by_role("button", name="filter", exact=True).click()
    _limit(page, "p(benign), largest", "ArrowLeft", 5)
    high = float(address(page)["benign_probability"].removeprefix(".."))
    filters: dict[str, object] = {"benign_probability": (None, high)}
    _expect_counts(page, analysis, filters)
    _limit(page, "L2, smallest", "ArrowRight", 20)
    low = float(address(page)["perturbation_l2"].removesuffix(".."))
    filters["perturbation_l2"] = (low, None)
    chosen = _expect_counts(page, analysis, filters)
    # The first of the pairs that are left is focused, and they are those that the list has.
    assert pair_of(focused(page)) in chosen
    expect(cards(page).first).to_have_attribute("aria-setsize", str(len(chosen)))
    # A text is compared with names of images, too: those of this record are numbers.
    text = str(analysis.record.pairs["image_id"][chosen[0]])
    field = _pairs(page).get_by_role("searchbox")
    field.fill(f" {text} ")
    chosen = _expect_counts(page, analysis, {**filters, "text": text})
    field.fill("no such pair")
    expect(_pairs(page)).to_contain_text("No selected pair passes the filters.")
    field.fill(text)
    # The address has the filters, and chips remove them.
    page.reload()
    _expect_counts(page, analysis, {**filters, "text": text})
    for name in (f"“{text}”", "p(benign) ≤"):
        _pairs(page).get_by_role("button", name=f"Remove the filter {name}").click()
    _expect_counts(page, analysis, {"perturbation_l2": (low, None)})
    _pairs(page).get_by_role("button", name="Remove the filter L2").click()
    expect(_pairs(page).get_by_role("button", name="Remove the filter")).to_have_count(0)
    # The focused pair can be shown again, wherever it is.
    pair = pair_of(focused(page))
    _pairs(page).get_by_role("button", name="filter", exact=True).click()
    field.fill("no such pair")
    _pairs(page).get_by_role("button", name="Go to it").click()
    expect(focused(page)).to_have_attribute("title", re.compile(f"^pair {pair}:"))
    assert not {"text", "benign_probability", "perturbation_l2"} & set(address(page))


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_chosen_and_nearest_pairs_are_selected(page: Page, analysis: vn.Analysis) -> None:
    first = pair_of(focused(page))
    chosen = [first, *(pair_of(cards(page).nth(place)) for place in (2, 3, 4))]
    cards(page).nth(2).click(modifiers=["ControlOrMeta"])
    # With Shift, from the focused pair on.
    cards(page).nth(4).click(modifiers=["Shift"])
    between = pair_of(cards(page).nth(1))
    cards(page).nth(1).click(modifiers=["ControlOrMeta"])
    expect(_pairs(page)).to_contain_text("4 chosen")
    assert address(page).get("pair", str(first)) == str(first)
    listed = page.get_by_role("listbox", name="Selected pairs")
    listed.press("Shift+ArrowRight")
    expect(_pairs(page)).to_contain_text("5 chosen")
    _pairs(page).get_by_role("button", name="show only these").click()
    expect_selection(page, "chosen pairs", 5)
    assert {pair_of(card) for card in cards(page).all()} == {*chosen, between}
    assert pair_of(focused(page)) == between

    _pairs(page).get_by_role("button", name="More: Pairs").click()
    page.get_by_role("button", name="by effect of the attack").click()
    expect_selection(page, f"nearest to {between} by effect", 25)
    nearest = [between, *analysis.nearest_pairs(between, by="change").pairs.tolist()]
    _expect_listed(page, nearest)
    page.reload()
    expect(page.get_by_label("Order of the pairs")).to_have_value("nearest")
    _expect_listed(page, nearest)
    page.get_by_label("Order of the pairs").select_option(label="smallest perturbation first")
    _expect_listed(page, analysis.order_pairs("l2_up", nearest).tolist())

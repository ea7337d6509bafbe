"""The paper's case studies (Section 6), click by click: each step shows what the next one needs."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.neuron_view import (
    coverage_text,
    field_figure,
    first_view,
    map_figure,
    order_of,
    page_settings,
    probability,
    shown_places,
)
from browser.neuron_view import plot as neuron_plot
from browser.overview import (
    address,
    cards,
    cell,
    expect_selection,
    focused,
    fullest,
    pair_of,
    plot,
    select_all,
)

cifar_only = pytest.mark.parametrize("record", ["cifar10"], indirect=True)
demo_only = pytest.mark.parametrize("record", ["demo"], indirect=True)


def _neurons_view(page: Page) -> Locator:
    return page.get_by_role("region", name="Neurons")


def _neuron_view(page: Page) -> Locator:
    return page.get_by_role("region", name="Neuron", exact=True)


def _order_pairs(page: Page, label: str) -> int:
    """Order the pairs, focus the first one, and return its number."""
    page.get_by_label("Order of the pairs").select_option(label=label)
    page.get_by_role("listbox", name="Selected pairs").press("Home")
    expect(cards(page).first).to_have_attribute("aria-selected", "true")
    settle(page)
    return pair_of(focused(page))


def _sort_neurons(page: Page, measure: str) -> None:
    page.get_by_label("Sort neurons by").select_option(measure)
    settle(page)


def _end(page: Page, end: str) -> Locator:
    """Buttons of the neurons at an end of the order."""
    return page.get_by_role("group", name=re.compile(f"^{end}.* neurons$")).get_by_role("button")


def _choose_first(page: Page, end: str) -> int:
    first = _end(page, end).first
    neuron = int(first.inner_text())
    first.click()
    page.mouse.move(1, 1)
    settle(page)
    expect(_neuron_view(page).get_by_role("heading", level=2)).to_have_text(f"Neuron {neuron}")
    return neuron


def _expect_context(
    page: Page, neuron: int, analysis: vn.Analysis, pair: int, *, of_all: bool = False
) -> None:
    """Both sides of the context images of a neuron are in one window."""
    page.get_by_role("button", name=f"Context images of neuron {neuron}, benign").click()
    window = page.get_by_role("dialog", name=f"Context images of neuron {neuron}")
    if of_all:
        window.get_by_text("all pairs", exact=True).click()
    found = analysis.context(pair, neuron, scope="all" if of_all else "same_labels").pairs
    card = window.get_by_role("button", name=re.compile(rf"^Pair {found[0]}, benign: .*; adversarial: "))
    expect(card.locator("canvas")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)


@cifar_only
def test_6_1_1_categorizing_adversarial_images(page: Page, analysis: vn.Analysis) -> None:
    select_all(page)
    overview = page.get_by_role("region", name="Images and predictions")
    page.get_by_role("group", name="color by").get_by_text("both").click()
    # The adversarial images, once by prediction and once by true label (Figures 2-a2 and 2-a3).
    for title in ("prediction", "true label"):
        expect(overview.get_by_role("heading", name=f"Adversarial: {title}")).to_be_visible()
    plots = overview.get_by_role("application")
    expect(plots).to_have_count(3)
    pairs = analysis.record.pairs
    for one, side in zip(plots.all()[1:], ("adversarial", "benign"), strict=True):
        named = one.get_by_role("group", name="Classes").get_by_role("button")
        shown = set(named.evaluate_all("all => all.map(one => one.ariaLabel)"))
        assert shown
        assert shown <= set(pairs[f"{side}_label"].astype(str))


@cifar_only
def test_6_1_2_the_image_perturbation_measure(page: Page, record: str, analysis: vn.Analysis) -> None:
    benign, adversarial = fullest(analysis)
    select_all(page)
    cell(page, benign, adversarial).click()
    expect_selection(page, f"{benign} → {adversarial}", len(analysis.cell(benign, adversarial)))
    pair = _order_pairs(page, "smallest perturbation first")
    assert pair == analysis.order_pairs("l2_up", analysis.cell(benign, adversarial))[0]
    # The maps of the pair that the page shows first are stored.
    pair = first_view(page, record).pair
    cards(page).and_(page.get_by_title(re.compile(f"^pair {pair}:"))).click()
    _sort_neurons(page, "iou_benign_drop")
    _neurons_view(page).get_by_text("top 25", exact=True).click()
    assert shown_places(page) == (1, 25)
    overlaps = analysis.neurons(pair, settings=page_settings(analysis))["iou_benign_drop"].to_numpy()
    neuron = order_of(overlaps, largest_first=True)[0]
    neuron_plot(page).press("Home")
    settle(page)
    expect(_neuron_view(page).get_by_role("heading", level=2)).to_have_text(f"Neuron {neuron}")
    # What the neuron captures, beside where the attack works (Figure 2-d).
    for side in ("benign", "adversarial"):
        expect(field_figure(page, side)).to_be_visible()
    expect(map_figure(page, "benign drop")).to_contain_text(probability(overlaps[neuron]))
    expect(map_figure(page, "adversarial gain")).to_be_visible()
    _expect_context(page, neuron, analysis, pair)
    # Other pairs keep the neuron and the sort (Figure 5).
    labels = analysis.record.pairs[["benign_label", "adversarial_label"]].astype(str)
    other = next(pair for pair in labels.itertuples(index=False, name=None) if pair != (benign, adversarial))
    cell(page, *other).click()
    settle(page)
    assert address(page)["neurons"] == str(neuron)
    assert address(page)["sort"] == "iou_benign_drop"


@cifar_only
def test_6_1_3_the_neuron_perturbation_measure(page: Page, analysis: vn.Analysis) -> None:
    benign, adversarial = fullest(analysis)
    select_all(page)
    cell(page, benign, adversarial).click()
    pair = _order_pairs(page, "largest change of probability first")
    assert pair == analysis.order_pairs("change_down", analysis.cell(benign, adversarial))[0]
    _sort_neurons(page, "curve_gap")
    gaps = analysis.neurons(pair, settings=page_settings(analysis))["curve_gap"].to_numpy()
    inhibited = _choose_first(page, "most inhibited")
    _neuron_view(page).get_by_role("button", name="pin beside").click()
    excited = _choose_first(page, "most excited")
    assert [inhibited, excited] == [np.nanargmin(gaps), np.nanargmax(gaps)]
    # The neuron that loses a feature beside the one that finds it (Figures 6-d and 6-g).
    expect(_neuron_view(page).get_by_role("heading", name=f"Neuron {inhibited}, pinned")).to_be_visible()
    figures = _neuron_view(page).get_by_role("figure").filter(has=page.get_by_text("benign", exact=True))
    expect(figures).to_have_count(2)
    _expect_context(page, excited, analysis, pair)


@cifar_only
def test_6_1_4_exploring_neurons_with_a_hierarchy(page: Page, record: str, analysis: vn.Analysis) -> None:
    first = first_view(page, record)
    tree = analysis.dendrogram(first.pair)
    clusters = page.get_by_role("region", name="Clusters")
    drawing = clusters.get_by_role("tree")
    drawing.focus()
    # From the neuron up (Figure 7): each step adds neurons to the chosen ones.
    page.keyboard.press("End")
    for node in tree.ancestors(first.neuron)[1:4]:
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        settle(page)
        expect(_neuron_view(page)).to_contain_text(f"{len(tree.leaves(node)):,} neurons")
    below = analysis.masks(first.pair).benign[tree.leaves(node)]
    for combination, mask in (("any", below.any(axis=0)), ("all", below.all(axis=0))):
        clusters.get_by_title(re.compile(f"The region that {combination} of the neurons")).click()
        settle(page)
        expect(field_figure(page, "benign")).to_contain_text(coverage_text(mask.mean()))
    # From the top down (Figure 8): the dead neurons are one click.
    both = analysis.neurons(first.pair)[["dead_benign", "dead_adversarial"]].to_numpy().all(axis=1)
    clusters.get_by_role("button", name=f"{int(both.sum())} dead").click()
    settle(page)
    for side in ("benign", "adversarial"):
        expect(field_figure(page, side)).to_contain_text("captures nothing")


@demo_only
def test_6_2_1_an_image_chosen_in_python(open_page: OpenPage, record: str, analysis: vn.Analysis) -> None:
    page = open_page(record, "pairs=all&sort=iou_benign_drop")
    # A notebook sets the pair; this one has stored maps.
    pair = first_view(page, record).pair
    known = analysis.pair(pair)
    for kind in ("benign drop", "adversarial gain"):
        expect(map_figure(page, kind)).to_be_visible()
    overlaps = analysis.neurons(pair, settings=page_settings(analysis))["iou_benign_drop"].to_numpy()
    neuron = _choose_first(page, "largest")
    assert neuron == order_of(overlaps, largest_first=True)[0]
    expect(_neuron_view(page)).to_contain_text(known.benign_label)
    # Few pairs have the same labels in a record of many classes.
    _expect_context(page, neuron, analysis, pair, of_all=True)


@demo_only
def test_6_2_2_a_subset_of_many_classes(page: Page, analysis: vn.Analysis) -> None:
    pairs = analysis.record.pairs
    page.get_by_role("button", name=re.compile(r"^all \d+ classes")).click()
    picker = page.get_by_role("dialog", name="Classes")
    picker.get_by_role("button", name="the 10 most attacked and the 10 they become").click()
    page.keyboard.press("Escape")
    grid = page.get_by_role("grid", name="Prediction matrix")
    expect(grid.get_by_role("rowheader")).to_have_count(10)
    # The fullest cell, as in Figure 10-a4.
    named = grid.get_by_role("gridcell").evaluate_all("all => all.map(one => one.ariaLabel)")
    count, words = max((int(re.findall(r": ([\d,]+) pair", one)[0].replace(",", "")), one) for one in named)
    benign, adversarial = words.partition(":")[0].split(" → ")
    cell(page, benign, adversarial).click()
    expect_selection(page, f"{benign} → {adversarial}", count)
    inside = (pairs["benign_label"] == benign) & (pairs["adversarial_label"] == adversarial)
    pair = _order_pairs(page, "largest drop of p(benign) first")
    assert pair == analysis.order_pairs("benign_drop_down", np.flatnonzero(inside))[0]
    _sort_neurons(page, "curve_gap")
    inhibited = _choose_first(page, "most inhibited")
    _neuron_view(page).get_by_role("button", name="pin beside").click()
    excited = _choose_first(page, "most excited")
    assert inhibited != excited
    _expect_context(page, excited, analysis, pair)
    # The scatterplots show the same subset.
    expect(plot(page, "benign")).to_be_visible()

"""In random states, the page shows the numbers of `Analysis`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.neuron_view import (
    assert_shows,
    coverage_text,
    field_figure,
    number_in,
    number_rows,
    open_numbers,
    order_of,
    page_settings,
    place_at,
)
from browser.overview import expect_selection, focused, pair_of
from vulneuron.analysis.settings import COMBINATIONS, Combination
from vulneuron.measures import MEASURES
from vulneuron.measures.thresholds import Mode
from vulneuron.server.parsing import format_numbers

STATES = 20
MODES: tuple[Mode, ...] = get_args(Mode)
_SORTS = ("neuron", "curve_gap", "substitution_benign_drop", "substitution_adversarial_gain")


@dataclass(frozen=True)
class State:
    """One state of the page, and the same choices for Python."""

    pair: int
    neurons: list[int]
    focus: int
    combine: Combination
    sort: str
    clusters: int
    settings: vn.Settings
    query: str


def _random_state(analysis: vn.Analysis, rng: np.random.Generator) -> State:
    data = analysis.data
    pair = int(rng.integers(data.count))
    neurons = sorted(rng.choice(data.neurons, rng.integers(1, 6), replace=False).tolist())
    focus, clusters = int(rng.choice(neurons)), int(rng.integers(2, 30))
    combine = COMBINATIONS[rng.integers(len(COMBINATIONS))]
    sort = str(rng.choice(_SORTS))
    mode = MODES[rng.integers(len(MODES))]
    level = round(float(rng.uniform(0.2, 0.9)), 3)
    choices = {
        "weights": str(rng.choice(["own", "benign", "adversarial", "margin"])),
        "band": str(rng.choice(["mean", "quantile"])),
        "confidence": round(float(rng.uniform(0.5, 0.99)), 2),
        "band_images": str(rng.choice(["benign", "adversarial"])),
        "distance": str(rng.choice(["receptive_field", "iou", "feature_map"])),
        "linkage": str(rng.choice(["ward", "average", "complete", "single"])),
    }
    shown = {
        "pairs": f"{data.benign_label[pair]}-{data.adversarial_label[pair]}",
        "pair": pair,
        "neurons": format_numbers(neurons),
        "focus": focus,
        "combine": combine,
        "sort": sort,
        "clusters": clusters,
        "threshold_mode": mode,
        "threshold_level": level,
    }
    settings = page_settings(analysis, **choices, threshold_mode=mode, threshold_level=level)
    return State(pair, neurons, focus, combine, sort, clusters, settings, urlencode({**shown, **choices}))


@pytest.mark.parametrize("number", range(STATES))
def test_page_equals_python(open_page: OpenPage, truth: Callable[[str], vn.Analysis], number: int) -> None:
    record = ("cifar10", "demo")[number % 2]
    analysis = truth(record)
    state = _random_state(analysis, np.random.default_rng(number))
    page = open_page(record, state.query)
    _check_images(page, analysis, state)
    _check_neurons(page, analysis, state)
    _check_receptive_fields(page, analysis, state)
    _check_clusters(page, analysis, state)


def _check_images(page: Page, analysis: vn.Analysis, state: State) -> None:
    row = analysis.record.pairs.iloc[state.pair]
    labels = str(row["benign_label"]), str(row["adversarial_label"])
    expect_selection(page, " → ".join(labels), len(analysis.cell(*labels)))
    card = focused(page)
    assert pair_of(card) == state.pair
    shown = [number_in(text) for text in card.locator(".numbers span").all_inner_texts()]
    pair = analysis.pair(state.pair)
    benign, adversarial = analysis.data.benign_label[state.pair], analysis.data.adversarial_label[state.pair]
    assert shown[0] == pytest.approx(pair.benign_probabilities[benign], abs=0.00501)
    assert shown[2] == pytest.approx(pair.adversarial_probabilities[adversarial], abs=0.00501)
    assert shown[1] == pytest.approx(pair.perturbation_l2, rel=0.01)


def _check_neurons(page: Page, analysis: vn.Analysis, state: State) -> None:
    table = analysis.neurons(
        state.pair,
        settings=state.settings,
    )
    if state.sort == "neuron":
        order = list(range(len(table)))
    else:
        order = order_of(
            table[state.sort].to_numpy(),
            largest_first=state.sort != "neuron" and MEASURES[state.sort].first == "largest",
        )
    numbers = open_numbers(page)
    for place in (0, order.index(state.focus), len(order) - 1):
        page.mouse.move(*place_at(page, place, len(order)))
        expect(numbers).to_contain_text(f"Neuron {order[place]} ")
        cells = number_rows(page)
        row = {column: float(table[column].iloc[order[place]]) for column in table}
        for index, side in enumerate(("benign", "adversarial")):
            assert_shows(cells["activation"][index], row[f"activation_{side}"])
            assert_shows(cells["contribution"][index], row[f"contribution_{side}"])
        assert_shows(cells["band gap"][0], row["band_gap"])
        assert_shows(cells["curve gap"][0], row["curve_gap"])
        assert_shows(cells["substituted alone"][0], row["substitution_benign_drop"])
        assert_shows(cells["substituted alone"][1], row["substitution_adversarial_gain"])
    page.mouse.move(0, 0)
    page.keyboard.press("Escape")


def _check_receptive_fields(page: Page, analysis: vn.Analysis, state: State) -> None:
    for side in ("benign", "adversarial"):
        field = analysis.receptive_field(
            state.pair, state.neurons, side, state.combine, settings=state.settings
        )
        expect(field_figure(page, side)).to_contain_text(coverage_text(field.coverage))


def _check_clusters(page: Page, analysis: vn.Analysis, state: State) -> None:
    tree = analysis.dendrogram(state.pair, settings=state.settings)
    labels = tree.cut_count(state.clusters)
    size = int((labels == labels[state.focus]).sum())
    view = page.get_by_role("region", name="Clusters", exact=True)
    count = len(state.neurons)
    expect(view.get_by_role("heading", level=3)).to_have_text(
        re.compile(rf"{count} chosen neurons" if count > 1 else rf"{size:,}\s+neurons? like {state.focus}")
    )
    expect(view.locator("text.size.focused")).to_have_text(f"{size:,}")

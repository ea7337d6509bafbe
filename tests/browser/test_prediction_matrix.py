"""Prediction matrix: its cells are those of `Analysis`, and choosing them selects their pairs."""

import re

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.overview import address, cell, class_names, counted, expect_selection, fullest, select_all

OTHER = "other classes"
#: Classes with their own row or column, if there are too many for all.
_COMMON = 14


def _names(grid: Locator, role: str) -> list[str]:
    labels = grid.locator(f"[role={role}]").evaluate_all("all => all.map(one => one.ariaLabel)")
    return [str(label) for label in labels]


def _grid(page: Page) -> Locator:
    return page.get_by_role("grid", name="Prediction matrix")


def _shown(page: Page) -> pd.DataFrame:
    """The counts that the matrix has, with its rows and columns."""
    rows = [one.split(" → ")[0] for one in _names(_grid(page), "rowheader")]
    columns = [one.split(" → ")[1].rpartition(": ")[0] for one in _names(_grid(page), "columnheader")]
    counts = [
        int(one.rpartition(": ")[2].split(" ")[0].replace(",", "")) for one in _names(_grid(page), "gridcell")
    ]
    return pd.DataFrame(np.reshape(counts, (len(rows), len(columns))), rows, columns)


def _grouped(labels: pd.Series, shown: pd.Index) -> pd.Series:
    return labels.astype(str).where(labels.isin(shown), OTHER)


def test_cells_have_their_counts(page: Page, analysis: vn.Analysis) -> None:
    shown, pairs = _shown(page), analysis.record.pairs
    wanted = pd.crosstab(
        _grouped(pairs["benign_label"], shown.index), _grouped(pairs["adversarial_label"], shown.columns)
    )
    assert (shown == wanted.reindex(index=shown.index, columns=shown.columns, fill_value=0)).all(axis=None)
    for labels, names in (("benign_label", shown.index), ("adversarial_label", shown.columns)):
        used = pairs[labels].nunique()
        if OTHER in names:
            # Rows and columns are the most frequent ones on their own side.
            assert len(names) == _COMMON + 1 <= used
            counts = pairs[labels].astype(str).value_counts()
            assert counts[list(names[:-1])].min() >= counts.drop(list(names[:-1])).max()
    benign, adversarial = fullest(analysis)
    count = len(analysis.cell(benign, adversarial))
    chosen = cell(page, benign, adversarial)
    chosen.hover()
    expect(page.get_by_role("tooltip")).to_have_text(f"{benign} → {adversarial}: {counted(count)}")
    page.get_by_role("rowheader", name=f"{benign} →").hover()
    expect(page.get_by_role("tooltip")).to_have_text(
        f"{benign} → any class: {counted(len(analysis.cell(benign, None)))}"
    )
    page.get_by_role("button", name="Enlarge the prediction matrix").click()
    expect(chosen.locator("text")).to_have_text(f"{count:,}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Enlarge the prediction matrix")).to_be_visible()


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_fuller_cells_are_darker(page: Page) -> None:
    shown = (
        _grid(page)
        .locator("[role=gridcell]:has(.cell)")
        .evaluate_all(
            "all => all.map(one => [one.ariaLabel, one.textContent.trim(),"
            " getComputedStyle(one.querySelector('rect')).fill])"
        )
    )
    light: dict[int, float] = {}
    for label, text, fill in shown:
        count = int(label.split(": ")[1].split(" ")[0].replace(",", ""))
        light[count] = sum(map(int, re.findall(r"\d+", fill)[:3]))
        # There is room for all counts.
        assert text == (f"{count:,}" if count else "")
    ordered = [light[count] for count in sorted(light)]
    assert ordered == sorted(ordered, reverse=True)
    # Nothing is drawn where an image would be fooled to its own class.
    assert len(shown) == 90


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_cells_rows_and_columns_select(page: Page, analysis: vn.Analysis) -> None:
    select_all(page)
    benign, adversarial = fullest(analysis)
    chosen = cell(page, benign, adversarial)
    chosen.click()
    expect_selection(page, f"{benign} → {adversarial}", len(analysis.cell(benign, adversarial)))
    expect(chosen).to_have_attribute("aria-selected", "true")
    counts = analysis.prediction_matrix().sum()
    other = next(str(name) for name in counts.index if name != adversarial)
    page.get_by_role("columnheader", name=f"→ {other}:").click(modifiers=["Shift"])
    both = np.union1d(analysis.cell(benign, adversarial), analysis.cell(None, other))
    expect_selection(page, "2 cells", both.size)
    assert page.evaluate("getSelection().toString()") == ""
    chosen.click(modifiers=["Shift"])
    expect_selection(page, f"any class → {other}", len(analysis.cell(None, other)))
    row = page.get_by_role("rowheader", name=f"{benign} →")
    row.click()
    expect_selection(page, f"{benign} → any class", len(analysis.cell(benign, None)))
    row.click()
    expect_selection(page, "all pairs", analysis.data.count)
    page.go_back()
    expect_selection(page, f"{benign} → any class", len(analysis.cell(benign, None)))
    row.focus()
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect_selection(page, "all pairs", analysis.data.count)


@pytest.mark.parametrize("record", ["demo"], indirect=True)
def test_a_subset_of_many_classes(page: Page, analysis: vn.Analysis) -> None:
    """The paper's Section 6.2.2: all views of images are reduced to a few classes."""
    pairs = analysis.record.pairs
    header = page.get_by_role("columnheader", name=f"→ {OTHER}:")
    rare = int(_shown(page)[OTHER].sum())
    header.click()
    expect_selection(page, f"any class → {OTHER}", rare)
    used = len(set(pairs["benign_label"]) | set(pairs["adversarial_label"]))
    page.get_by_role("button", name=f"all {used} classes").click()
    picker = page.get_by_role("dialog", name="Classes")
    picker.get_by_role("button", name="the 10 most attacked and the 10 they become").click()
    expect(_grid(page).get_by_role("rowheader")).to_have_count(10)
    shown = _shown(page)
    assert OTHER not in {*shown.index, *shown.columns}
    attacked = pairs["benign_label"].astype(str).value_counts()
    assert attacked[shown.index].sum() == attacked.nlargest(10).sum()
    become = pairs[pairs["benign_label"].isin(shown.index)]["adversarial_label"].astype(str).value_counts()
    assert become[shown.columns].sum() == become.nlargest(10).sum()
    chosen = pairs["benign_label"].isin(shown.index) & pairs["adversarial_label"].isin(shown.columns)
    assert shown.to_numpy().sum() == chosen.sum()
    expect_selection(page, "all pairs", int(chosen.sum()))
    for side, names in (("benign", shown.index), ("adversarial", shown.columns)):
        found = class_names(page, side).evaluate_all("all => all.map(one => one.ariaLabel)")
        assert found
        assert set(found) <= set(names)
    # The search adds a class to those that are chosen.
    added = next(name for name in attacked.index if name not in shown.index)
    picker.get_by_label("Find a class to add").fill(added.upper())
    picker.get_by_label("Find a class to add").press("Enter")
    expect(page.get_by_role("rowheader", name=f"{added} →")).to_be_visible()
    expect(_grid(page).get_by_role("rowheader")).to_have_count(11)
    removed = picker.get_by_role("checkbox", name=f"attacked images of {shown.index[0]}", exact=True)
    removed.uncheck()
    expect(_grid(page).get_by_role("rowheader")).to_have_count(10)
    page.reload()
    expect(_grid(page).get_by_role("rowheader")).to_have_count(10)
    expect(page.get_by_role("rowheader", name=f"{added} →")).to_be_visible()
    page.get_by_role("button", name=re.compile(rf"10 → 1\d of {used} classes")).click()
    picker.get_by_role("button", name="all classes").click()
    expect_selection(page, "all pairs", analysis.data.count)
    assert "classes" not in address(page)

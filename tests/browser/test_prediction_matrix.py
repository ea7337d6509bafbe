"""Prediction matrix: its cells are those of `Analysis`, and choosing them selects their pairs."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.overview import cell, counted, expect_selection, fullest, labels


@pytest.fixture
def everything(open_page: OpenPage, record: str) -> Page:
    """A page on which all pairs are selected."""
    return open_page(record, "pairs=all")


def test_cells_say_their_counts(page: Page, analysis: vn.Analysis) -> None:
    counts = analysis.prediction_matrix()
    grid = page.get_by_role("grid", name="Prediction matrix")
    rows = [one.split(" → ")[0] for one in _names(grid, "rowheader")]
    columns = [one.split(" → ")[1].split(":")[0] for one in _names(grid, "columnheader")]
    assert rows == columns
    shown = [name for name in rows if name != "other classes"]
    used = set(labels(analysis, "benign")) | set(labels(analysis, "adversarial"))
    assert len(shown) == min(20, len(used))
    full = counts.reindex(index=sorted(used), columns=sorted(used), fill_value=0)
    # A list would be taken for names of columns.
    group = np.array([name if name in shown else "other classes" for name in full.index])
    sums = full.groupby(group).sum().T.groupby(group).sum().T.loc[rows, columns].to_numpy()
    wanted = [
        f"{row} → {column}: {counted(sums[i, j])}"
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
    assert _names(grid, "gridcell") == wanted
    assert _names(grid, "rowheader") == [
        f"{row} → any class: {counted(many)}" for row, many in zip(rows, sums.sum(1), strict=True)
    ]
    assert _names(grid, "columnheader") == [
        f"any class → {one}: {counted(many)}" for one, many in zip(columns, sums.sum(0), strict=True)
    ]


def _names(grid: Locator, role: str) -> list[str]:
    labels = grid.locator(f"[role={role}]").evaluate_all("all => all.map(one => one.ariaLabel)")
    return [str(label) for label in labels]


def test_fuller_cells_are_darker(page: Page, analysis: vn.Analysis) -> None:
    shown = (
        page.get_by_role("grid")
        .locator("[role=gridcell]")
        .evaluate_all(
            "all => all.map(one => [one.ariaLabel, getComputedStyle(one.querySelector('rect')).fill])"
        )
    )
    light: dict[int, float] = {}
    for label, fill in shown:
        if "other" not in label:
            count = int(label.split(": ")[1].split(" ")[0].replace(",", ""))
            light[count] = sum(map(int, re.findall(r"\d+", fill)[:3]))
    ordered = [light[count] for count in sorted(light)]
    assert ordered == sorted(ordered, reverse=True)
    assert max(light) == analysis.prediction_matrix().to_numpy().max()


def test_a_cell_says_its_count_on_hover(page: Page, analysis: vn.Analysis) -> None:
    benign, adversarial = fullest(analysis)
    count = len(analysis.cell(benign, adversarial))
    cell(page, benign, adversarial).hover()
    expect(page.get_by_role("tooltip")).to_have_text(f"{benign} → {adversarial}: {counted(count)}")
    page.get_by_role("rowheader", name=f"{benign} →").hover()
    expect(page.get_by_role("tooltip")).to_have_text(
        f"{benign} → any class: {counted(len(analysis.cell(benign, None)))}"
    )


def test_cells_rows_and_columns_select(everything: Page, analysis: vn.Analysis) -> None:
    page, (benign, adversarial) = everything, fullest(analysis)
    chosen = cell(page, benign, adversarial)
    chosen.click()
    expect_selection(page, f"{benign} → {adversarial}", len(analysis.cell(benign, adversarial)))
    expect(chosen).to_have_attribute("aria-selected", "true")
    heads = [one.removeprefix("any class → ") for one in _names(page.get_by_role("grid"), "columnheader")]
    other = next(
        one.split(":")[0]
        for one in heads
        if not one.endswith(": 0 pairs") and not one.startswith((f"{adversarial}:", "other classes:"))
    )
    page.get_by_role("columnheader", name=f"→ {other}:").click(modifiers=["Shift"])
    both = np.union1d(analysis.cell(benign, adversarial), analysis.cell(None, other))
    expect_selection(page, "2 cells", both.size)
    chosen.click(modifiers=["Shift"])
    expect_selection(page, f"any class → {other}", len(analysis.cell(None, other)))
    page.get_by_role("rowheader", name=f"{benign} →").click()
    expect_selection(page, f"{benign} → any class", len(analysis.cell(benign, None)))
    page.get_by_role("rowheader", name=f"{benign} →").click()
    expect_selection(page, "all pairs", analysis.data.count)
    page.go_back()
    expect_selection(page, f"{benign} → any class", len(analysis.cell(benign, None)))
    page.go_forward()
    expect_selection(page, "all pairs", analysis.data.count)


@pytest.mark.parametrize("record", ["demo"], indirect=True)
def test_other_classes_select_as_one(everything: Page, analysis: vn.Analysis) -> None:
    header = everything.get_by_role("columnheader", name="→ other classes:")
    label = header.get_attribute("aria-label")
    assert label is not None
    count = int(re.findall(r"(\d+) pair", label)[0])
    header.click()
    expect_selection(everything, "any class → other classes", count)
    everything.reload()
    expect_selection(everything, "any class → other classes", count)
    assert 0 < count < analysis.data.count


def test_the_matrix_works_by_keys(everything: Page, analysis: vn.Analysis) -> None:
    page = everything
    rows = _names(page.get_by_role("grid"), "rowheader")
    page.get_by_role("gridcell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("gridcell").nth(len(rows) + 1)).to_be_focused()
    page.keyboard.press("Home")
    expect(page.get_by_role("rowheader").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("rowheader").nth(0)).to_be_focused()
    name = next(one for one in rows if not one.endswith(": 0 pairs")).split(" → ")[0]
    for _ in range([one.split(" → ")[0] for one in rows].index(name)):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect_selection(page, f"{name} → any class", len(analysis.cell(name, None)))


def test_the_matrix_can_be_enlarged(page: Page, analysis: vn.Analysis) -> None:
    benign, adversarial = fullest(analysis)
    page.get_by_role("button", name="Enlarge the prediction matrix").click()
    matrix = page.get_by_role("grid", name="Prediction matrix")
    name = re.compile(f"^{re.escape(benign)} → {re.escape(adversarial)}:")
    expect(matrix.get_by_role("gridcell", name=name).locator("text")).to_have_text(
        str(len(analysis.cell(benign, adversarial)))
    )
    matrix.get_by_role("rowheader", name=f"{benign} →").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Enlarge the prediction matrix")).to_be_visible()
    expect_selection(page, f"{benign} → any class", len(analysis.cell(benign, None)))

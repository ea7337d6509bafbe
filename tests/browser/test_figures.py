"""Figures: every view offers one, and a saved one is what the lines of Python beside it draw."""

from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.guards import Guards

QUERY = "pairs=3-5&pair=0&neurons=4-6&focus=5&top=10"


def offer(page: Page, view: str, item: str = "Figure…") -> Locator:
    """The dialog of a figure."""
    page.get_by_role("button", name=f"More: {view}", exact=True).click()
    page.get_by_role("button", name=item, exact=True).click()
    dialog = page.get_by_role("dialog", name="Figure")
    expect(dialog.get_by_alt_text("Preview of the figure")).to_be_visible()
    return dialog


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_figures_of_all_views(
    open_page: OpenPage,
    record: str,
    analysis: vn.Analysis,
    guards: Guards,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A width of 10 mm.
    guards.expect("status of 422")
    page = open_page(record, QUERY)
    scatterplots, matrix = "Figure of the scatterplots…", "Figure of the matrix…"
    for view, item, call in (
        ("Images and predictions", scatterplots, 'plots.scatterplots(analysis, highlight="cat:dog"'),
        ("Images and predictions", matrix, 'plots.prediction_matrix(analysis, cells=["cat:dog"]'),
        ("Neuron", "Figure…", "plots.neuron(analysis, 0, [4, 5, 6]"),
        ("Clusters", "Figure…", "plots.clusters(analysis, 0, neurons=[4, 5, 6], focus=5"),
        ("Neurons", "Figure…", 'plots.neurons(analysis, 0, sort="band_gap", neurons=[4, 5, 6], focus=5'),
    ):
        expect(offer(page, view, item)).to_contain_text(call)
        page.keyboard.press("Escape")

    dialog = offer(page, "Pairs")
    dialog.get_by_text("1 column", exact=True).click()
    dialog.get_by_label("Number of pairs").fill("3")
    expect(dialog).to_contain_text('plots.pairs(analysis, "cat:dog", count=3, width=85)')
    width = dialog.get_by_label("Width in millimeters")
    expect(width).to_have_value("85")
    width.fill("10")
    width.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("millimeters from 40 to 500")
    width.fill("90")
    width.press("Enter")
    dialog.get_by_label("title").uncheck()
    code = dialog.locator("pre")
    expect(code).to_contain_text('count=3, title="", width=90)')
    expect(dialog.get_by_alt_text("Preview of the figure")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    saved = download.value.path().read_bytes()
    assert pypdfium2.PdfDocument(saved)[0].get_width() == pytest.approx(90 / 25.4 * 72, abs=0.1)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.inner_text(), "code", "exec"), {})  # noqa: S102  our own code
    assert (tmp_path / download.value.suggested_filename).read_bytes() == saved
    assert "vn.Settings(" in code.inner_text()
    assert analysis.record.path in code.inner_text()

"""A static report in a browser without a network: linked views, with the numbers of `Analysis`."""

import csv
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import vulneuron as vn
from browser.conftest import settle
from browser.front_end import build_if_stale
from browser.guards import Guards
from browser.neuron_view import page_settings, probability
from browser.records import ExampleRecord
from vulneuron.cli.report import command
from vulneuron.measures import MEASURES

NOTE = "Looks at the <b>ears</b>."
_CARD = re.compile(r"^pair \d+: ")


@dataclass(frozen=True)
class Report:
    """A report of two pairs, one of them with vulnerability maps."""

    folder: Path
    analysis: vn.Analysis
    mapped: int
    unmapped: int


@pytest.fixture(scope="module")
def report(example_paths: tuple[ExampleRecord, ...], tmp_path_factory: pytest.TempPathFactory) -> Report:
    build_if_stale(tmp_path_factory.getbasetemp().parent / "front-end.lock")
    folder = tmp_path_factory.mktemp("report")
    record = next(one for one in example_paths if one.name == "cifar10")
    path = Path(shutil.copytree(record.path, folder / "cifar10.zarr"))
    analysis = vn.Analysis(path)
    settings = page_settings(analysis)
    mapped = int(analysis.pairs_with_maps(settings=settings)[0])
    alike = analysis.context(mapped, 0, count=1).pairs
    unmapped = next(
        int(pair) for pair in [*alike, mapped + 1] if not analysis.has_maps(pair, settings=settings)
    )
    for pair in (unmapped, mapped):
        analysis.record.findings.add(NOTE, pair=pair)
    command(str(path), folder / "site", findings=True)
    files = [*(folder / "site" / "report").glob("pair-*.js")]
    assert len(files) == 2
    assert all(file.stat().st_size < 2**20 for file in files)
    # Whatever the page shows is in its own files.
    analysis = vn.Analysis(shutil.move(path, folder / "moved.zarr"), settings=settings)
    return Report(folder / "site", analysis, mapped, unmapped)


@contextmanager
def _opened(chromium: Browser, folder: Path) -> Iterator[Page]:
    """A report from disk, which needs no network, and reports no error."""
    guards = Guards(folder.as_uri())
    context = chromium.new_context(
        offline=True, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    )
    page = context.new_page()
    guards.watch(page)
    page.goto((folder / "index.html").as_uri())
    settle(page)
    yield page
    context.close()
    guards.check()


@pytest.fixture
def page(chromium: Browser, report: Report) -> Iterator[Page]:
    with _opened(chromium, report.folder) as page:
        yield page


def _numbers(page: Page, view: str) -> list[list[str]]:
    """Rows of the numbers that a view saves, with all of their digits."""
    region = page.get_by_role("region", name=view, exact=True)
    region.get_by_role("button", name=f"More: {view}").click()
    with page.expect_download() as download:
        region.get_by_role("button", name="Numbers (CSV)").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _assert_neurons(page: Page, expected: pd.DataFrame) -> None:
    header, *rows = _numbers(page, "Neurons")
    for name in MEASURES:
        values = {int(row[0]): row[header.index(name)] for row in rows}
        shown = [float(values[neuron] or "nan") for neuron in expected.index]
        np.testing.assert_array_equal(shown, expected[name].to_numpy(float), err_msg=name)


def _best(page: Page) -> Locator:
    """The neurons that come first by overlap."""
    return page.get_by_role("group", name="largest IoU neurons").get_by_role("button")


def _choose_settings(page: Page) -> tuple[float, float]:
    """Move both sliders, whose steps are the values that the report has numbers for."""
    page.get_by_role("slider", name="RF threshold").press("ArrowRight")
    page.get_by_role("slider", name="outline").press("ArrowLeft")
    page.wait_for_url(re.compile("threshold_level=.*top="))
    found = re.search(r"threshold_level=([\d.e-]+)&top=([\d.]+)", page.url)
    assert found
    settle(page)
    return float(found[1]), float(found[2])


def test_a_report_from_disk(page: Page, report: Report) -> None:
    analysis, pair = report.analysis, report.mapped
    expect(page.get_by_text("Report of 2 pairs")).to_be_visible()
    cards = page.get_by_role("option", name=_CARD)
    expect(cards).to_have_count(2)
    page.get_by_role("option", name=f"pair {report.unmapped}: ").click()
    reason = f"Not in this report: vulnerability maps of pair {report.unmapped}."
    expect(page.get_by_text(reason)).to_be_visible()
    page.get_by_role("option", name=f"pair {pair}: ").click()
    settle(page)
    _assert_neurons(page, analysis.neurons(pair))

    # Another order, threshold and outline, and two neurons.
    page.get_by_role("combobox", name="Sort neurons by").select_option("iou_benign_drop")
    level, top = _choose_settings(page)
    settings = analysis.settings.replace(threshold_level=level, top=top)
    table = analysis.neurons(pair, settings=settings)
    _assert_neurons(page, table)
    ranked = table["iou_benign_drop"].sort_values(ascending=False, kind="stable").index[:2].tolist()
    expect(_best(page).first).to_have_text(str(ranked[0]))
    _best(page).first.click()
    _best(page).nth(1).click(modifiers=["Shift"])
    settle(page)
    values = dict(_numbers(page, "Neuron")[1:])
    overlap = analysis.overlap(pair, sorted(ranked), settings=settings)
    assert float(values[f"IoU of the RF on the benign image with the top {top:g} % by benign drop"]) == (
        overlap.benign_drop
    )
    masks = analysis.receptive_fields(pair, ranked, settings=settings)
    assert float(values["coverage of the adversarial image"]) == masks.adversarial.any(axis=0).mean()
    _assert_one_neuron(page, report)

    # The findings, whose notes are text.
    page.get_by_role("button", name="Findings and groups").click()
    notes = page.get_by_role("complementary", name="Findings").get_by_role("textbox")
    expect(notes.first).to_have_value(NOTE)
    expect(notes.first).not_to_be_editable()
    page.get_by_role("button", name="Close the findings").click()

    # A pair that is not there says so.
    page.get_by_role("button", name="Select all pairs").click()
    cards.filter(has_text="not in this report").first.click()
    expect(page.get_by_role("alert").filter(has_text="Not in this report: pair").first).to_be_visible()


def _assert_one_neuron(page: Page, report: Report) -> None:
    """With the first settings: the effect of a neuron alone, and its context images."""
    analysis, pair = report.analysis, report.mapped
    page.get_by_role("slider", name="RF threshold").press("ArrowLeft")
    page.get_by_role("slider", name="outline").press("ArrowRight")
    neuron = int(analysis.neurons(pair)["iou_benign_drop"].argmax())
    expect(_best(page).first).to_have_text(str(neuron))
    _best(page).first.click()
    settle(page)
    values = dict(_numbers(page, "Neuron")[1:])
    label = analysis.record.pairs["benign_label"][pair]
    before = analysis.pair(pair).benign_probabilities[analysis.record.class_names.index(label)]
    after = float(values[f"probability of {label} on the benign image after the substitution"])
    effect = analysis.substitute(pair, [neuron], into="benign")
    assert after == pytest.approx(before - effect.benign_drop, abs=1e-6)
    page.get_by_role("button", name=f"Context images of neuron {neuron}, benign").click()
    window = page.get_by_role("dialog", name=f"Context images of neuron {neuron}")
    context = analysis.context(pair, neuron)
    shown = window.get_by_role("button", name=re.compile(r"^Pair \d+, "))
    expect(shown).to_have_count(len(context.pairs))
    first = f"probability {probability(context.benign_confidences[0])}, "
    expect(shown.first).to_have_accessible_name(re.compile(re.escape(first)))
    window.get_by_role("button", name="Close", exact=True).click()


def test_the_example_in_the_documentation(chromium: Browser) -> None:
    with _opened(chromium, Path(__file__).parents[2] / "docs" / "example-report") as page:
        expect(page.get_by_text("Report of 2 pairs")).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("^Vulnerability map: benign drop"))).to_be_visible()

"""Findings and groups: saved in the page, listed beside the views, stored with the record."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from browser.overview import address
from runs import color_net
from served import listening
from vulneuron.record.saved import SavedStore
from vulneuron.server.app import create_app
from vulneuron.server.library import Library


@pytest.fixture
def record(linear_record: Path, tmp_path: Path) -> vn.Record:
    return vn.open_record(shutil.copytree(linear_record, tmp_path / "colors.zarr"))


@pytest.fixture
def page(record: vn.Record, open_page: OpenPage, guards: Guards) -> Iterator[Page]:
    """The first screen of a record of its own."""
    guards.expect("127.0.0.1")
    page = open_page("cifar10")
    library = Library([record.path], color_net())
    for served in library:
        served.join()
    with listening(create_app(library)) as server:
        page.goto(server)
        settle(page)
        yield page


def listed(page: Page) -> Locator:
    """The list of findings and groups, which is opened if needed."""
    found = page.get_by_role("complementary", name="Findings")
    if not found.is_visible():
        page.get_by_role("button", name="Findings and groups").click()
    return found


def save(page: Page, note: str) -> None:
    page.keyboard.press("s")
    page.get_by_label("Note on this view").fill(note)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="This view is saved")).to_be_visible()


def test_findings(page: Page, record: vn.Record, tmp_path: Path) -> None:
    save(page, "first note")
    first = address(page)
    page.keyboard.press("j")
    expect(page.get_by_role("button", name="Save this view", exact=True)).to_be_visible()
    save(page, "")
    side = listed(page)
    one, two = record.findings
    assert (one.note, two.note) == ("first note", "")
    assert re.fullmatch(rf"\w+ → \w+, pair {one.pair}, neuron {one.neurons[0]}", one.title)
    items = side.locator("ol").get_by_role("listitem")
    expect(items).to_have_count(2)

    # The order, which keys change, too.
    side.get_by_role("button", name=f"Move up: {two.title}").press("Enter")
    expect(items.first).to_contain_text(two.title)
    assert [finding.id for finding in record.findings] == [two.id, one.id]
    # A click shows the view again.
    items.last.get_by_role("button", name=one.title).first.click()
    expect(items.last).to_have_attribute("aria-current", "true")
    assert address(page) == first

    # A note that is changed at two places at once keeps both texts.
    field = items.last.get_by_label(f"Note on {one.title}")
    field.fill("mine")
    record.findings.edit(one, note="theirs")
    field.press("Enter")
    expect(field).to_have_value("theirs\n\nmine")
    assert record.findings[1].note == "theirs\n\nmine"
    side.get_by_role("button", name=f"Rename: {one.title}").click()
    side.get_by_label("Title").fill("<b>Mine</b>")
    side.get_by_label("Title").press("Enter")
    expect(items.last).to_contain_text("<b>Mine</b>")

    side.get_by_role("button", name="Delete: <b>Mine</b>").click()
    expect(items).to_have_count(1)
    side.get_by_role("button", name="Undo").click()
    expect(items.last).to_contain_text("<b>Mine</b>")

    with page.expect_download() as download:
        side.get_by_role("button", name="Markdown").click()
    download.value.save_as(tmp_path / "findings.md")
    text = (tmp_path / "findings.md").read_text("utf-8")
    assert text.index(f"## 1. {two.title}") < text.index(r"## 2. \<b\>Mine\</b\>")
    assert "theirs\n\nmine" in text
    # Its links open the views.
    (link,) = re.findall(r"\(<(http[^>]+)>\)", text.partition("## 2.")[0])
    assert f"pair={two.pair}" in link


def test_groups_and_a_record_that_is_read_only(
    page: Page, record: vn.Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = listed(page)
    side.get_by_role("button", name="Save 1 neuron as…").click()
    side.get_by_label("Save 1 neuron as").fill("eye")
    side.get_by_label("Save 1 neuron as").press("Enter")
    side.get_by_role("button", name="Rename: eye").click()
    side.get_by_label("Name", exact=True).fill("ears")
    side.get_by_label("Name", exact=True).press("Enter")
    expect(side.get_by_role("button", name="Rename: ears")).to_be_visible()
    assert len(record.groups["ears"].neurons) == 1
    record.groups["ears"] = vn.Group(neurons=[0, 2])
    record.groups["some pairs"] = vn.Group(pairs=[1, 4, 5])
    page.reload()
    settle(page)
    page.keyboard.press("/")
    page.keyboard.type("ear")
    page.get_by_role("option", name="ears group, 2 neurons").click()
    assert address(page)["neurons"] == "0,2"
    side = listed(page)
    side.get_by_role("button", name="some pairs 3 pairs").click()
    assert address(page)["pairs"] == "list_1,4-5"
    page.keyboard.press("Escape")
    expect(side).to_be_hidden()

    # New findings stay in the tab.
    monkeypatch.setattr(SavedStore, "unwritable", "the record is read-only")
    page.reload()
    settle(page)
    page.keyboard.press("s")
    expect(page.get_by_text("It stays in this tab, because the record is read-only")).to_be_visible()
    page.keyboard.type("of this tab\n")
    expect(page.get_by_role("button", name="This view is saved")).to_be_visible()
    page.reload()
    settle(page)
    side = listed(page)
    expect(side.get_by_text("cannot be saved, because the record is read-only")).to_be_visible()
    expect(side.get_by_role("textbox")).to_have_value("of this tab")
    with page.expect_download():
        side.get_by_role("button", name="Markdown").click()
    assert not len(record.findings)
    expect(side.get_by_role("button", name="Save 1 neuron as…")).to_be_hidden()

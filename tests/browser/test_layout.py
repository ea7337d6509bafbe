"""Views that fill the window, and views that are closed."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.conftest import OpenPage, settle
from browser.test_shell import violations

VIEWS = ("Data overview", "Images", "Neuron vulnerability", "Receptive field", "Neuron clusters")


@pytest.fixture
def record() -> str:
    return "cifar10"


def region(page: Page, view: str) -> Locator:
    return page.get_by_role("region", name=view, exact=True)


def size(region: Locator) -> tuple[float, float]:
    box = region.bounding_box()
    assert box is not None
    return box["width"], box["height"]


def expect_all_views(page: Page) -> None:
    for view in VIEWS:
        expect(region(page, view)).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fills_the_window_and_goes_back(page: Page, view: str) -> None:
    before = size(region(page, view))
    page.get_by_role("button", name=f"Enlarge {view}").click()
    restore = page.get_by_role("button", name=f"Restore {view}")
    expect(restore).to_be_focused()
    width, height = size(region(page, view))
    assert width > 0.98 * 1440
    assert height > 0.92 * 900
    # The others are neither seen nor read, and keys do not lead to them.
    for other in VIEWS:
        expect(region(page, other)).to_have_count(int(other == view))
    restore.click()
    expect_all_views(page)
    assert size(region(page, view)) == before


def test_escape_goes_back_and_leaves_the_focus(page: Page) -> None:
    page.get_by_role("button", name="Enlarge Neuron vulnerability").click()
    plot = page.get_by_role("slider", name="Contributions of all neurons")
    plot.press("ArrowRight")
    page.keyboard.press("Escape")
    expect_all_views(page)
    expect(plot).to_be_focused()


def test_escape_closes_first_what_lies_over_the_view(page: Page) -> None:
    page.get_by_role("button", name="Enlarge Receptive field").click()
    page.get_by_role("button", name="Export Receptive field").click()
    menu = page.get_by_role("button", name="Numbers (CSV)")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Context images of neuron").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Restore Receptive field")).to_be_visible()
    page.keyboard.press("Escape")
    expect_all_views(page)


def test_the_address_has_the_enlarged_view(page: Page) -> None:
    page.get_by_role("button", name="Enlarge Images").click()
    expect(page).to_have_url(re.compile(r"enlarged=images$"))
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="Restore Images")).to_be_visible()
    expect(region(page, "Neuron clusters")).to_have_count(0)
    page.go_back()
    expect_all_views(page)
    page.go_forward()
    # What had the focus before is covered.
    expect(page.get_by_role("button", name="Restore Images")).to_be_focused()


def test_a_part_of_a_view_fills_the_window(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "pairs=all")
    page.get_by_role("button", name="Enlarge the prediction matrix").click()
    expect(page).to_have_url(re.compile(r"enlarged=overview\.matrix"))
    width, height = size(page.get_by_role("grid"))
    assert width > 0.95 * 1440
    assert height > 0.8 * 900
    expect(page.get_by_role("application", name="Benign images")).to_be_hidden()
    page.keyboard.press("Escape")
    expect_all_views(page)
    expect(page.get_by_role("application", name="Benign images")).to_be_visible()


def test_closed_views_leave_their_room(page: Page) -> None:
    overview, field = (size(region(page, view)) for view in ("Data overview", "Receptive field"))
    page.get_by_role("button", name="Views").click()
    menu = page.get_by_role("group", name="Views")
    for view in ("Images", "Neuron clusters"):
        menu.get_by_label(view).uncheck()
        expect(region(page, view)).to_have_count(0)
    expect(page).to_have_url(re.compile("closed=images_clusters"))
    page.keyboard.press("Escape")
    assert size(region(page, "Data overview"))[1] > 2 * overview[1]
    assert size(region(page, "Receptive field"))[0] > 1.5 * field[0]
    page.reload()
    settle(page)
    expect(region(page, "Images")).to_have_count(0)
    page.get_by_role("button", name="Views").click()
    for view in ("Images", "Neuron clusters"):
        menu.get_by_label(view).check()
    settle(page)
    expect_all_views(page)
    assert size(region(page, "Data overview")) == overview


def test_the_last_view_cannot_be_closed(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "closed=images_neurons_field_clusters")
    page.get_by_role("button", name="Views").click()
    menu = page.get_by_role("group", name="Views")
    expect(menu.get_by_label("Data overview")).to_be_disabled()
    expect(menu.get_by_label("Images")).to_be_enabled()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(open_page: OpenPage, record: str, theme: str) -> None:
    page = open_page(record, "enlarged=neurons", theme=theme)
    page.get_by_role("button", name="Views").click()
    assert not violations(page)

"""Views that fill the window, and views that are closed."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.conftest import OpenPage, settle
from browser.test_shell import violations

VIEWS = ("Images and predictions", "Pairs", "Neurons", "Neuron", "Clusters")


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
    page.get_by_role("button", name=f"Enlarge {view}", exact=True).click()
    restore = page.get_by_role("button", name=f"Restore {view}", exact=True)
    expect(restore).to_be_focused()
    width, height = size(region(page, view))
    assert width > 0.97 * 1440
    assert height > 0.92 * 900
    # The others are neither seen nor read, and keys do not lead to them.
    for other in VIEWS:
        expect(region(page, other)).to_have_count(int(other == view))
    restore.click()
    expect_all_views(page)
    assert size(region(page, view)) == before


def test_escape_goes_back_and_leaves_the_focus(page: Page) -> None:
    page.get_by_role("button", name="Enlarge Neurons").click()
    plot = page.get_by_role("slider", name="Contributions of all neurons")
    plot.press("ArrowRight")
    page.keyboard.press("Escape")
    expect_all_views(page)
    expect(plot).to_be_focused()


def test_escape_closes_first_what_lies_over_the_view(page: Page) -> None:
    page.get_by_role("button", name="Enlarge Neuron", exact=True).click()
    page.get_by_role("button", name="More: Neuron", exact=True).click()
    menu = page.get_by_role("button", name="Numbers (CSV)")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Context images of neuron").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Restore Neuron", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect_all_views(page)


def test_the_address_has_the_enlarged_view(page: Page) -> None:
    page.get_by_role("button", name="Enlarge Pairs").click()
    expect(page).to_have_url(re.compile(r"enlarged=images$"))
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="Restore Pairs")).to_be_visible()
    expect(region(page, "Clusters")).to_have_count(0)
    page.go_back()
    expect_all_views(page)
    page.go_forward()
    # What had the focus before is covered.
    expect(page.get_by_role("button", name="Restore Pairs")).to_be_focused()


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
    field = size(region(page, "Neuron"))
    page.get_by_role("button", name="Export").click()
    menu = page.get_by_role("group", name="Views")
    for view in ("Pairs", "Clusters"):
        menu.get_by_label(view).uncheck()
        expect(region(page, view)).to_have_count(0)
    expect(page).to_have_url(re.compile("closed=images_clusters"))
    page.keyboard.press("Escape")
    assert size(region(page, "Neuron"))[0] > 2.5 * field[0]
    page.reload()
    settle(page)
    expect(region(page, "Pairs")).to_have_count(0)
    page.get_by_role("button", name="Export").click()
    for view in ("Pairs", "Clusters"):
        menu.get_by_label(view).check()
    settle(page)
    expect_all_views(page)
    assert size(region(page, "Neuron")) == field


@pytest.mark.parametrize("window", [(1024, 768), (900, 720)])
def test_a_narrow_window_shows_one_page_at_a_time(
    open_page: OpenPage, record: str, window: tuple[int, int]
) -> None:
    page = open_page(record, size=window)
    pages = page.get_by_role("navigation", name="Views")
    for name, views in (
        ("Pair", ("Neurons", "Neuron")),
        ("Clusters", ("Clusters",)),
        ("Space", ("Images and predictions", "Pairs")),
    ):
        pages.get_by_text(name, exact=True).click()
        settle(page)
        for view in VIEWS:
            expect(region(page, view)).to_have_count(int(view in views))
        scrolled = "[document.scrollingElement.scrollWidth, document.scrollingElement.scrollHeight]"
        assert tuple(page.evaluate(scrolled)) == window
    # A view that an address enlarges is on its page.
    page.get_by_role("button", name="Enlarge Pairs").click()
    expect(pages).to_have_count(0)
    page.keyboard.press("Escape")
    expect(region(page, "Pairs")).to_be_visible()


def test_the_last_view_cannot_be_closed(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "closed=images_neurons_field_clusters")
    page.get_by_role("button", name="Export").click()
    menu = page.get_by_role("group", name="Views")
    expect(menu.get_by_label("Images and predictions")).to_be_disabled()
    expect(menu.get_by_label("Pairs")).to_be_enabled()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(open_page: OpenPage, record: str, theme: str) -> None:
    page = open_page(record, "enlarged=neurons", theme=theme)
    page.get_by_role("button", name="Export").click()
    assert not violations(page)

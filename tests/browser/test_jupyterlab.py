"""The notebook widget in JupyterLab, with a kernel."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.guards import Guards
from browser.lab import running_lab

#: Starting a kernel and importing PyTorch in it.
_FIRST_CELL_MS = 60_000
_CELLS = (
    "import vulneuron as vn\ndashboard = vn.show({record!r}, height=600)\ndashboard",
    "print('pair', dashboard.pair)",
    "dashboard.neurons = [1, 2]",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, linear_record: Path) -> Iterator[tuple[str, str]]:
    """Address and token of JupyterLab with one notebook."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(text.format(record=str(linear_record))) for text in _CELLS]
    (folder / "notebooks").mkdir()
    # Without a kernel's name, JupyterLab asks for one.
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    written = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(written, folder / "notebooks" / "pairs.ipynb")
    with running_lab(folder) as server:
        yield server


@pytest.fixture
def notebook(chromium: Browser, built_front_end: None, lab: tuple[str, str]) -> Iterator[Page]:
    address, token = lab
    # The dashboard is another server of this machine.
    guards = Guards("http://127.0.0.1:")
    page = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    guards.watch(page)
    page.goto(f"{address}lab/tree/pairs.ipynb?token={token}")
    yield page
    page.close()
    guards.check()


def run(cell: Locator) -> None:
    """Run a cell as a person does."""
    cell.get_by_role("textbox").click()
    cell.press("Shift+Enter")


def test_cells_and_page_follow_each_other(notebook: Page) -> None:
    show, read, choose = (notebook.locator(".jp-CodeCell").nth(index) for index in range(len(_CELLS)))
    expect(notebook.get_by_text("| Idle")).to_be_visible(timeout=_FIRST_CELL_MS)
    run(show)
    frame = show.frame_locator("iframe[title=Vulneuron]")
    other = frame.get_by_role("listbox", name="Selected pairs").get_by_role("option").nth(1)
    expect(other).to_have_accessible_name(re.compile(r"pair \d+:"), timeout=_FIRST_CELL_MS)
    expect(frame.locator("section[aria-busy=true]")).to_have_count(0, timeout=_FIRST_CELL_MS)

    # A click in the page changes a trait.
    pair = str(other.get_attribute("title")).partition(":")[0]
    other.click()
    expect(other).to_have_attribute("aria-current", "true")
    run(read)
    expect(read.locator(".jp-OutputArea-output")).to_have_text(pair)

    # A trait changes the page.
    run(choose)
    frame.get_by_role("navigation", name="Views").get_by_text("Pair", exact=True).click()
    heading = frame.get_by_role("region", name="Neuron", exact=True).get_by_role("heading", level=2)
    expect(heading).to_have_text("2 neurons", ignore_case=True)

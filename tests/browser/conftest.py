"""A real browser on a real server with two records: the demo's and one of CIFAR-10."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

import vulneuron as vn
from browser import executable
from browser.front_end import build_if_stale
from browser.guards import Guards
from browser.records import ExampleRecord, example_records, kept_folder
from browser.serving import StageBrake, serving

RECORDS = ("demo", "cifar10")
#: What headless Chromium needs in a container without a GPU, and what keeps it from calling home.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SETTLED_MS = 60_000
OpenPage = Callable[..., Page]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def example_paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExampleRecord, ...]:
    base = tmp_path_factory.getbasetemp()
    # Workers of one run share what takes long to make.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return example_records(kept_folder(shared / "records"), tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def stage_brake() -> StageBrake:
    """Holds the server's jobs while it is applied."""
    return StageBrake()


@pytest.fixture(scope="session")
def built_front_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The pages that servers send are those of the sources."""
    build_if_stale(tmp_path_factory.getbasetemp().parent / "front-end.lock")


@pytest.fixture(scope="session")
def server(
    example_paths: tuple[ExampleRecord, ...], built_front_end: None, stage_brake: StageBrake
) -> Iterator[str]:
    """Address of the server, ending in a slash."""
    with serving(example_paths, brake=stage_brake) as address:
        yield address


@pytest.fixture(scope="session")
def truth(example_paths: tuple[ExampleRecord, ...]) -> Callable[[str], vn.Analysis]:
    """Analyses of the records, by record name."""
    known = {one.name: vn.Analysis(one.path) for one in example_paths}
    return known.__getitem__


@pytest.fixture(scope="module")
def playwright_driver() -> Iterator[Playwright]:
    """Run Playwright for one file: until it stops, this thread has a running event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    try:
        chromium = executable.find(Path(playwright_driver.chromium.executable_path))
    except executable.NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)
    browser = playwright_driver.chromium.launch(
        executable_path=chromium.path, env={**os.environ, **chromium.environment}, args=list(_ARGUMENTS)
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def open_context(chromium: Browser, server: str) -> Iterator[Callable[[bool], BrowserContext]]:
    """Browser profiles of a file, with and without the content security policy.

    Its tests share them, because a new profile starts processes and compiles the scripts again.
    """
    contexts: dict[bool, BrowserContext] = {}

    def context(bypass_csp: bool) -> BrowserContext:
        if bypass_csp not in contexts:
            contexts[bypass_csp] = chromium.new_context(base_url=server, bypass_csp=bypass_csp)
        return contexts[bypass_csp]

    yield context
    for one in contexts.values():
        one.close()


@pytest.fixture
def guards(server: str) -> Iterator[Guards]:
    """Fails the test if a page reports an error, or sends a request to another server."""
    watching = Guards(server)
    yield watching
    watching.check()


@pytest.fixture
def open_page(
    server: str, open_context: Callable[[bool], BrowserContext], guards: Guards
) -> Iterator[OpenPage]:
    """Open the dashboard on a record, without preferences from earlier tests."""
    pages: list[Page] = []

    def opened(
        record: str,
        query: str = "",
        *,
        size: tuple[int, int] = (1440, 900),
        theme: Literal["light", "dark"] = "light",
        bypass_csp: bool = False,
    ) -> Page:
        page = open_context(bypass_csp).new_page()
        pages.append(page)
        guards.watch(page)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.goto(f"{server}?record={record}" + (f"&{query}" if query else ""))
        settle(page)
        return page

    yield opened
    for page in pages:
        if not page.is_closed():
            page.evaluate("localStorage.clear()")
            page.close()


def settle(page: Page) -> None:
    """Wait until all views show what was asked for."""
    expect(page.get_by_role("main")).to_be_visible(timeout=_SETTLED_MS)
    expect(page.locator("section[aria-busy=true]")).to_have_count(0, timeout=_SETTLED_MS)


@pytest.fixture(params=RECORDS)
def record(request: pytest.FixtureRequest) -> str:
    """Each record in turn; `@pytest.mark.parametrize("record", ["demo"], indirect=True)` for one of them."""
    return str(request.param)


@pytest.fixture
def page(open_page: OpenPage, record: str) -> Page:
    """The first screen of a record."""
    return open_page(record)


@pytest.fixture
def analysis(truth: Callable[[str], vn.Analysis], record: str) -> vn.Analysis:
    """Analysis of the page's record, which the page must agree with."""
    return truth(record)

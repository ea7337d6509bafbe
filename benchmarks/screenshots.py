"""Screenshots of the dashboard for the documentation: each record's first screen, in two sizes and themes.

Shows copies of the records, with vulnerability maps. It loads the networks that the records name, so use only
your own records.

python benchmarks/screenshots.py demo.zarr cifar10.zarr --out docs/screenshots
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

import vulneuron as vn

SIZES = ((1440, 900), (1920, 1080))
THEMES = ("light", "dark")
#: Limit for the vulnerability maps of one pair on a slow machine.
PATIENCE_MS = 600_000


def wait_until_loaded(page: Page, *, maps: bool = True) -> None:
    """Wait until all views are loaded, and the vulnerability maps are drawn if they are on the page."""
    expect(page.get_by_role("main")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MS)
    if maps:
        expect(page.get_by_role("img", name="Vulnerability map:")).to_have_count(2, timeout=PATIENCE_MS)
    expect(page.get_by_text("IoU –")).to_have_count(0, timeout=PATIENCE_MS)  # noqa: RUF001  as on the page
    page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)))")
    # The list of records is streamed, so the network is never idle.
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def main(arguments: Sequence[str] | None = None) -> None:
    """Take screenshots of all records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
        )
        for path in options.records:
            take(browser, Path(shutil.copytree(path, Path(folder) / path.name)), options.out)
        browser.close()


def take(browser: Browser, path: Path, out: Path) -> None:
    """Take screenshots of one record, with the network that it names."""
    record = vn.open_record(path)
    dashboard = vn.show(record, model=str(record.attributes["run"]["model"]["spec"]))
    for width, height in SIZES:
        for theme in THEMES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            )
            # Without its query, the address belongs to no notebook session.
            page.goto(dashboard.url.partition("?")[0])
            wait_until_loaded(page)
            file = out / f"{path.stem}-{width}x{height}-{theme}.png"
            page.screenshot(path=file)
            page.close()
            print(file)
    dashboard.stop()


if __name__ == "__main__":
    main()

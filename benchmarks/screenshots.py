"""Pictures of the dashboard for the documentation: each record's first screen in two sizes, light and dark.

Copies of the records are shown, with their vulnerability maps. The networks that they name are loaded, so
give only records of your own.

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
#: Vulnerability maps of one pair take this long on a slow machine.
PATIENCE_MS = 600_000


def wait_until_all_is_shown(page: Page) -> None:
    """All views have what they asked for, and the vulnerability maps are drawn."""
    expect(page.get_by_role("main")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_role("img", name="Vulnerability map")).to_have_count(2, timeout=PATIENCE_MS)
    expect(page.get_by_text("IoU –")).to_have_count(0)  # noqa: RUF001  as the page writes it
    page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)))")
    page.wait_for_load_state("networkidle")


def main(arguments: Sequence[str] | None = None) -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
        )
        for path in given.records:
            take(browser, Path(shutil.copytree(path, Path(folder) / path.name)), given.out)
        browser.close()


def take(browser: Browser, path: Path, out: Path) -> None:
    """Take the pictures of one record, with the network that it names."""
    record = vn.open_record(path)
    dashboard = vn.show(record, model=str(record.attributes["run"]["model"]["spec"]))
    for width, height in SIZES:
        for theme in THEMES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            )
            # Without its query the address is that of no notebook's session.
            page.goto(dashboard.url.partition("?")[0])
            wait_until_all_is_shown(page)
            file = out / f"{path.stem}-{width}x{height}-{theme}.png"
            page.screenshot(path=file)
            page.close()
            print(file)
    dashboard.stop()


if __name__ == "__main__":
    main()

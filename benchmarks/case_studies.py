"""Pictures of docs/case-studies.md, from the record of examples/cifar10 and the demo's.

It computes the vulnerability maps of four pairs in copies of the records, and loads the networks that the
records name, so use only your own records.

python -m benchmarks.case_studies cifar10.zarr demo.zarr --out docs/screenshots
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.screenshots import PATIENCE_MS, wait_until_loaded
from playwright.sync_api import Browser, expect, sync_playwright

import vulneuron as vn


@dataclass(frozen=True)
class Step:
    """A state of the page, as the query of its URL and the buttons to click, and the name of its picture."""

    name: str
    query: str
    clicks: tuple[str, ...] = ()
    maps: bool = True


_CAT = "pairs=3-5&pair=2983&neurons=209&sort=iou_benign_drop"
CIFAR10 = (
    Step("overview", "pairs=all&color=both&enlarged=overview", maps=False),
    Step("overlap", f"{_CAT}&zoom=0_25"),
    Step("context", f"{_CAT}&context=activation.same_labels.12"),
    Step("inhibited", "pairs=0-1&order=change_down&pair=865&sort=curve_gap&neurons=221&pin=266"),
    Step("reversed", "pairs=1-0&order=change_down&pair=1350&sort=curve_gap&neurons=424&pin=221"),
    Step("cluster", f"{_CAT}&enlarged=clusters", maps=False),
)
DEMO = (
    Step(
        "subset",
        "pairs=559-532&order=benign_drop_down&pair=5&sort=curve_gap&neurons=391&pin=481",
        ("all 89 classes", "the 10 most attacked and the 10 they become"),
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cifar10", type=Path)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"],
        )
        for path, steps in ((options.cifar10, CIFAR10), (options.demo, DEMO)):
            take(browser, Path(shutil.copytree(path, Path(folder) / path.name)), steps, options.out)
        browser.close()


def take(browser: Browser, path: Path, steps: Sequence[Step], out: Path) -> None:
    """Take the pictures of one record."""
    record = vn.open_record(path)
    dashboard = vn.show(record, model=str(record.attributes["run"]["model"]["spec"]))
    for step in steps:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.goto(f"{dashboard.url.partition('?')[0]}?{step.query}")
        expect(page.get_by_role("main")).to_be_visible(timeout=PATIENCE_MS)
        for name in step.clicks:
            page.get_by_role("button", name=name).click()
        # Closes the menu of the last button.
        page.mouse.click(2, 2)
        wait_until_loaded(page, maps=step.maps)
        page.screenshot(path=out / f"case-{step.name}.png")
        page.close()
    dashboard.stop()


if __name__ == "__main__":
    main()

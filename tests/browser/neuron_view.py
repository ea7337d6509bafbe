"""Positions of neurons on a page, and parsers for its texts, for tests of the neuron space."""

import math
import re
from dataclasses import dataclass
from urllib.parse import urlparse

import numpy as np
import numpy.typing as npt
import pandas as pd
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from vulneuron.server.settings import dashboard_settings

#: The page writes a true minus, and a dash for what is not known.
_SIGNS = {0x2212: "-", 0x2013: "nan", ord("+"): None}


@dataclass(frozen=True)
class FirstView:
    """Initially focused pair and neuron of a record."""

    pair: int
    neuron: int


def first_view(page: Page, record: str) -> FirstView:
    """Ask the server; paths are relative to the page."""
    summary = page.request.get(urlparse(page.url)._replace(path=f"/api/records/{record}", query="").geturl())
    found = summary.json()["first_view"]
    return FirstView(found["pair"], found["neuron"])


def page_settings(analysis: vn.Analysis, **changed: object) -> vn.Settings:
    """Settings of a page whose address names no others."""
    return dashboard_settings(analysis).replace(**changed)


def plot(page: Page) -> Locator:
    return page.get_by_role("slider", name=re.compile("Contributions of all neurons"))


def order_of(values: npt.NDArray[np.floating], *, largest_first: bool = False) -> list[int]:
    """Neurons in the order of a measure; equal ones by number, unknown ones last."""
    signed = -values if largest_first else values
    return [int(neuron) for neuron in np.argsort(signed, kind="stable")]


def place_at(
    page: Page, place: float, count: int, zoom: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Point on the screen above the middle of a place."""
    box = plot(page).bounding_box()
    assert box
    low, high = zoom or (0, count)
    return box["x"] + (place + 0.5 - low) / (high - low) * box["width"], box["y"] + box["height"] / 3


def shown_places(page: Page) -> tuple[int, int]:
    """First and last place that is shown, from 1."""
    strip = page.get_by_role("slider", name="Shown part of the neurons")
    found = re.fullmatch(r"places (\d+) to (\d+) of \d+", strip.get_attribute("aria-valuetext") or "")
    assert found
    return int(found[1]), int(found[2])


def number_in(text: str) -> float:
    """A number as the page writes it; "<.01" is anything that rounds to 0."""
    return 0.0025 if text.strip() == "<.01" else float(text.strip().translate(_SIGNS))


def probability(value: float) -> str:
    """A probability as the page writes it: two decimals without a leading zero."""
    return "<.01" if 0 < value < 0.005 else f"{value:.2f}".removeprefix("0")


def coverage_text(coverage: float) -> str:
    """How much of an image a receptive field covers."""
    if coverage == 0:
        return "captures nothing"
    return "<1 % of the image" if coverage < 0.005 else f"{int(100 * coverage + 0.5)} % of the image"


def field_figure(page: Page, side: str) -> Locator:
    """The chosen neurons' receptive field on one image, with its caption."""
    view = page.get_by_role("region", name="Neuron", exact=True)
    return view.get_by_role("figure").filter(has=page.get_by_text(side, exact=True)).last


def map_figure(page: Page, kind: str) -> Locator:
    """One vulnerability map with its caption."""
    view = page.get_by_role("region", name="Neuron", exact=True)
    picture = page.get_by_role("img", name=re.compile(f"^Vulnerability map: {kind}, largest"))
    return view.get_by_role("figure").filter(has=picture)


def assert_shows(text: str, value: float) -> None:
    """A text shows a value with three significant digits, or one if it is tiny."""
    shown = number_in(text)
    if math.isnan(value):
        assert math.isnan(shown)
        return
    size = math.floor(math.log10(abs(value))) if value else 0
    digits = 3 if abs(value) >= 1e-3 else 1
    assert abs(shown - value) <= 0.501 * 10.0 ** (size - digits + 1), (text, value)


def outside_of_masks(pixels: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Colors from 0 to 255 as they are shown where a neuron captures nothing, in the light theme."""
    mask_color, luminance = np.array([0x9A, 0xA0, 0xAB]), np.array([0.3, 0.59, 0.11])
    gray: npt.NDArray[np.floating] = (pixels @ luminance)[..., None]
    return 0.78 * mask_color + 0.22 * gray


def row_of(neurons: pd.DataFrame, neuron: int) -> dict[str, float]:
    """All numbers of one neuron."""
    return {str(name): float(values.iloc[neuron]) for name, values in neurons.items()}


def open_numbers(page: Page) -> Locator:
    """Open the table of all numbers of the neuron on the screen, which follows the pointer on the plot."""
    page.get_by_role("region", name="Neuron", exact=True).get_by_role("button", name="numbers").click()
    table = page.get_by_role("dialog", name="Numbers of the neuron")
    expect(table).to_contain_text("captures nothing")
    return table


def number_rows(page: Page) -> dict[str, list[str]]:
    """Rows of the open table of numbers: name to the two cells."""
    rows = page.get_by_role("dialog", name="Numbers of the neuron").locator("tbody tr")
    cells = rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))")
    return {row[0]: row[1:] for row in cells if row[0]}

"""Readers of the data overview and the image grid, for browser tests."""

import re
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn

PLOTS = {"benign": "Benign images", "adversarial": "Adversarial images"}
#: Pixels around the points of an unzoomed plot.
_MARGIN = 12
_COLORS = """async canvas => {
  // What was changed last is painted in the next frame.
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  const found = {};
  for (let at = 0; at < data.length; at += 4) {
    const color = data.slice(at, at + 4).join();
    found[color] = (found[color] ?? 0) + 1;
  }
  return found;
}"""
Color = tuple[int, int, int]
Points = npt.NDArray[np.float64]


def plot(page: Page, side: str) -> Locator:
    """One of the two scatterplots."""
    return page.get_by_role("application", name=PLOTS[side])


def painted(page: Page, side: str) -> tuple[Counter[Color], int]:
    """Numbers of pixels of each opaque color of a plot, and of pixels of points that are not selected."""
    colors: Counter[Color] = Counter()
    faint = 0
    for text, count in plot(page, side).locator("canvas").evaluate(_COLORS).items():
        red, green, blue, alpha = map(int, text.split(","))
        if alpha == 255:
            colors[red, green, blue] += count
        elif alpha:
            faint += count
    return colors, faint


def class_names(page: Page, side: str) -> Locator:
    """The names of classes on the points of a plot."""
    return plot(page, side).get_by_role("group", name="Classes").get_by_role("button")


def class_colors(page: Page) -> dict[str, Color]:
    """Colors of the classes in the prediction matrix by their names."""
    found = page.get_by_role("grid", name="Prediction matrix").evaluate(
        "grid => [...grid.querySelectorAll('[role=rowheader], [role=columnheader]')]"
        ".filter(one => one.querySelector('circle')).map(one =>"
        " [one.querySelector('text').textContent, getComputedStyle(one.querySelector('circle')).fill])"
    )
    return {name: color_of(css) for name, css in found}


def color_of(css: str) -> Color:
    """`rgb(1, 2, 3)` as numbers."""
    red, green, blue = map(int, re.findall(r"\d+", css)[:3])
    return red, green, blue


def projection(analysis: vn.Analysis, side: str) -> Points:
    """``(pair, 2)``: where the points of a plot are, in data."""
    values = analysis.record.layer().dataset["projection"].sel(side=side).values
    return np.asarray(values, np.float64)


def places(page: Page, analysis: vn.Analysis, side: str) -> Points:
    """``(pair, 2)``: where the points of an unzoomed plot are, in the window."""
    points = projection(analysis, side)
    box = plot(page, side).evaluate(
        "one => { const { x, y } = one.getBoundingClientRect();"
        " return [x + one.clientLeft, y + one.clientTop, one.clientWidth, one.clientHeight]; }"
    )
    corner, size = np.array(box[:2]), np.array(box[2:])
    low, high = points.min(0), points.max(0)
    scale = ((size - 2 * _MARGIN) / (high - low)).min()
    return np.asarray(corner + size / 2 + (points - (low + high) / 2) * (scale, -scale), np.float64)


def loneliest(page: Page, side: str, points: Points) -> int:
    """The point of a plot that is farthest away from all others, among those that no name covers."""
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(1)
    for name in class_names(page, side).all():
        box = name.bounding_box()
        assert box is not None
        x, y = points.T
        nearest[
            (x > box["x"] - 5)
            & (x < box["x"] + box["width"] + 5)
            & (y > box["y"] - 5)
            & (y < box["y"] + box["height"] + 5)
        ] = 0
    return int(nearest.argmax())


def inside(polygon: Points, points: Points) -> npt.NDArray[np.bool_]:
    """Whether points are inside of a polygon: its edges wind around them an odd number of times."""
    found = np.zeros(len(points), bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if start[1] == end[1]:
            continue
        crosses = (points[:, 1] < start[1]) != (points[:, 1] < end[1])
        at = start[0] + (points[:, 1] - start[1]) * (end[0] - start[0]) / (end[1] - start[1])
        found ^= crosses & (points[:, 0] < at)
    return found


def draw_lasso(page: Page, corners: Points) -> None:
    """Drag from corner to corner, as a hand does it."""
    page.mouse.move(*corners[0])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def cell(page: Page, benign: str, adversarial: str) -> Locator:
    """A cell of the prediction matrix."""
    return page.get_by_role("gridcell", name=re.compile(f"^{re.escape(benign)} → {re.escape(adversarial)}:"))


def expect_selection(page: Page, words: str, count: int) -> None:
    """The head of the overview says what is selected, and how many pairs these are."""
    chip = page.get_by_role("region", name="Images and predictions").locator("header").get_by_role("status")
    if words == "all pairs":
        expect(chip).to_have_text(f"all {counted(count)}")
    else:
        spaced = r"\s+".join(map(re.escape, words.split(" ")))
        expect(chip).to_have_text(re.compile(rf"^\s*{spaced}\s+{count:,} of [\d,]+ pairs?\s*$"))


def select_all(page: Page) -> None:
    """Select all pairs."""
    page.get_by_role("button", name="Select all pairs").click()


def address(page: Page) -> dict[str, str]:
    """Parameters in the page's URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def cards(page: Page) -> Locator:
    """Pairs of the image grid that are drawn at the moment."""
    return page.get_by_role("listbox", name="Selected pairs").get_by_role("option")


def focused(page: Page) -> Locator:
    """The focused pair in the image grid."""
    return cards(page).and_(page.locator("[aria-selected=true]"))


def pair_of(card: Locator) -> int:
    """Number of a card's pair."""
    label = card.get_attribute("title")
    assert label is not None
    return int(label.split(":")[0].removeprefix("pair "))


def labels(analysis: vn.Analysis, side: str) -> list[str]:
    """The benign or adversarial label of each pair."""
    return [str(name) for name in analysis.record.pairs[f"{side}_label"]]


def fullest(analysis: vn.Analysis) -> tuple[str, str]:
    """Labels of the cell with most pairs."""
    counts = analysis.prediction_matrix()
    row, column = np.unravel_index(np.argmax(counts.to_numpy()), counts.shape)
    return str(counts.index[int(row)]), str(counts.columns[int(column)])


def counted(count: int) -> str:
    """`1 pair`, `8,457 pairs`."""
    return f"{count:,} {'pair' if count == 1 else 'pairs'}"

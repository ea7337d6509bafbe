"""Neuron Cluster View: what a person sees and does there is what `Analysis` says."""

import csv
import re
from itertools import pairwise
from urllib.parse import parse_qs, urlparse

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from vulneuron.measures.clustering import Dendrogram

#: "M x y V height H x V y" of a merge.
_MERGE = re.compile(r"M([\d.-]+) [\d.-]+V([\d.-]+)H([\d.-]+)V[\d.-]+")
CLUSTERS = 12
#: Whether the picture behind a button has these colors, at the middle of each of the image's pixels.
_PIXELS_ARE = """([label, size, wanted]) => {
  const button = document.querySelector(`button[aria-label^="${label}"]`);
  const sheet = button.closest("section").querySelector("canvas");
  const [place, all] = [button.getBoundingClientRect(), sheet.getBoundingClientRect()];
  const [left, top, edge] = [place.x - all.x + 3, place.y - all.y + 3, place.width - 6];
  const scale = sheet.width / all.width;
  const context = sheet.getContext("2d");
  return wanted.every(([red, green, blue], at) => {
    const [column, row] = [at % size, Math.floor(at / size)];
    const [x, y] = [left + (column + 0.5) * edge / size, top + (row + 0.5) * edge / size];
    const seen = context.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1).data;
    return [red, green, blue].every((one, channel) => Math.abs(one - seen[channel]) <= 1.5);
  });
}"""
#: How bright the part of an image outside of a receptive field stays.
_DIMMED = 1 - 205 / 255


def view(page: Page) -> Locator:
    return page.get_by_role("region", name="Clusters")


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlparse(page.url).query).items()}


def numbers_of(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found


def first_pair(page: Page) -> tuple[int, int]:
    """Pair and neuron that the page shows first."""
    name = parameters(page)["record"]
    first = page.request.get(f"api/records/{name}").json()["first_view"]
    return int(first["pair"]), int(first["neuron"])


@pytest.fixture
def shown(page: Page, analysis: vn.Analysis) -> tuple[Dendrogram, int]:
    """The dendrogram that the page has to show, and the focused neuron."""
    pair, neuron = first_pair(page)
    return analysis.dendrogram(pair), neuron


def members(tree: Dendrogram, neuron: int, clusters: int) -> set[int]:
    labels = tree.cut_count(clusters)
    return set(np.flatnonzero(labels == labels[neuron]).tolist())


def bars(page: Page) -> list[tuple[float, float]]:
    """Middle and height on the screen of the merges above the cut, lowest first."""
    path = view(page).locator("path.trunk").get_attribute("d") or ""
    box = view(page).get_by_role("tree").locator("svg").bounding_box()
    assert box is not None
    merges = [tuple(map(float, found)) for found in _MERGE.findall(path)]
    return [(box["x"] + (left + right) / 2, box["y"] + top) for left, top, right in merges]


def clickable(page: Page, tree: Dendrogram) -> list[tuple[int, float, float]]:
    """Node and place of merges with some room above them, and not right on the handle of the cut."""
    first = tree.root - len(bars(page)) + 1
    places = {first + index: place for index, place in enumerate(bars(page))}
    handle = view(page).get_by_role("slider").bounding_box()
    assert handle is not None
    found = []
    for node, (x, y) in places.items():
        _, *above = tree.ancestors(node)
        if y < handle["y"] - 2 and all(places[up][1] < y - 8 for up in above[:1]):
            found.append((node, x, y - 2))
    assert len(found) > 3
    return found


def test_cluster_of_the_focused_neuron(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    size = len(members(tree, neuron, CLUSTERS))
    expect(view(page).get_by_role("heading", level=3)).to_have_text(
        f"Cluster of neuron {neuron}: {size:,} neurons"
    )
    expect(view(page).get_by_role("slider", name="Cut of the dendrogram")).to_have_attribute(
        "aria-valuetext", f"{CLUSTERS} clusters"
    )
    assert len(bars(page)) == CLUSTERS - 1


def test_dead_neurons_are_a_named_group(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, _ = shown
    dead = set(np.flatnonzero(tree.dead).tolist())
    assert dead
    button = view(page).get_by_role("button", name=f"{len(dead)} dead")
    expect(view(page).get_by_text("capture nothing on either image")).to_be_visible()
    widths = view(page).locator("rect.dead").evaluate_all("all => all.map((one) => one.width.baseVal.value)")
    line = view(page).locator("line.cut").bounding_box()
    assert line is not None
    across = line["width"]
    assert sum(widths) == pytest.approx(across * len(dead) / len(tree.order), abs=len(widths))
    button.click()
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == dead


def test_focused_neuron_is_red_up_to_the_root(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    path = view(page).locator("path.focus-path")
    steps = re.findall(r"V([\d.]+)H([\d.]+)", path.get_attribute("d") or "")
    assert len(steps) == len(tree.ancestors(neuron)) - 1
    assert float(steps[-1][0]) == pytest.approx(bars(page)[-1][1] - box_top(page), abs=0.2)
    red = path.evaluate("(path) => getComputedStyle(path).stroke")
    assert red == "rgb(200, 30, 30)"
    colors = (
        view(page)
        .locator("path.cluster")
        .evaluate_all("all => all.map((path) => getComputedStyle(path).stroke)")
    )
    assert len(set(colors)) == len(colors)
    for color in colors:
        red_part, green, blue = map(int, re.findall(r"\d+", color)[:3])
        assert not red_part > 1.4 * max(green, blue), f"{color} could be taken for the focus's red"


def box_top(page: Page) -> float:
    box = view(page).get_by_role("tree").locator("svg").bounding_box()
    assert box is not None
    return box["y"]


def test_hovering_says_how_many_neurons_hang_there(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, _ = shown
    for node, x, y in clickable(page, tree):
        page.mouse.move(x, y)
        leaves = len(tree.leaves(node))
        expect(page.get_by_role("tooltip")).to_contain_text(f"{leaves:,} neurons, merged at distance")
        expect(view(page).locator("path.shown")).to_have_attribute("d", re.compile("M"))
    page.mouse.move(5, 5)
    expect(page.get_by_role("tooltip")).to_have_count(0)


def test_clicks_select_and_add_and_take_out(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    places = [place for place in clickable(page, tree) if place[0] != tree.root]
    (first, *at_first), (second, *at_second) = next(
        (one, other)
        for one, other in pairwise(places)
        if not set(tree.leaves(one[0])) & set(tree.leaves(other[0]))
    )
    below_first, below_second = (set(tree.leaves(node).tolist()) for node in (first, second))

    page.mouse.click(*at_first)
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == below_first
    field = page.get_by_role("region", name="Neuron", exact=True)
    expect(field).to_contain_text(f"{len(below_first):,} neurons")
    if neuron in below_first:
        expect(view(page).get_by_role("heading", level=3)).to_contain_text(f"neuron {neuron}:")

    page.keyboard.down("Shift")
    page.mouse.click(*at_second)
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == below_first | below_second
    expect(field).to_contain_text(f"{len(below_first | below_second):,} neurons")
    page.mouse.click(*at_second)
    page.keyboard.up("Shift")
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == below_first


def test_number_of_clusters(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    for clusters in (5, 40, 1):
        view(page).get_by_role("spinbutton", name="clusters").fill(str(clusters))
        size = len(members(tree, neuron, clusters))
        expect(view(page).get_by_role("heading", level=3)).to_contain_text(f"{size:,} neuron")
        expect(view(page).get_by_role("slider")).to_have_attribute("aria-valuenow", str(clusters))
        assert len(bars(page)) == clusters - 1


def test_dragging_the_cut(page: Page) -> None:
    handle = view(page).get_by_role("slider", name="Cut of the dendrogram")
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] - 5, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 20, steps=4)
    page.mouse.move(x, y - 40, steps=4)
    page.mouse.up()
    expect(handle).not_to_have_attribute("aria-valuenow", str(CLUSTERS))
    clusters = int(handle.get_attribute("aria-valuenow") or 0)
    assert 1 <= clusters < CLUSTERS
    expect(view(page).get_by_role("spinbutton", name="clusters")).to_have_value(str(clusters))
    heights = [top for _, top in bars(page)]
    assert len(heights) == clusters - 1
    line = view(page).locator("line.cut").bounding_box()
    assert line is not None
    assert all(top < line["y"] for top in heights)
    handle.press("ArrowDown")
    expect(handle).to_have_attribute("aria-valuenow", str(clusters + 1))


@pytest.mark.parametrize(
    ("distance", "linkage", "caption"),
    [
        ("iou", None, "IoU of RFs, average linkage"),
        ("feature_map", None, "L2 of features, Ward linkage"),
        ("receptive_field", "complete", "L2 of RFs, complete linkage"),
    ],
)
def test_distance_and_linkage(
    page: Page, analysis: vn.Analysis, distance: str, linkage: str | None, caption: str
) -> None:
    pair, neuron = first_pair(page)
    view(page).get_by_label("Distance between neurons").select_option(distance)
    if linkage:
        view(page).get_by_label("Linkage of clusters").select_option(linkage)
    expect(view(page)).to_contain_text(caption)
    settle(page)
    tree = analysis.dendrogram(pair, settings=vn.Settings(distance=distance, linkage=linkage))
    size = len(members(tree, neuron, CLUSTERS))
    expect(view(page).get_by_role("heading", level=3)).to_contain_text(f": {size:,} neuron")


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_thumbnails_show_what_each_neuron_captures(
    page: Page, analysis: vn.Analysis, shown: tuple[Dendrogram, int], guards: Guards
) -> None:
    guards.expect("willReadFrequently")  # this test reads the pixels, the page does not
    tree, neuron = shown
    pair, _ = first_pair(page)
    expected = members(tree, neuron, CLUSTERS)
    while (more := view(page).get_by_role("button", name=re.compile(r"\d+ more"))).count():
        more.click()
        settle(page)
    cards = view(page).get_by_role("list").get_by_role("button")
    names = [re.search(r"\d+", text) for text in cards.evaluate_all("all => all.map((one) => one.ariaLabel)")]
    neurons = [int(found.group()) for found in names if found]
    assert neurons[0] == neuron
    assert set(neurons) == expected
    heights = [tree.linkage[common(tree, neuron, other) - len(tree.order), 2] for other in neurons[1:]]
    assert heights == sorted(heights)
    for side in ("benign", "adversarial"):
        view(page).get_by_label("Image of the cluster's receptive fields").select_option(side)
        # Read when the pictures of this side are drawn: the focused neuron's one tells.
        image = np.rint(analysis.record.images(pair, side) * 255).transpose(1, 2, 0)
        masks = getattr(analysis.receptive_fields(pair, neurons), side)
        for place in (0, len(neurons) // 2, len(neurons) - 1):
            expected_pixels = np.where(masks[place][..., None], image, _DIMMED * image)
            page.wait_for_function(
                _PIXELS_ARE,
                arg=[f"Neuron {neurons[place]}", len(image), expected_pixels.reshape(-1, 3).tolist()],
                timeout=5000,
            )


def common(tree: Dendrogram, one: int, other: int) -> int:
    return next(node for node in tree.ancestors(one) if node in tree.ancestors(other))


def test_click_on_a_thumbnail_focuses_its_neuron(page: Page) -> None:
    second = view(page).get_by_role("list").get_by_role("button").nth(1)
    neuron = re.findall(r"\d+", second.get_attribute("aria-label") or "")[0]
    second.click()
    expect(view(page).get_by_role("heading", level=3)).to_contain_text(f"neuron {neuron}:")
    expect(page.get_by_role("region", name="Neuron", exact=True)).to_contain_text(f"Neuron {neuron}")


def test_keys_walk_through_the_tree(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    plot = view(page).get_by_role("tree")
    plot.focus()
    node = plot.get_by_role("treeitem")
    page.keyboard.press("Home")
    expect(node).to_contain_text(f"{len(tree.order):,} neurons")
    path = tree.ancestors(neuron)
    for below in path[-2:-5:-1]:
        page.keyboard.press("ArrowDown")
        expect(node).to_contain_text(f"{len(tree.leaves(below)):,} neurons")
    at = path[-4]
    siblings = tree.linkage[tree.ancestors(at)[1] - len(tree.order), :2].astype(int).tolist()
    page.keyboard.press("ArrowRight" if siblings[0] == at else "ArrowLeft")
    at = siblings[1 - siblings.index(at)]
    expect(node).to_contain_text(
        f"{len(tree.leaves(at)):,} neurons" if at >= len(tree.order) else f"neuron {at}"
    )
    page.keyboard.press("Enter")
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == set(tree.leaves(at).tolist())
    expect(node).to_have_attribute("aria-selected", "true")


def test_zoom(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    plot = view(page).get_by_role("tree")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -500)
    seen = view(page).get_by_text(re.compile(rf"^[\d,]+ of {len(tree.order):,}$"))
    expect(seen).to_be_visible()
    part = int((seen.text_content() or "").partition(" ")[0].replace(",", ""))
    assert part < len(tree.order) / 2
    view(page).get_by_role("button", name="Show all").click()
    expect(seen).to_have_count(0)
    plot.focus()
    page.keyboard.press("End")
    page.keyboard.press("z")
    expect(view(page).get_by_text(f"4 of {len(tree.order):,}")).to_be_visible()
    expect(plot.get_by_role("treeitem")).to_have_text(f"neuron {neuron}")


def test_exports(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, _ = shown
    rows = {name: export(page, name) for name in ("Clusters (CSV)", "Dendrogram (CSV)")}
    clusters = list(csv.DictReader(rows["Clusters (CSV)"].splitlines()))
    assert [int(row["neuron"]) for row in clusters] == tree.order.tolist()
    assert [int(row["cluster"]) for row in clusters] == tree.cut_count(CLUSTERS)[tree.order].tolist()
    assert [bool(int(row["dead"])) for row in clusters] == tree.dead[tree.order].tolist()
    merges: npt.NDArray[np.float64] = np.genfromtxt(rows["Dendrogram (CSV)"].splitlines()[1:], delimiter=",")
    np.testing.assert_allclose(merges[:, 1:], tree.linkage)
    picture = export(page, "Picture (SVG)")
    assert picture.startswith("<svg")
    assert "rgb(200, 30, 30)" in picture


def export(page: Page, label: str) -> str:
    view(page).get_by_role("button", name="More: Clusters").click()
    with page.expect_download() as download:
        view(page).get_by_role("button", name=label).click()
    return download.value.path().read_text()


def test_cut_and_distance_are_in_the_address(open_page: OpenPage, record: str, analysis: vn.Analysis) -> None:
    neuron = 7
    page = open_page(record, f"pair=2&neurons={neuron}&clusters=30&distance=iou&linkage=complete")
    tree = analysis.dendrogram(2, settings=vn.Settings(distance="iou", linkage="complete"))
    size = len(members(tree, neuron, 30))
    expect(view(page).get_by_role("heading", level=3)).to_contain_text(
        f"Cluster of neuron {neuron}: {size:,} neuron"
    )
    expect(view(page).get_by_role("spinbutton", name="clusters")).to_have_value("30")

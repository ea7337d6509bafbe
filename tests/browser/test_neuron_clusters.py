"""Neuron Cluster View: what a person sees and does there is what `Analysis` says."""

import csv
import re
from itertools import combinations
from urllib.parse import parse_qs, urlparse

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from browser.neuron_view import outside_of_masks
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
    return [red, green, blue].every((one, channel) => Math.abs(one - seen[channel]) <= 3);
  });
}"""
only_cifar10 = pytest.mark.parametrize("record", ["cifar10"], indirect=True)


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


def cut_line(page: Page) -> float:
    """Vertical position of the cut on the screen."""
    box = view(page).locator("line.cut").bounding_box()
    assert box is not None
    return box["y"]


def clickable(page: Page, tree: Dendrogram) -> list[tuple[int, float, float]]:
    """Node and place of merges with some room above them, and not right on the cut."""
    first = tree.root - len(bars(page)) + 1
    places = {first + index: place for index, place in enumerate(bars(page))}
    found = []
    for node, (x, y) in places.items():
        _, *above = tree.ancestors(node)
        if y < cut_line(page) - 10 and all(places[up][1] < y - 8 for up in above[:1]):
            found.append((node, x, y - 2))
    assert len(found) > 3
    return found


def heading(page: Page) -> Locator:
    return view(page).get_by_role("heading", level=3)


def expect_cluster(page: Page, tree: Dendrogram, neuron: int, clusters: int = CLUSTERS) -> None:
    size = len(members(tree, neuron, clusters))
    text = f"{size:,} neurons like {neuron} nearest first" if size > 1 else f"No other neurons like {neuron}"
    expect(heading(page)).to_have_text(text)


def test_tree_of_the_first_screen(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    expect_cluster(page, tree, neuron)
    cut = view(page).get_by_role("slider", name="Cut of the dendrogram")
    expect(cut).to_have_attribute("aria-valuetext", f"{CLUSTERS} clusters")
    assert len(bars(page)) == CLUSTERS - 1

    # The path of the focused neuron reaches the root, and its cluster's number of neurons is written below.
    path = view(page).locator("path.focus-path")
    steps = re.findall(r"V([\d.]+)H([\d.]+)", path.get_attribute("d") or "")
    assert len(steps) == len(tree.ancestors(neuron)) - 1
    svg = view(page).get_by_role("tree").locator("svg").bounding_box()
    assert svg is not None
    assert float(steps[-1][0]) == pytest.approx(bars(page)[-1][1] - svg["y"], abs=0.2)
    expect(view(page).locator("text.size.focused")).to_have_text(f"{len(members(tree, neuron, CLUSTERS)):,}")
    # Heights by square roots: the cut into few clusters is above the lower quarter.
    heights = np.sqrt(tree.linkage[-CLUSTERS + 1 :, 2])
    tops = np.array([top for _, top in bars(page)])
    slope = np.polyfit(heights, tops, 1)
    np.testing.assert_allclose(np.polyval(slope, heights), tops, atol=0.2)

    dead = set(np.flatnonzero(tree.dead).tolist())
    widths = view(page).locator("rect.dead").evaluate_all("all => all.map((one) => one.width.baseVal.value)")
    across = view(page).locator("line.cut").bounding_box()
    assert across is not None
    assert sum(widths) == pytest.approx(across["width"] * len(dead) / len(tree.order), abs=len(widths))

    for node, x, y in clickable(page, tree)[:3]:
        page.mouse.move(x, y)
        tip = page.get_by_role("tooltip")
        expect(tip).to_contain_text(f"{len(tree.leaves(node)):,} neurons, merged at distance")
        expect(view(page).locator("path.shown")).to_have_attribute("d", re.compile("M"))
        box = tip.bounding_box()
        # The card is beside the tree, not on it.
        assert box is not None
        assert box["x"] + box["width"] < svg["x"]
    page.mouse.move(5, 5)
    expect(page.get_by_role("tooltip")).to_have_count(0)

    rows = {name: export(page, name) for name in ("Clusters (CSV)", "Dendrogram (CSV)")}
    clusters = list(csv.DictReader(rows["Clusters (CSV)"].splitlines()))
    assert [int(row["neuron"]) for row in clusters] == tree.order.tolist()
    assert [int(row["cluster"]) for row in clusters] == tree.cut_count(CLUSTERS)[tree.order].tolist()
    assert [bool(int(row["dead"])) for row in clusters] == tree.dead[tree.order].tolist()
    merges: npt.NDArray[np.float64] = np.genfromtxt(rows["Dendrogram (CSV)"].splitlines()[1:], delimiter=",")
    np.testing.assert_allclose(merges[:, 1:], tree.linkage)

    view(page).get_by_role("button", name=f"{len(dead)} dead").click()
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == dead


def export(page: Page, label: str) -> str:
    view(page).get_by_role("button", name="More: Clusters").click()
    with page.expect_download() as download:
        view(page).get_by_role("button", name=label).click()
    return download.value.path().read_text()


@only_cifar10
def test_several_subtrees(page: Page, shown: tuple[Dendrogram, int]) -> None:
    tree, _ = shown
    places = [place for place in clickable(page, tree) if place[0] != tree.root]
    # Two subtrees that do not form a larger one.
    (first, *at_first), (second, *at_second) = next(
        (one, other)
        for one, other in combinations(places, 2)
        if not set(tree.leaves(one[0])) & set(tree.leaves(other[0]))
        and tree.ancestors(one[0])[1] != tree.ancestors(other[0])[1]
    )
    below_first, below_second = (set(tree.leaves(node).tolist()) for node in (first, second))

    page.mouse.click(*at_first)
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == below_first
    field = page.get_by_role("region", name="Neuron", exact=True)
    expect(field).to_contain_text(f"{len(below_first):,} neurons")

    page.keyboard.down("Shift")
    page.mouse.click(*at_second)
    settle(page)
    both = below_first | below_second
    assert numbers_of(parameters(page)["neurons"]) == both
    expect(field).to_contain_text(f"{len(both):,} neurons")
    assert page.evaluate("getSelection().toString()") == ""
    # Each has its own color in the tree and in the list of its neurons.
    expect(heading(page)).to_have_text(f"{len(both):,} chosen neurons")
    drawn = view(page).locator("path.chosen")
    expect(drawn).to_have_count(2)
    colors = drawn.evaluate_all("all => all.map((one) => getComputedStyle(one).stroke)")
    assert len(set(colors)) == 2
    subtrees = view(page).get_by_role("list", name="Chosen subtrees").get_by_role("button")
    sizes = [len(below) for below in (below_first, below_second)]
    assert sorted(subtrees.all_inner_texts()) == sorted(f"{size:,} neurons" for size in sizes)
    listed = (
        view(page).get_by_role("list", name="Receptive fields of the cluster's neurons").get_by_role("button")
    )
    neuron = int(re.findall(r"\d+", listed.first.get_attribute("aria-label") or "")[0])
    assert neuron in both
    view(page).get_by_title("The region that all of the neurons capture").click()
    expect(page).to_have_url(re.compile("combine=intersection"))

    page.mouse.click(*at_second)
    page.keyboard.up("Shift")
    settle(page)
    assert numbers_of(parameters(page)["neurons"]) == below_first
    expect(drawn).to_have_count(1)


@only_cifar10
def test_cut_distance_and_linkage(page: Page, analysis: vn.Analysis, shown: tuple[Dendrogram, int]) -> None:
    tree, neuron = shown
    pair, _ = first_pair(page)
    handle = view(page).get_by_role("slider", name="Cut of the dendrogram")
    number = view(page).get_by_role("spinbutton", name="clusters")
    for clusters in (5, 40, 1, CLUSTERS):
        number.fill(str(clusters))
        expect_cluster(page, tree, neuron, clusters)
        expect(handle).to_have_attribute("aria-valuenow", str(clusters))
        assert len(bars(page)) == clusters - 1
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] - 5, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30, steps=4)
    page.mouse.move(x, y - 60, steps=4)
    page.mouse.up()
    expect(handle).not_to_have_attribute("aria-valuenow", str(CLUSTERS))
    clusters = int(handle.get_attribute("aria-valuenow") or 0)
    assert 1 <= clusters < CLUSTERS
    expect(number).to_have_value(str(clusters))
    heights = [top for _, top in bars(page)]
    assert len(heights) == clusters - 1
    assert all(top < cut_line(page) for top in heights)
    handle.press("ArrowDown")
    expect(handle).to_have_attribute("aria-valuenow", str(clusters + 1))

    number.fill(str(CLUSTERS))
    for distance, linkage in (("iou", None), ("feature_map", None), ("receptive_field", "complete")):
        view(page).get_by_label("Distance between neurons").select_option(distance)
        if linkage:
            view(page).get_by_label("Linkage of clusters").select_option(linkage)
        settings = vn.Settings(distance=distance, linkage=linkage)
        expect(page).to_have_url(re.compile("linkage=complete" if linkage else f"distance={distance}"))
        settle(page)
        expect_cluster(page, analysis.dendrogram(pair, settings=settings), neuron)


@only_cifar10
def test_thumbnails_show_what_each_neuron_captures(
    page: Page, analysis: vn.Analysis, shown: tuple[Dendrogram, int], guards: Guards
) -> None:
    guards.expect("willReadFrequently")  # this test reads the pixels, the page does not
    tree, neuron = shown
    pair, _ = first_pair(page)
    while (more := view(page).get_by_role("button", name=re.compile(r"\d+ more"))).count():
        more.click()
        settle(page)
    cards = view(page).get_by_role("list").get_by_role("button")
    names = [re.search(r"\d+", text) for text in cards.evaluate_all("all => all.map((one) => one.ariaLabel)")]
    neurons = [int(found.group()) for found in names if found]
    assert neurons[0] == neuron
    assert set(neurons) == members(tree, neuron, CLUSTERS)
    heights = [tree.linkage[common(tree, neuron, other) - len(tree.order), 2] for other in neurons[1:]]
    assert heights == sorted(heights)
    for side in ("benign", "adversarial"):
        view(page).get_by_role("group", name="Image of the cluster's receptive fields").get_by_text(
            side
        ).click()
        # Read when the pictures of this side are drawn: the focused neuron's one tells.
        image = np.rint(analysis.record.images(pair, side) * 255).transpose(1, 2, 0)
        masks = getattr(analysis.receptive_fields(pair, neurons), side)
        for place in (0, len(neurons) // 2, len(neurons) - 1):
            mask = masks[place][..., None]
            expected_pixels = np.where(mask | ~mask.any(), image, outside_of_masks(image))
            page.wait_for_function(
                _PIXELS_ARE,
                arg=[f"Neuron {neurons[place]}", len(image), expected_pixels.reshape(-1, 3).tolist()],
                timeout=5000,
            )
    cards.nth(1).click()
    expect_cluster(page, tree, neurons[1])
    expect(page.get_by_role("region", name="Neuron", exact=True)).to_contain_text(f"Neuron {neurons[1]}")


def common(tree: Dendrogram, one: int, other: int) -> int:
    return next(node for node in tree.ancestors(one) if node in tree.ancestors(other))


@only_cifar10
def test_keys_and_zoom(page: Page, shown: tuple[Dendrogram, int]) -> None:
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


@only_cifar10
def test_cut_and_distance_are_in_the_address(open_page: OpenPage, record: str, analysis: vn.Analysis) -> None:
    page = open_page(record, "pair=2&neurons=7&clusters=30&distance=iou&linkage=complete")
    tree = analysis.dendrogram(2, settings=vn.Settings(distance="iou", linkage="complete"))
    expect_cluster(page, tree, 7, 30)
    expect(view(page).get_by_role("spinbutton", name="clusters")).to_have_value("30")

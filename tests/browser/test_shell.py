"""The frame around the views: header, find, help, theme, share, other records, errors."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from browser.overview import expect_selection
from browser.records import ExampleRecord
from browser.serving import serving


def test_header_says_what_is_looked_at(page: Page, record: str, analysis: vn.Analysis) -> None:
    info = analysis.record.info()
    banner = page.get_by_role("banner")
    expect(page).to_have_title(f"{record} · Vulneuron")
    expect(banner.get_by_label("Record", exact=True)).to_have_value(record)
    expect(banner).to_contain_text(
        f"{analysis.layer} with {analysis.data.neurons:,} neurons under PGD, 7 steps of ε 8/255: "
        f"all {info['pairs']:,} correctly classified images are fooled."
    )


OUTSIDE_THEIR_PANEL = """
() => [...document.querySelectorAll("main section")].flatMap((panel) => {
  const { left, right } = panel.getBoundingClientRect();
  const outside = (control) => {
    const box = control.getBoundingClientRect();
    return box.width > 0 && (box.left < left || box.right > right);
  };
  return [...panel.querySelectorAll("button, input, select")].filter(outside).map((one) => one.outerHTML);
})
"""


@pytest.mark.parametrize("size", [(1180, 720), (1440, 900)])
def test_controls_stay_inside_their_panels(open_page: OpenPage, record: str, size: tuple[int, int]) -> None:
    page = open_page(record, size=size)
    assert page.locator("main section").count() >= 5
    assert page.evaluate(OUTSIDE_THEIR_PANEL) == []


@pytest.mark.parametrize("size", [(1180, 720), (1440, 900), (1920, 1080)])
def test_header_fits_and_the_page_does_not_scroll(
    open_page: OpenPage, record: str, size: tuple[int, int]
) -> None:
    page = open_page(record, size=size)
    width, height = page.evaluate(
        "[document.scrollingElement.scrollWidth, document.scrollingElement.scrollHeight]"
    )
    assert (width, height) == size
    banner = page.get_by_role("banner")
    boxes = banner.locator(".facts > *, .tools > *").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right])"
    )
    edges = [edge for box in boxes if box[1] > box[0] for edge in box]
    assert edges == sorted(edges), "parts of the header overlap"
    assert edges[-1] <= size[0]
    # The sentence is never cut.
    sentence = banner.get_by_role("button", name=re.compile("fooled"))
    assert sentence.evaluate("(one) => one.scrollHeight <= one.clientHeight")


def test_provenance(page: Page, record: str, analysis: vn.Analysis) -> None:
    info = analysis.record.info()
    page.get_by_role("button", name=re.compile("are fooled")).click()
    dialog = page.get_by_role("dialog", name=f"About the record {record}")
    expect(dialog).to_contain_text(
        f"Of {info['images']} images, {info['correct']} are predicted correctly. "
        f"{info['attacked']} of these were attacked, {info['successes']} successfully; "
        f"{info['pairs']} pairs are shown."
    )
    for fact in (info["model"]["digest"], info["images_from"]["fingerprint"], info["versions"]["torch"]):
        expect(dialog.get_by_text(fact, exact=True).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_find_a_neuron(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("33")
    options = page.get_by_role("listbox", name="Found").get_by_role("option")
    expect(options.first).to_have_text("neuron 33")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Neuron 33", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Neuron", exact=True)).to_contain_text("Neuron 33")
    field = page.get_by_role("combobox", name="Find a class, a pair, a neuron")
    field.fill("999999")
    expect(page.get_by_text("Nothing found. Neurons are 0 to")).to_be_visible()


def test_find_a_class(page: Page, analysis: vn.Analysis) -> None:
    pairs = analysis.record.pairs
    name = str(pairs["adversarial_label"].iloc[-1])
    count = int((pairs["adversarial_label"] == name).sum())
    page.get_by_role("combobox", name="Find a class, a pair, a neuron").fill(name.upper())
    option = page.get_by_role("option", name=f"any class → {name}").first
    expect(option).to_contain_text(f"{count} pair")
    option.click()
    expect_selection(page, f"any class → {name}", count)


def test_help_opens_by_its_key_but_not_while_typing(page: Page) -> None:
    field = page.get_by_role("combobox", name="Find a class, a pair, a neuron")
    field.press("?")
    expect(field).to_have_value("?")
    tour = page.get_by_role("dialog", name="One-minute tour")
    expect(tour).to_be_hidden()
    field.fill("")
    field.press("Escape")
    page.keyboard.press("?")
    expect(tour).to_be_visible()
    for text in ("attack", "prediction matrix", "Far left", "receptive field", "next pair"):
        expect(tour).to_contain_text(text)
    page.keyboard.press("Escape")
    expect(tour).to_be_hidden()


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_keys_can_be_switched_off(page: Page) -> None:
    page.get_by_role("button", name="Help", exact=True).click()
    page.get_by_role("checkbox", name="use these keys").uncheck()
    page.keyboard.press("Escape")
    before = page.get_by_role("heading", name=re.compile("neurons like")).text_content()
    page.reload()
    settle(page)
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name=re.compile("neurons like"))).to_have_text(before or "")


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_theme_is_kept(page: Page) -> None:
    light = background(page)
    page.get_by_label("Theme").select_option("dark")
    dark = background(page)
    assert dark != light
    page.reload()
    settle(page)
    assert background(page) == dark
    expect(page.get_by_label("Theme")).to_have_value("dark")
    page.get_by_label("Theme").select_option("system")
    assert background(page) == light


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_share_copies_the_address(page: Page, open_page: OpenPage) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("combobox", name="Find a class, a pair, a neuron").fill("33")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_text("Address copied")).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    other = open_page("cifar10", address.partition("?record=cifar10&")[2])
    expect(other.get_by_role("heading", name="Neuron 33", exact=True)).to_be_visible()


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_share_without_a_clipboard_shows_the_address(page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_label("Address of this screen")).to_have_value(re.compile(r"\?record=cifar10"))


def test_another_record_starts_anew_and_back_returns(open_page: OpenPage) -> None:
    page = open_page("cifar10", "neurons=33&sort=curve_gap&threshold_level=0.1")
    page.get_by_label("Record", exact=True).select_option("demo")
    settle(page)
    expect(page).to_have_url(re.compile(r"\?record=demo$"))
    expect(page.get_by_role("banner")).to_contain_text("1,280 neurons")
    page.go_back()
    expect(page.get_by_role("heading", name="Neuron 33", exact=True)).to_be_visible()
    expect(page.get_by_role("banner")).to_contain_text("512 neurons")


def test_unknown_record_is_said(server: str, open_page: OpenPage) -> None:
    page = open_page("demo")
    page.goto(f"{server}?record=nothing")
    expect(page.get_by_role("alert")).to_have_text(
        "This server has no record named nothing. Its records: demo, cifar10."
    )
    page.get_by_role("link", name="Show the first record").click()
    expect(page.get_by_role("banner")).to_contain_text("1,280 neurons")


def test_a_server_that_goes_and_comes_back(
    open_page: OpenPage, guards: Guards, example_paths: tuple[ExampleRecord, ...]
) -> None:
    guards.expect("127.0.0.1")
    records = [one for one in example_paths if one.name == "cifar10"]
    page = open_page("cifar10")
    with serving(records) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        page.goto(f"{address}?record=cifar10&neurons=33")
        settle(page)
    alert = page.get_by_role("alert").filter(has_text="The server does not respond.")
    expect(alert).to_be_visible(timeout=15_000)
    with serving(records, port):
        expect(alert).to_be_hidden(timeout=15_000)
        expect(page.get_by_role("heading", name="Neuron 33", exact=True)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(open_page: OpenPage, record: str, theme: str) -> None:
    page = open_page(record, theme=theme)
    assert not violations(page)
    for button, title in (("Help", "One-minute tour"), ("are fooled", "About the record")):
        page.get_by_role("button", name=re.compile(f"{button}[.]?$")).click()
        expect(page.get_by_role("dialog", name=title)).to_be_visible()
        assert not violations(page)
        page.keyboard.press("Escape")
    for more in page.get_by_role("button", name=re.compile("^More: ")).all():
        more.click()
    assert not violations(page)
    page.get_by_role("button", name="Explain this view").click()
    assert not violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export", exact=True).click()
    assert not violations(page)


AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Accessibility violations found by axe, one line each."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]
    ]

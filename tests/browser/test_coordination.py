"""One state behind all views: the address, back and forward, reload, share, keys, a notebook's link."""

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import APIResponse, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from browser.neuron_view import map_figure


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlparse(page.url).query).items()}


def focused(page: Page) -> int:
    """The neuron that all views have in focus."""
    heading = page.get_by_role("heading", name=re.compile("neurons like")).text_content() or ""
    neuron = int(re.findall(r"like (\d+)", heading)[0])
    expect(page.get_by_role("region", name="Neuron", exact=True)).to_contain_text(f"Neuron {neuron}")
    return neuron


def find(page: Page, text: str) -> None:
    page.get_by_role("combobox", name="Find a class, a pair, a neuron").fill(text)
    page.keyboard.press("Enter")
    settle(page)


def test_back_and_forward(page: Page) -> None:
    first = focused(page)
    for neuron in (33, 34):
        find(page, str(neuron))
        assert focused(page) == neuron
    page.go_back()
    expect(page.get_by_role("heading", name="Neuron 33", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name=f"Neuron {first}", exact=True)).to_be_visible()
    page.go_forward()
    page.go_forward()
    expect(page.get_by_role("heading", name="Neuron 34", exact=True)).to_be_visible()


def test_reload_and_share_give_the_same_screen(page: Page, open_page: OpenPage, record: str) -> None:
    find(page, "3-9")
    clusters = page.get_by_role("region", name="Clusters")
    clusters.get_by_role("spinbutton", name="clusters").fill("20")
    clusters.get_by_label("Distance between neurons").select_option("iou")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("clusters=20"))
    # Once the overlaps are known, the maps are exact.
    expect(map_figure(page, "adversarial gain")).to_contain_text(re.compile(r"IoU [\d.]"), timeout=60_000)
    settle(page)
    seen = [region_text(page, name) for name in ("Neuron", "Clusters", "Pairs")]
    page.reload()
    expect(map_figure(page, "adversarial gain")).to_contain_text(re.compile(r"IoU [\d.]"))
    settle(page)
    again = [region_text(page, name) for name in ("Neuron", "Clusters", "Pairs")]
    assert again == seen
    other = open_page(record, urlparse(page.url).query.partition("&")[2])
    expect(map_figure(other, "adversarial gain")).to_contain_text(re.compile(r"IoU [\d.]"))
    settle(other)
    assert [region_text(other, name) for name in ("Neuron", "Clusters", "Pairs")] == seen


def region_text(page: Page, name: str) -> str:
    return page.get_by_role("region", name=name, exact=True).inner_text()


def test_what_an_address_says_and_a_record_has_not_is_left_out(open_page: OpenPage, record: str) -> None:
    usual = open_page(record)
    page = open_page(record, "pair=999999&neurons=99999&sort=nothing&clusters=-3&pairs=7000-1&zoom=9_2")
    assert focused(page) == focused(usual)
    expect(page.get_by_role("spinbutton", name="clusters")).to_have_value("12")


def test_keys_step_through_pairs_and_neurons(page: Page, analysis: vn.Analysis) -> None:
    first = page.request.get(f"api/records/{parameters(page)['record']}").json()["first_view"]
    names, sides = analysis.record.class_names, ("benign", "adversarial")
    labels = (None if first[side] is None else names[first[side]] for side in sides)
    order = analysis.order_pairs("l2_up", analysis.cell(*labels)).tolist()
    page.keyboard.press("j")
    settle(page)
    expect(page).to_have_url(re.compile(rf"pair={order[order.index(first['pair']) + 1]}(&|$)"))
    page.keyboard.press("k")
    settle(page)
    expect(page).not_to_have_url(re.compile(r"[?&]pair="))

    settings = analysis.suggested_settings
    table = analysis.neurons(first["pair"], settings=settings)
    sort = "band_gap" if table["band_gap"].notna().any() else "curve_gap"
    by_gap = table[sort].to_numpy().argsort(kind="stable")
    assert focused(page) == first["neuron"]
    after = by_gap[by_gap.tolist().index(first["neuron"]) + 1]
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name=f"Neuron {after}", exact=True)).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("heading", name=f"Neuron {first['neuron']}", exact=True)).to_be_visible()


def test_letters_are_no_shortcuts_while_typing(page: Page) -> None:
    before = page.url
    field = page.get_by_role("combobox", name="Find a class, a pair, a neuron")
    field.press_sequentially("jknpu/")
    expect(field).to_have_value("jknpu/")
    assert page.url == before


def test_key_for_union_and_intersection(page: Page) -> None:
    find(page, "3-9")
    for word in ("intersection", "union"):
        page.keyboard.press("u")
        for view in ("Neuron", "Clusters"):
            radio = page.get_by_role("region", name=view, exact=True).get_by_role("radio", name=word)
            expect(radio).to_be_checked()


# -- a notebook's link --------------------------------------------------------------------------------------


def put(page: Page, session: str, query: str) -> APIResponse:
    return page.request.put(
        f"api/sessions/{session}/state",
        data=json.dumps({"query": query}),
        headers={"Content-Type": "application/json"},
    )


def state_of(page: Page, session: str) -> Callable[[], str]:
    return lambda: str(page.request.get(f"api/sessions/{session}/state").json()["query"])


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    """Ask until something on the server is so."""
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("this did not happen")


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_a_notebook_reads_and_sets_what_a_page_shows(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "session=notebook-1")
    query = state_of(page, "notebook-1")
    wait_for(page, lambda: query() == "record=cifar10")
    find(page, "33")
    wait_for(page, lambda: "neurons=33" in query())

    put(page, "notebook-1", "record=cifar10&pair=5&neurons=4-9")
    expect(page.get_by_role("heading", name="6 chosen neurons")).to_be_visible()
    expect(page.get_by_role("region", name="Neuron", exact=True)).to_contain_text("6 neurons")
    assert parameters(page) == {"record": "cifar10", "pair": "5", "neurons": "4-9", "session": "notebook-1"}
    # A reload stays in the session, which stores the state.
    page.reload()
    settle(page)
    expect(page.get_by_role("heading", name="6 chosen neurons")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Neuron 33", exact=True)).to_be_visible()
    wait_for(page, lambda: "neurons=33" in query())


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_two_pages_of_a_session_follow_each_other_without_going_round(
    open_page: OpenPage, record: str
) -> None:
    pages = [open_page(record, "session=notebook-2") for _ in range(2)]
    sent: list[str] = []
    for page in pages:
        page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    query = state_of(pages[0], "notebook-2")
    for turn, neuron in enumerate((33, 34, 35, 36)):
        find(pages[turn % 2], str(neuron))
        for page in pages:
            expect(page.get_by_role("heading", name=f"Neuron {neuron}", exact=True)).to_be_visible()
    wait_for(pages[0], lambda: "neurons=36" in query())
    assert len(sent) <= 5


def test_a_session_with_a_bad_name_is_said(open_page: OpenPage, guards: Guards) -> None:
    guards.expect("422")
    page = open_page("cifar10", "session=not%20a%20name")
    expect(page.get_by_role("alert")).to_contain_text(
        "not linked to a notebook: given session = 'not a name'"
    )


@pytest.mark.parametrize("record", ["cifar10"], indirect=True)
def test_a_notebook_turns_a_page_to_another_record(open_page: OpenPage, record: str) -> None:
    page = open_page(record, "session=notebook-3")
    wait_for(page, lambda: state_of(page, "notebook-3")() == "record=cifar10")
    put(page, "notebook-3", "record=demo&neurons=8")
    expect(page.get_by_role("heading", name="Neuron 8", exact=True)).to_be_visible(timeout=20_000)
    expect(page.get_by_role("banner")).to_contain_text("1,280 neurons")
    assert parameters(page) == {"record": "demo", "neurons": "8", "session": "notebook-3"}

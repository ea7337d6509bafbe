"""Vulnerability maps while they are computed: stages, canceling, going on."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.neuron_view import assert_shows, map_figure, page_settings
from browser.serving import StageBrake
from vulneuron.maps.grid import PatchGrid
from vulneuron.record.map_points import MapPointStore

STRIDE, POINTS = 14, 256
WAIT_MS = 60_000
ESTIMATE = re.compile(r"estimate from [0-9]+ of 256 points, (up to )?[0-9]+ % of the outline may change")

pytestmark = pytest.mark.parametrize("record", ["demo"], indirect=True)


def _view(page: Page) -> Locator:
    return page.get_by_role("region", name="Neuron", exact=True)


def _map(page: Page, kind: str = "benign drop") -> Locator:
    return _view(page).get_by_role("img", name=re.compile(f"^Vulnerability map: {kind}, largest"))


def _pixels(page: Page) -> str:
    pixels: str = _map(page).evaluate("picture => picture.querySelector('canvas').toDataURL()")
    return pixels


def _expect_other_pixels(page: Page, before: str) -> None:
    canvas = _map(page).locator("canvas").element_handle()
    page.wait_for_function("([canvas, before]) => canvas.toDataURL() !== before", arg=[canvas, before])


def _button(page: Page, name: str) -> Locator:
    return _view(page).get_by_role("button", name=name, exact=True)


def _bar(page: Page) -> Locator:
    return _view(page).get_by_role("progressbar", name="Vulnerability maps")


def _kept_points(analysis: vn.Analysis, pair: int) -> int:
    grid = PatchGrid(analysis.data.image_size, 28, STRIDE)
    points = MapPointStore(analysis.record, grid.patch, grid.stride).read(pair)
    return 0 if points is None else int(np.isfinite(points[0]).sum())


@pytest.fixture
def pair(analysis: vn.Analysis) -> int:
    """A pair without maps; tests run in any order and leave some behind."""
    settings = page_settings(analysis, stride=STRIDE)
    fresh = vn.Analysis(analysis.record.path)
    return next(
        pair
        # The first pairs are what pages of other tests begin with.
        for pair in range(4, fresh.data.count)
        if not fresh.has_maps(pair, settings=settings) and not _kept_points(fresh, pair)
    )


@pytest.fixture
def brake(stage_brake: StageBrake) -> Iterator[StageBrake]:
    """The brake of the server's jobs, applied."""
    stage_brake.apply()
    yield stage_brake
    stage_brake.release()


@pytest.fixture
def computing(open_page: OpenPage, record: str, pair: int, brake: StageBrake) -> Page:
    """A page whose maps are held at their first stage."""
    return open_page(record, f"stride={STRIDE}&pair={pair}")


def _known(page: Page) -> int:
    text = _view(page).get_by_text(ESTIMATE).inner_text()
    found = re.search(r"from ([0-9]+) of", text)
    assert found is not None
    return int(found[1])


def _expect_exact(page: Page, analysis: vn.Analysis, pair: int) -> None:
    """The maps of the record are shown, and nothing is said of stages any more."""
    # Once the overlaps are known, maps are exact.
    expect(map_figure(page, "benign drop")).to_contain_text(re.compile(r"IoU [\d.]"), timeout=WAIT_MS)
    expect(_view(page).get_by_text(re.compile("^(estimate|preview) from"))).to_have_count(0)
    expect(_bar(page)).to_have_count(0)
    maps = vn.Analysis(analysis.record.path).vulnerability_maps(pair, stride=STRIDE)
    for kind, values in (("benign drop", maps.benign_drop), ("adversarial gain", maps.adversarial_gain)):
        largest = (_map(page, kind).get_attribute("aria-label") or "").rpartition(" ")[2]
        assert_shows(largest, float(values.max()))


def test_maps_are_seen_from_the_preview_to_the_exact_ones(
    computing: Page, analysis: vn.Analysis, pair: int, brake: StageBrake
) -> None:
    page = computing
    expect(_view(page).get_by_text("preview from gradients", exact=True)).to_be_visible(timeout=WAIT_MS)
    expect(_map(page)).to_be_visible()
    expect(_map(page, "adversarial gain")).to_be_visible()
    expect(_bar(page)).to_be_visible()
    preview = _pixels(page)
    # What depends on the maps is not known yet.
    expect(_view(page)).to_contain_text("IoU \N{EN DASH}")
    expect(page.get_by_label("Sort neurons by").locator("option[value=iou_benign_drop]")).to_have_text(
        re.compile(r"^IoU with benign drop \(maps [0-9]+ %\)$")
    )
    brake.step()
    expect(_view(page).get_by_text(ESTIMATE)).to_be_visible(timeout=WAIT_MS)
    assert 64 <= _known(page) < POINTS
    title = _view(page).get_by_text(ESTIMATE).get_attribute("title") or ""
    assert re.search(r"Rank correlation of the preview .* benign drop \S?[01]?\.[0-9]{2}, ", title)
    _expect_other_pixels(page, preview)
    estimate = _pixels(page)
    brake.release()
    _expect_exact(page, analysis, pair)
    assert _pixels(page) != estimate
    assert _kept_points(analysis, pair) == 0


def test_a_cancelled_map_stays_and_goes_on(
    computing: Page, analysis: vn.Analysis, pair: int, brake: StageBrake
) -> None:
    page = computing
    brake.step()
    expect(_view(page).get_by_text(ESTIMATE)).to_be_visible(timeout=WAIT_MS)
    _button(page, "Cancel").click()
    expect(_view(page)).to_contain_text("Canceled.")
    brake.release()
    expect(_view(page).get_by_text(ESTIMATE)).to_be_visible()
    expect(_map(page)).to_be_visible()
    expect(_bar(page)).to_have_count(0)
    known = _known(page)
    settings = page_settings(analysis, stride=STRIDE)
    assert not vn.Analysis(analysis.record.path).has_maps(pair, settings=settings)
    # The outline still follows its slider, but it was not asked how sure another one is.
    stopped = _pixels(page)
    _view(page).get_by_label("outline", exact=True).press("PageUp")
    _expect_other_pixels(page, stopped)
    expect(_view(page).get_by_text(re.compile("estimate from [0-9]+ of 256 points$"))).to_be_visible()
    _view(page).get_by_label("outline", exact=True).press("PageDown")
    # What is kept is written when the job has stopped, which takes it one batch.
    for _ in range(600):
        if _kept_points(analysis, pair) >= known:
            break
        page.wait_for_timeout(100)
    assert _kept_points(analysis, pair) >= known
    _button(page, "Resume").click()
    # It goes on from there: there is no preview again, and no fewer points.
    expect(_button(page, "Cancel")).to_be_visible(timeout=WAIT_MS)
    expect(_view(page).get_by_text(ESTIMATE)).to_be_visible()
    assert _known(page) >= known
    _expect_exact(page, analysis, pair)
    assert _kept_points(analysis, pair) == 0


def test_a_page_that_was_left_goes_on_where_it_was(
    computing: Page, analysis: vn.Analysis, pair: int, brake: StageBrake
) -> None:
    page = computing
    brake.step()
    expect(_view(page).get_by_text(ESTIMATE)).to_be_visible(timeout=WAIT_MS)
    known = _known(page)
    page.reload()
    expect(_view(page).get_by_text(ESTIMATE)).to_be_visible(timeout=WAIT_MS)
    assert _known(page) >= known
    brake.release()
    _expect_exact(page, analysis, pair)

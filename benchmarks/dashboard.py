"""How quickly the dashboard answers, in a real Chromium.

python benchmarks/dashboard.py --record cifar10.zarr --model examples/cifar10/resnet10.py:trained

Serves the record, opens it, clicks as a user would, and prints medians: from a click to the frame in which
no view waits any more, and frames a second while zooming. The last two rows replace the record's points and
neurons by made-up ones, to see how far the drawing goes.
"""

import argparse
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Page, Route, expect, sync_playwright

import vulneuron as vn
from vulneuron.server.usual import usual_settings

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
_REPEATS = 9
_POINTS, _NEURONS = 200_000, 2_048

#: Milliseconds from an action to the frame in which the page has changed and no view waits; of a slider, its
#: own view: numbers of all neurons follow when it rests.
_ANSWER = """async ([selector, index, action, value]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const element = document.querySelectorAll(selector)[index];
  const view = action === "click" ? document : element.closest("section").parentElement;
  const start = performance.now();
  if (action === "click") element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  else {
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
    await frame();
  }
  await frame();
  while (view.querySelector("section[aria-busy=true]")) await frame();
  return performance.now() - start;
}"""

#: Milliseconds a frame while an element is zoomed by the wheel, in and out.
_ZOOM = """async ([selector, frames]) => {
  const element = document.querySelector(selector);
  const { x, y, width, height } = element.getBoundingClientRect();
  const at = { clientX: x + width / 3, clientY: y + height / 2, bubbles: true, cancelable: true };
  const times = [];
  for (let step = 0; step < frames; step += 1) {
    const before = performance.now();
    element.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: step % 40 < 20 ? -60 : 60 }));
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - before);
  }
  return times;
}"""
_ANSWERED = """async () => {
  while (window.answered === undefined) await new Promise(requestAnimationFrame);
  return window.answered;
}"""
_SCATTERPLOT = "[aria-label='Adversarial images']"
_NEURON_PLOT = "[role=slider][aria-label*='Contributions']"


def _settled(page: Page) -> None:
    page.wait_for_selector("main")
    expect(page.locator("section[aria-busy=true]")).to_have_count(0, timeout=120_000)


def _answers(page: Page, steps: list[list[Any]]) -> float:
    times: list[float] = []
    for step in steps:
        times.append(page.evaluate(_ANSWER, step))
        page.wait_for_timeout(150)  # a person's pause; what follows in the background is not the answer
    return median(times)


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _made_up_points(page: Page, pairs: int) -> None:
    """Replace the table of pairs: ten clusters of points."""

    def answer(route: Route) -> None:
        table = np.load(io.BytesIO(route.fetch().body()))
        rng = np.random.default_rng(0)
        chosen = np.take(table, rng.integers(0, table.shape[1], pairs), axis=1)
        chosen[:4] += rng.normal(scale=0.5, size=(4, pairs))
        route.fulfill(body=_npy(chosen.astype(np.float32)), content_type="application/x-npy")

    page.route("**/pairs.npy*", answer)


def _made_up_neurons(page: Page, neurons: int) -> None:
    """Repeat the table of neurons until it has so many."""

    def table(route: Route) -> None:
        found = np.load(io.BytesIO(route.fetch().body()))
        repeated = np.tile(found, (1, -(-neurons // found.shape[1])))[:, :neurons]
        route.fulfill(body=_npy(repeated), content_type="application/x-npy")

    def summary(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "neurons": neurons})

    page.route("**/neurons.npy*", table)
    page.route("**/api/records/*", summary)


def _rate(page: Page, selector: str, frames: int = 120) -> float:
    times: list[float] = page.evaluate(_ZOOM, [selector, frames])
    return 1000 / median(times)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", required=True)
    parser.add_argument("--model", help="where the network is, if not where the record says")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Maps are written into a copy.
        record = shutil.copytree(options.record, Path(folder) / Path(options.record).name)
        analysis = vn.Analysis(record, vn.load_classifier(vn.open_record(record), options.model))
        settings = usual_settings(analysis)
        pairs = list(range(_REPEATS))
        for pair in pairs:
            analysis.vulnerability_maps(pair, settings.patch, settings.stride)
        dashboard = vn.show(record, model=options.model)
        address = dashboard.url.partition("?")[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=_FLAGS)

            def opened(query: str = "", prepare: Callable[[Page], None] = lambda page: None) -> Page:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                prepare(page)
                page.goto(address + query)
                _settled(page)
                return page

            _report(opened, pairs)
            browser.close()
        dashboard.stop()


def _report(opened: Callable[..., Page], pairs: list[int]) -> None:
    opened().close()  # what the server computes once a record
    starts = []
    for _ in range(_REPEATS):
        page = opened()
        starts.append(page.evaluate("performance.now()"))
        page.close()
    print(f"first useful screen, ms              {median(starts):8.0f}")
    page = opened("?pairs=all&pair=0")
    cells = page.locator("[role=gridcell]").count()
    clicks = [["[role=gridcell]", number, "click", None] for number in range(3, min(cells, 90), 9)]
    print(f"click on a cell, ms                  {_answers(page, clicks[:_REPEATS]):8.0f}")
    page.close()
    # In this order the grid lists the pairs whose maps are there.
    page = opened(f"?pairs=all&pair={pairs[0]}")
    print(f"lasso, ms                            {_lasso(page):8.0f}")
    page.close()
    print(f"click on a pair, ms                  {_pairs(opened, pairs):8.0f}")
    page = opened("?pair=0")
    for name, label in (("RF threshold", "RF threshold"), ("top-q slider", "most vulnerable")):
        index = page.get_by_label(label, exact=True).evaluate(
            "one => [...document.querySelectorAll('input[type=range]')].indexOf(one)"
        )
        moves = [["input[type=range]", index, "input", 40 + 3 * step] for step in range(_REPEATS)]
        print(f"{name}, ms                     {_answers(page, moves):8.0f}")
    print(f"scatterplot of the record, frames/s  {_rate(page, _SCATTERPLOT):8.0f}")
    print(f"neurons of the record, frames/s      {_rate(page, _NEURON_PLOT):8.0f}")
    page.close()
    page = opened(prepare=lambda page: _made_up_points(page, _POINTS))
    print(f"scatterplot, {_POINTS:,} points, fr./s {_rate(page, _SCATTERPLOT, 40):8.0f}")
    page.close()
    page = opened(prepare=lambda page: _made_up_neurons(page, _NEURONS))
    print(f"neuron view, {_NEURONS:,} neurons, fr./s {_rate(page, _NEURON_PLOT):8.0f}")


def _lasso(page: Page) -> float:
    times: list[float] = []
    for step in range(_REPEATS):
        left, top, width, height = page.locator(_SCATTERPLOT).evaluate(
            "one => { const b = one.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }"
        )
        x, y, reach = left + width / 4, top + height / 4, width / (3 + 0.2 * step)
        page.keyboard.down("Shift")
        page.mouse.move(x, y)
        page.mouse.down()
        for dx, dy in ((reach, 0), (reach, reach), (0, reach)):
            page.mouse.move(x + dx, y + dy, steps=3)
        page.evaluate(
            """() => addEventListener("pointerup", async () => {
              const frame = () => new Promise(requestAnimationFrame);
              const start = performance.now();
              await frame();
              await frame();
              while (document.querySelector("section[aria-busy=true]")) await frame();
              window.answered = performance.now() - start;
            }, { once: true, capture: true })"""
        )
        page.evaluate("window.answered = undefined")
        page.mouse.up()
        page.keyboard.up("Shift")
        times.append(page.evaluate(_ANSWERED))
    return median(times)


def _pairs(opened: Callable[..., Page], pairs: list[int]) -> float:
    """Follow addresses of pairs, as a click does; only these pairs have their maps."""
    page = opened(f"?pairs=all&pair={pairs[-1]}")
    times: list[float] = []
    for pair in pairs:
        times.append(
            page.evaluate(
                """async (pair) => {
                  const frame = () => new Promise(requestAnimationFrame);
                  const query = new URLSearchParams(location.search);
                  query.set("pair", pair);
                  const start = performance.now();
                  history.pushState(null, "", `?${query}`);
                  dispatchEvent(new PopStateEvent("popstate"));
                  await frame();
                  while (document.querySelector("section[aria-busy=true]")) await frame();
                  return performance.now() - start;
                }""",
                pair,
            )
        )
        page.wait_for_timeout(150)
    page.close()
    return median(times)


if __name__ == "__main__":
    main()

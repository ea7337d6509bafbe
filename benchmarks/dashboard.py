"""Time the dashboard's responses in Chromium.

python benchmarks/dashboard.py --record cifar10.zarr --model examples/cifar10/resnet10.py:trained

Serves the record, opens it, clicks like a user, and prints milliseconds (median, 95th percentile, maximum)
from a click to the frame in which no view is loading, and frames per second while zooming. Clicks are
measured with the pointer resting on the target for a quarter of a second, as a hand does, and without a rest.
The last two rows replace the record's points and neurons by synthetic ones, to test the limits of drawing.

With ``--no-maps``, it neither computes vulnerability maps in advance nor waits for them, and the pointer
never rests before a click.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, Route, expect, sync_playwright

import vulneuron as vn
from vulneuron.server.settings import dashboard_settings

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
#: Number of repetitions, and that of the most frequent actions.
_REPEATS, _MANY = 9, 20
_POINTS, _NEURONS = 200_000, 2_048
#: Milliseconds that the pointer rests on its target before a click.
_REST = 250
#: Milliseconds between actions; background work during the pause does not count as response.
_PAUSE = 150

#: Milliseconds from an action to the frame in which the page has changed, no view is loading, and all visible
#: images are loaded; for "input", only the slider's own view.
_ANSWER = """async (element, [action, value]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const view = action === "input" ? element.closest("section").parentElement : document;
  const waits = window.leavesMapsOut ? ":not([aria-label=Neuron])" : "";
  const images = () => [...document.querySelectorAll("[role=option] .image")];
  const isBusy = () =>
    view.querySelector(`section[aria-busy=true]${waits}`) ||
    (view === document && images().some((one) => one.style.backgroundImage === "none"));
  const happens = (go) => addEventListener(action, go, { once: true, capture: true });
  if (action === "pointerup") await new Promise(happens);
  const start = performance.now();
  if (action === "click") element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  if (action === "input" || action === "step") {
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
    await frame();
  }
  await frame();
  while (isBusy()) await frame();
  window.answered = performance.now() - start;
}"""

#: Milliseconds per frame while an element is zoomed by the wheel, in and out.
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


def _answer(page: Page, target: Locator, action: str = "click", value: float | None = None) -> float:
    target.evaluate(_ANSWER, [action, value])
    page.wait_for_timeout(_PAUSE)
    answered: float = page.evaluate("window.answered")
    return answered


def _click(page: Page, target: Locator, rest: int) -> float:
    """Milliseconds from a click to the complete response, with the pointer resting on the target."""
    page.mouse.move(1, 1)
    if rest:
        target.hover()
        page.wait_for_timeout(rest)
    return _answer(page, target)


def _lasso(page: Page, left: float, top: float) -> float:
    """Milliseconds from the end of a lasso to the complete response; `corner` is relative to the plot."""
    plot = page.locator(_SCATTERPLOT)
    place = plot.evaluate("one => one.getBoundingClientRect().toJSON()")
    x, y = place["x"] + left * place["width"], place["y"] + top * place["height"]
    page.keyboard.down("Shift")
    page.mouse.move(x, y)
    page.mouse.down()
    for dx, dy in ((0.25, 0), (0.25, 0.25), (0, 0.25), (0, 0.05)):
        page.mouse.move(x + dx * place["width"], y + dy * place["height"], steps=8)
    page.wait_for_timeout(_PAUSE)  # a hand rests before it releases
    page.evaluate(f"window.answered = undefined; void ({_ANSWER})(document.body, ['pointerup', null])")
    page.mouse.up()
    page.keyboard.up("Shift")
    answered: float = page.evaluate(_ANSWERED)
    page.wait_for_timeout(_PAUSE)
    return answered


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
    """Repeat the table of neurons up to this number."""

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


@contextmanager
def _served(record: Path, model: str | None) -> Iterator[str]:
    """URL of a server in its own process."""
    command = [sys.executable, "-m", "vulneuron", "serve", str(record), "--no-open", "--port", "0"]
    command += [] if model is None else ["--model", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
        try:
            if not found:
                raise RuntimeError("the server did not start")
            yield found.group()
        finally:
            process.terminate()


Open = Callable[..., Page]


@contextmanager
def _browser(address: str, chromium: str | None, maps: bool = True) -> Iterator[Open]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)

        def opened(query: str = "", prepare: Callable[[Page], None] = lambda page: None) -> Page:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            prepare(page)
            page.add_init_script(f"window.leavesMapsOut = {str(not maps).lower()}")
            page.goto(address + query)
            _settled(page)
            return page

        yield opened
        browser.close()


def _pair_clicks(opened: Open, rest: int = 0) -> Iterator[tuple[Page, float]]:
    """Click several pairs of the image grid."""
    page = opened("?pairs=all")
    for place in range(1, _MANY + 1):
        target = page.locator(f"[role=option][aria-posinset='{place}']")
        if not target.is_visible():
            page.get_by_role("listbox").evaluate("list => { list.scrollTop = 0; }")
            target.wait_for()
        yield page, _click(page, target, rest)
    page.close()


def _cell_clicks(opened: Open, rest: int = 0) -> Iterator[tuple[Page, float]]:
    """Click cells with pairs all over the matrix."""
    page = opened("?pairs=all")
    cells = page.locator("[role=gridcell]:not([aria-label$=': 0 pairs'])")
    count = cells.count()
    for step in range(_REPEATS):
        yield page, _click(page, cells.nth(3 + step * (count - 4) // _REPEATS), rest)
    page.close()


def _lassos(opened: Open) -> Iterator[tuple[Page, float]]:
    """Draw lassos that focus different pairs."""
    page = opened("?pairs=all")
    for step in range(_REPEATS):
        yield page, _lasso(page, 0.15 + 0.2 * (step % 3), 0.15 + 0.2 * (step // 3))
    page.close()


def _threshold_steps(opened: Open) -> Iterator[float]:
    """Move the RF threshold, until the last view has changed."""
    page = opened()
    slider = page.get_by_label("RF threshold", exact=True)
    for level in _levels(slider, _MANY):
        yield _answer(page, slider, "step", level)
    page.close()


def _level_clicks(opened: Open) -> Iterator[float]:
    """Show means over all pairs instead of one, each time for another threshold."""
    page = opened("?pairs=all")
    levels = page.get_by_role("group", name="Level").locator("label, button")
    slider = page.get_by_label("RF threshold", exact=True)
    for level in _levels(slider, _REPEATS):
        yield _answer(page, levels.last)
        _answer(page, levels.first)
        _answer(page, slider, "step", level)
    page.close()


def _levels(slider: Locator, count: int) -> list[float]:
    """Different values of a slider, in its upper part: lower RF thresholds may all be 0."""
    largest = float(slider.get_attribute("max") or 100)
    return [float(level) for level in np.linspace(0.82, 0.98, count) * largest]


def _focused(page: Page) -> int:
    card = page.locator("[role=option][aria-selected=true]").first
    return int((card.get_attribute("id") or "").rpartition("-")[2])


def _made_maps(record: Path, model: str | None, chromium: str | None) -> None:
    """Compute the maps of all pairs that a first round of the same clicks focuses."""
    with _served(record, None) as address, _browser(address, chromium) as opened:
        rounds = (_pair_clicks(opened), _cell_clicks(opened), _lassos(opened))
        pairs = {_focused(page) for clicks in rounds for page, _ in clicks}
    analysis = vn.Analysis(record, vn.load_classifier(vn.open_record(record), model))
    settings = dashboard_settings(analysis)
    for pair in sorted(pairs):
        analysis.vulnerability_maps(pair, settings=settings)


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", required=True)
    parser.add_argument("--model", help="the network, if it is not where the record says")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--maps", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # A copy receives the maps.
        record = Path(shutil.copytree(options.record, Path(folder) / Path(options.record).name))
        if options.maps:
            _made_maps(record, options.model, options.chromium)
        # Each kind of click is measured on a new server, without cached responses.
        with (
            _served(record, options.model) as address,
            _browser(address, options.chromium, options.maps) as opened,
        ):
            _report_clicks(opened, 0)
        if not options.maps:
            return
        with _served(record, options.model) as address, _browser(address, options.chromium) as opened:
            _report_clicks(opened, _REST)
            _report_rest(opened)


def _report_clicks(opened: Open, rest: int) -> None:
    opened().close()  # what the server computes once per record
    how = f", pointer there for {rest} ms" if rest else ", pointer not there before"
    _print_times(f"click on a pair{how}", [time for _, time in _pair_clicks(opened, rest)])
    _print_times(f"click on a cell{how}", [time for _, time in _cell_clicks(opened, rest)])
    if rest:
        _print_times("lasso", [time for _, time in _lassos(opened)])
        return
    _print_times("RF threshold, last view", list(_threshold_steps(opened)))
    first, *others = _level_clicks(opened)
    _print_times("means over all pairs, first click", [first])
    _print_times("means over all pairs, other thresholds", others)


def _report_rest(opened: Open) -> None:
    starts = []
    for _ in range(_REPEATS):
        page = opened()
        starts.append(page.evaluate("performance.now()"))
        page.close()
    _print_times("first useful screen", starts)
    page = opened()
    for label in ("RF threshold", "outline"):
        slider = page.get_by_label(label, exact=True)
        moves = [_answer(page, slider, "input", level) for level in _levels(slider, _REPEATS)]
        _print_times(f"slider {label!r}, its view", moves)
    _print("scatterplot of the record, frames/s", _rate(page, _SCATTERPLOT))
    _print("neurons of the record, frames/s", _rate(page, _NEURON_PLOT))
    page.close()
    page = opened(prepare=lambda page: _made_up_points(page, _POINTS))
    _print(f"scatterplot with {_POINTS:,} points, frames/s", _rate(page, _SCATTERPLOT, 40))
    page.close()
    page = opened(prepare=lambda page: _made_up_neurons(page, _NEURONS))
    _print(f"neuron view with {_NEURONS:,} neurons, frames/s", _rate(page, _NEURON_PLOT))


def _print_times(label: str, times: list[float]) -> None:
    """Median, 95th percentile and maximum."""
    values = "".join(f"{value:8.0f}" for value in np.percentile(times, [50, 95, 100]))
    print(f"{label + ', ms':<55}{values}", flush=True)


def _print(label: str, value: float) -> None:
    print(f"{label:<55}{value:8.0f}", flush=True)


if __name__ == "__main__":
    main()

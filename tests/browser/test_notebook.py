"""The notebook widget in a page of another origin, with its front end and a model as notebooks have."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import vulneuron as vn
from browser.conftest import OpenPage
from browser.guards import Guards
from runs import color_net
from vulneuron.server.widget import DashboardWidget

#: The widget's traits in the browser; `sent` is what would go to the kernel.
MODEL = """
class Model extends EventTarget {
  sent = [];
  changed = {};
  constructor(state) { super(); this.state = state; }
  get(name) { return this.state[name]; }
  set(name, value) {
    this.changed[name] = this.state[name] = value;
    this.dispatchEvent(new Event(`change:${name}`));
  }
  save_changes() { this.sent.push(this.changed); this.changed = {}; }
  on(name, listener) { this.addEventListener(name, listener); }
  off(name, listener) { this.removeEventListener(name, listener); }
}
"""
RENDER = """async ([source, state]) => {
  const widget = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  window.model = new Model(state);
  await widget.default.render({ model: window.model, el: document.querySelector("main") });
}"""


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[str]:
    """Address of an empty page on another server, whose name makes it another site."""
    (tmp_path / "index.html").write_text("<!doctype html><link rel=icon href=data:,><main></main>")
    handler = partial(QuietHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def widget(linear_record: Path) -> Iterator[DashboardWidget]:
    shown = vn.show(linear_record, model=color_net())
    assert isinstance(shown, DashboardWidget)
    yield shown
    shown.stop()


def render(page: Page, widget: DashboardWidget) -> None:
    """Run the cell: the front end gets the state that the kernel sends."""
    state = {name: value for name, value in widget.get_state().items() if isinstance(name, str)}
    names = (
        "layer",
        "pair",
        "neurons",
        "pairs",
        "_changed",
        "_port",
        "_path",
        "_proxy",
        "_height",
        "_help",
        "_picture",
        "_still",
    )
    page.evaluate(RENDER, [str(widget._esm), {name: state[name] for name in names}])


def receive(page: Page, widget: DashboardWidget, name: str, value: Any) -> None:
    """Wait until the page reports a value, and give the kernel what it has sent."""
    page.wait_for_function(
        "([name, value]) => JSON.stringify(model.get(name)) === JSON.stringify(value)", arg=[name, value]
    )
    for state in page.evaluate("model.sent.splice(0)"):
        widget.set_state(state)


def send(page: Page, widget: DashboardWidget, name: str) -> None:
    """Give the page the value of a trait that Python has set."""
    page.evaluate("([name, value]) => model.set(name, value)", [name, list(widget.get_state([name])[name])])


def test_page_and_traits_follow_each_other(
    widget: DashboardWidget, notebook: str, open_page: OpenPage, guards: Guards
) -> None:
    guards.expect("127.0.0.1|localhost")
    page = open_page("cifar10")
    page.goto(notebook)
    page.add_script_tag(content=MODEL)
    first_neurons, cell = widget.neurons, widget.pairs
    other = next(pair for pair in cell if pair != widget.pair)

    # What Python has set before the page is there, the page takes over; the rest is its own first view.
    widget.pair = other
    render(page, widget)
    frame = page.frame_locator("iframe[title=Vulneuron]")
    expect(frame.get_by_role("heading", name=f"Neuron {first_neurons[0]}", exact=True)).to_be_visible(
        timeout=30_000
    )
    expect(frame.locator("section[aria-busy=true]")).to_have_count(0, timeout=30_000)
    receive(page, widget, "pair", other)
    assert (widget.pair, widget.neurons, widget.pairs) == (other, first_neurons, cell)

    # A click in the page changes a trait.
    find = frame.get_by_role("combobox", name="Find")
    find.fill("3")
    find.press("Enter")
    receive(page, widget, "neurons", [3])
    assert widget.neurons == (3,)

    # A trait changes the page.
    widget.neurons = [1, 2]
    widget.pairs = cell[:2]
    send(page, widget, "neurons")
    send(page, widget, "pairs")
    overview = frame.get_by_role("region", name="Images and predictions")
    expect(overview.get_by_role("status")).to_contain_text("chosen pairs")
    expect(frame.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    receive(page, widget, "neurons", [1, 2])
    assert list(widget.selection().index) == list(cell[:2])

    # Opened again without a kernel, the notebook shows a picture and says what to do.
    widget.stop()
    page.clock.install()
    render(page, widget)
    page.clock.fast_forward(11_000)
    expect(page.get_by_role("status")).to_contain_text("Run this cell again")
    expect(page.get_by_role("img", name="Both images of the first pair")).to_be_visible()

"""Changes while a page is open: the network is loaded, a record is removed."""

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Page, expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from browser.records import ExampleRecord
from browser.serving import serving
from runs import CLASS_NAMES, color_net, color_pictures
from served import TIMEOUT, listening
from vulneuron.analysis import load_classifier
from vulneuron.errors import ModelError
from vulneuron.network import Classifier
from vulneuron.server.app import create_app
from vulneuron.server.library import Library
from vulneuron.server.network import RecordNetwork

#: Pauses between two questions grow up to this, and a slow machine takes its own time.
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def nonlinear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of a network whose head is not linear, so that substitution needs the network."""
    out = tmp_path_factory.mktemp("nonlinear") / "colors.zarr"
    pictures, labels = color_pictures(a_class=10)
    vn.analyze(color_net(mlp=True), pictures, labels, out=out, class_names=CLASS_NAMES)
    return out


def about(page: Page) -> str:
    page.get_by_role("button", name=re.compile("are fooled")).click()
    text = page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    return text


@pytest.mark.parametrize("found", [True, False], ids=["ready", "missing"])
def test_page_learns_when_the_network_is_there(
    nonlinear: Path, open_page: OpenPage, guards: Guards, found: bool
) -> None:
    # Substitution is refused with 409 until the network is there.
    guards.expect("127.0.0.1")
    released = Event()

    def late(record: vn.Record, _model: object) -> Classifier:
        assert released.wait(TIMEOUT)
        if not found:
            raise ModelError("the file has gone", allowed="a file", fix="restore it")
        return load_classifier(record, color_net(mlp=True))

    page = open_page("cifar10")
    library = Library([nonlinear], color_net(mlp=True), network=partial(RecordNetwork, load=late))
    with listening(create_app(library)) as address:
        try:
            page.goto(f"{address}/?record=colors")
            settle(page)
            field = page.get_by_role("region", name="Neuron", exact=True)
            expect(field.get_by_text("This waits for the network.")).to_have_count(2)
            sorts = page.get_by_label("Sort neurons by")
            expect(sorts).to_contain_text("needs the network")
            assert "The network is loading." in about(page)
        finally:
            released.set()
        if found:
            expect(field.get_by_text(re.compile("^(Still|Now) "))).to_have_count(2, timeout=PATIENCE_MS)
            assert "The network is ready." in about(page)
            expect(sorts).not_to_contain_text("needs the network")
        else:
            needs = field.get_by_text("This needs the network.")
            expect(needs).to_have_count(2, timeout=PATIENCE_MS)
            assert "There is no network for new vulnerability maps: the file has gone" in about(page)


def test_a_record_that_goes_is_said_once_and_comes_back(
    example_paths: tuple[ExampleRecord, ...], open_page: OpenPage, guards: Guards, tmp_path: Path
) -> None:
    guards.expect("127.0.0.1")
    original = next(one for one in example_paths if one.name == "cifar10")
    path = Path(shutil.copytree(original.path, tmp_path / original.path.name))
    page = open_page("cifar10")
    with serving([replace(original, path=path)]) as address:
        page.goto(f"{address}?record=cifar10")
        settle(page)
        main, alert = page.get_by_role("main"), page.get_by_role("alert")
        fields = main.get_by_role("figure").filter(has_text=re.compile("of the image|captures nothing"))
        expect(fields).to_have_count(2)
        away = path.rename(tmp_path / "away")
        page.keyboard.press("j")
        expect(alert).to_contain_text("does not exist")
        settle(page)
        # One notice above all views, which keep what they show.
        expect(alert).to_have_count(1)
        for region in ("Pairs", "Neurons", "Neuron", "Clusters"):
            view = page.get_by_role("region", name=region, exact=True)
            expect(view).not_to_contain_text("does not exist")
            expect(view.locator("canvas, [role=tree], [role=listbox]").first).to_be_visible()
        # They may be of the next pair, which the page loads in advance.
        expect(fields).to_have_count(2)
        place, below = alert.bounding_box(), main.bounding_box()
        assert place is not None
        assert below is not None
        assert below["y"] >= place["y"] + place["height"]
        away.rename(path)
        expect(alert).to_have_count(0, timeout=PATIENCE_MS)
        settle(page)
        expect(main).to_be_visible()

"""A folder of records whose contents change while the page is open."""

import json
import re
import shutil
from pathlib import Path
from threading import Event, Thread
from typing import Any

from playwright.sync_api import expect

import vulneuron as vn
from browser.conftest import OpenPage, settle
from browser.guards import Guards
from runs import CLASS_NAMES, color_net, color_pictures
from served import TIMEOUT, listening
from vulneuron.server.app import create_app
from vulneuron.server.library import Library

#: A run writes blocks of 64 images.
BATCH = 64
#: The server looks for changes about once per second.
PATIENCE_MS = 30_000


def test_records_that_appear_and_a_run_that_finishes(
    linear_record: Path, tmp_path: Path, open_page: OpenPage, guards: Guards
) -> None:
    guards.expect("127.0.0.1")
    second, go_on = Event(), Event()
    attack = vn.PGD()

    def stopping(classifier: Any, images: Any, labels: Any) -> Any:
        if len(images) < BATCH:
            second.set()
            assert go_on.wait(2 * TIMEOUT)
        return attack.adversarial_images(classifier, images, labels)

    def analyze() -> None:
        pictures, labels = color_pictures(30)
        vn.analyze(
            color_net(),
            pictures,
            labels,
            out=tmp_path / "resnet" / "run.zarr",
            attack=stopping,
            class_names=CLASS_NAMES,
            batch_size=BATCH,
            progress=False,
        )

    page = open_page("cifar10")
    with listening(create_app(Library([tmp_path]))) as address:
        page.goto(address)
        expect(page.get_by_role("heading", name="No records yet")).to_be_visible()
        shutil.copytree(linear_record, tmp_path / "first.zarr")
        settle(page)
        expect(page).to_have_url(re.compile("record=first$"))

        old = Path(shutil.copytree(linear_record, tmp_path / "old.zarr"))
        metadata = json.loads((old / "zarr.json").read_text())
        metadata["attributes"]["vulneuron_schema"] = 1
        (old / "zarr.json").write_text(json.dumps(metadata))
        running = Thread(target=analyze)
        running.start()
        assert second.wait(2 * TIMEOUT)
        try:
            options = page.get_by_label("Record", exact=True).get_by_role("option")
            expect(options).to_have_text(
                ["first", "old: cannot be opened", "resnet-run: 64 of 90 images attacked"],
                timeout=PATIENCE_MS,
            )
            page.get_by_label("Record", exact=True).select_option("resnet-run")
            expect(page.get_by_role("heading", name="The run of resnet-run is unfinished")).to_be_visible()
            expect(page.get_by_role("progressbar", name="Progress of resnet-run")).to_have_attribute(
                "value", "64"
            )
            expect(page.get_by_role("list", name="Records")).to_contain_text("older schema 1")
        finally:
            go_on.set()
        running.join()
        settle(page)
        expect(page).to_have_url(re.compile("record=resnet-run"))
        expect(page.get_by_role("banner")).to_contain_text("4 neurons")

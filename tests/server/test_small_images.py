"""The dashboard's requests for images of a few pixels."""

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

import vulneuron as vn
from runs import color_net
from vulneuron.server.app import create_app
from vulneuron.server.jobs import Jobs
from vulneuron.server.library import Library

ROUTES = (
    "",
    "/pairs.npy",
    "/pairs/0/neurons.npy",
    "/pairs/0/images/difference.png",
    "/thumbnails?pairs=0&size=32",
    "/pairs/0/masks.npy?neurons=0",
    "/pairs/0/dendrogram.npy",
    "/pairs/0/maps",
)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1), (2, 2)], ids=str)
def test_images_of_a_few_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    labels = np.arange(6) % 3
    pictures = np.full((6, *size, 3), 110, np.uint8)
    pictures[np.arange(6), :, :, labels] = 140
    attack, out = vn.PGD(eps=40 / 255), tmp_path / "small.zarr"
    record = vn.analyze(color_net(), pictures, labels, out=out, attack=attack)
    assert record.info()["pairs"] > 0
    library = Library([out], color_net())
    library["small"].join()
    app = create_app(library, jobs=Jobs(), pages=tmp_path / "no pages")
    with TestClient(app, base_url="http://localhost") as client:
        for route in ROUTES:
            response = client.get(f"/api/records/small{route}")
            assert response.status_code == 200, response.text
        settings = client.get("/api/records/small").json()["settings"]["vmaps"]
        (patch,) = [setting for setting in settings if setting["name"] == "patch"]
        assert patch["choices"]
        job = client.post("/api/records/small/jobs", json={"pair": 0})
        assert job.status_code == 200, job.text
        with client.stream("GET", f"/api/jobs/{job.json()['id']}/events") as stream:
            assert any('"state":"done"' in line for line in stream.iter_lines())
        maps = client.get("/api/records/small/pairs/0/maps.npy")
        assert maps.status_code == 200
    app.state.server.close()
    maps_shape = vn.Analysis(out).vulnerability_maps(0).benign_drop.shape
    assert maps_shape == size

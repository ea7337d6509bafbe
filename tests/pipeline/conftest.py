"""A record of the color network, as a run writes it."""

import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.record import Record


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    pictures, labels = color_pictures()
    out = tmp_path_factory.mktemp("records") / "colors.zarr"
    return vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES, batch_size=5)

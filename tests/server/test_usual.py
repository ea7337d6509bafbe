"""The stride of vulnerability maps that the dashboard of a record starts with."""

from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net
from vulneuron.record.vulnerability_maps import VulnerabilityMapKey, VulnerabilityMapStore
from vulneuron.server.summary import dashboard_settings

PAIRS = 5


def made(folder: Path, side: int) -> vn.Record:
    """A record of five pairs of square images."""
    labels = np.arange(PAIRS) % len(CLASS_NAMES)
    pictures = np.random.default_rng(0).integers(90, 130, (PAIRS, side, side, 3))
    pictures[np.arange(PAIRS), ..., labels] += 12
    record = vn.analyze(
        color_net(),
        pictures.astype(np.uint8),
        labels,
        out=folder / f"{side}.zarr",
        class_names=CLASS_NAMES,
        progress=False,
    )
    assert len(record.pairs) == PAIRS
    return record


@pytest.fixture
def large(tmp_path: Path) -> vn.Record:
    return made(tmp_path, 224)


def keep_maps(record: vn.Record, pairs: int, stride: int, patch: int = 28) -> None:
    """Put made-up maps of the first pairs into a record."""
    values = np.zeros((2, -(-224 // stride), -(-224 // stride)))
    for pair in range(pairs):
        VulnerabilityMapStore(record).write(pair, VulnerabilityMapKey(patch, stride, "dense"), values)


@pytest.mark.parametrize(("side", "stride"), [(32, 1), (70, 2), (224, 7)])
def test_without_maps_it_makes_about_32_points_a_side(tmp_path: Path, side: int, stride: int) -> None:
    analysis = vn.Analysis(made(tmp_path, side))
    settings = dashboard_settings(analysis)
    assert settings.stride == stride
    assert settings == vn.Settings(stride=stride, band_images=analysis.suggested_settings.band_images)


def test_the_finest_of_which_most_pairs_have_maps(large: vn.Record) -> None:
    keep_maps(large, pairs=PAIRS // 2, stride=2)
    keep_maps(large, pairs=PAIRS // 2 + 1, stride=4)
    keep_maps(large, pairs=PAIRS, stride=5)
    assert dashboard_settings(vn.Analysis(large)).stride == 4
    keep_maps(large, pairs=PAIRS // 2 + 1, stride=2)
    assert dashboard_settings(vn.Analysis(large)).stride == 2


def test_maps_of_another_patch_or_a_coarser_stride_do_not_count(large: vn.Record) -> None:
    keep_maps(large, pairs=PAIRS, stride=3, patch=16)
    keep_maps(large, pairs=PAIRS, stride=14)
    assert dashboard_settings(vn.Analysis(large)).stride == 7

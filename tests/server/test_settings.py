"""Settings as the page of a record has them, and as requests name them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net
from served import Served, assert_error
from vulneuron.analysis.settings import GROUPS, SETTINGS
from vulneuron.record.vulnerability_maps import VulnerabilityMapKey, VulnerabilityMapStore
from vulneuron.server.settings import dashboard_settings, described_settings

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


@pytest.fixture(scope="module")
def large_template(tmp_path_factory: pytest.TempPathFactory) -> vn.Record:
    return made(tmp_path_factory.mktemp("large"), 224)


@pytest.fixture
def large(large_template: vn.Record, tmp_path: Path) -> vn.Record:
    return vn.open_record(shutil.copytree(large_template.path, tmp_path / "224.zarr"))


def keep_maps(record: vn.Record, pairs: int, stride: int, patch: int = 28) -> None:
    """Put made-up maps of the first pairs into a record."""
    values = np.zeros((2, -(-224 // stride), -(-224 // stride)))
    for pair in range(pairs):
        VulnerabilityMapStore(record).write(pair, VulnerabilityMapKey(patch, stride, "dense"), values)


@pytest.mark.parametrize(("side", "stride"), [(32, 1), (70, 2), (224, 7)])
def test_without_maps_it_makes_about_32_points_a_side(tmp_path: Path, side: int, stride: int) -> None:
    analysis = vn.Analysis(made(tmp_path, side))
    settings = dashboard_settings(analysis)
    assert settings.vmaps.stride == stride
    assert settings == vn.Settings(stride=stride, band_images=analysis.suggested_settings.curves.band_images)


def test_the_finest_of_which_most_pairs_have_maps(large: vn.Record) -> None:
    keep_maps(large, pairs=PAIRS // 2, stride=2)
    keep_maps(large, pairs=PAIRS // 2 + 1, stride=4)
    keep_maps(large, pairs=PAIRS, stride=5)
    assert dashboard_settings(vn.Analysis(large)).vmaps.stride == 4
    keep_maps(large, pairs=PAIRS // 2 + 1, stride=2)
    assert dashboard_settings(vn.Analysis(large)).vmaps.stride == 2


def test_maps_of_another_patch_or_a_coarser_stride_do_not_count(large: vn.Record) -> None:
    keep_maps(large, pairs=PAIRS, stride=3, patch=16)
    keep_maps(large, pairs=PAIRS, stride=14)
    assert dashboard_settings(vn.Analysis(large)).vmaps.stride == 7


def test_all_settings_are_described_as_they_are_declared(served: Served) -> None:
    summary = served.get("").json()
    described = {one["name"]: (group, one) for group, some in summary["settings"].items() for one in some}
    assert described.keys() == SETTINGS.keys() - {"engine"}
    for name, (group, one) in described.items():
        setting = SETTINGS[name]
        assert (one["label"], one["meaning"], one["kind"]) == (setting.label, setting.meaning, setting.kind)
        assert one["null"] == setting.null
        if setting.kind == "choice":
            assert [choice["value"] for choice in one["choices"]] == list(setting.choices)
            assert [choice["label"] for choice in one["choices"]] == [
                choice.label for choice in setting.choices.values()
            ]
        assert name in summary["defaults"][group]
    assert described["threshold_level"][1]["implied"] == served.truth.layer_threshold
    assert described["patch"][1]["implied"] == 4


@pytest.mark.parametrize(
    ("side", "strides", "patches"), [(224, [14, 7, 4, 1], [14, 28, 56]), (32, [2, 1], [2, 4, 8])]
)
def test_grids_and_patches_that_suit_the_images_are_offered(
    tmp_path: Path, side: int, strides: list[int], patches: list[int]
) -> None:
    described = {one.name: one for one in described_settings(vn.Analysis(made(tmp_path, side)))["vmaps"]}
    assert [choice.value for choice in described["stride"].choices] == strides
    assert described["stride"].choices[-1].label == f"{side} \N{MULTIPLICATION SIGN} {side}"
    assert [choice.value for choice in described["patch"].choices] == patches
    assert (described["stride"].at_most, described["patch"].at_most) == (side, 2 * side)


ROUTES = {
    "curves": "/pairs/0/neurons.npy",
    "fields": "/pairs/0/masks.npy?neurons=0",
    "vmaps": "/pairs/0/maps",
    "clusters": "/pairs/0/dendrogram.npy",
}


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, kind in GROUPS.items() for name in kind.model_fields]
)
def test_queries_take_the_settings_of_their_groups(served: Served, group: str, name: str) -> None:
    setting, route = SETTINGS[name], ROUTES[group]
    value = list(setting.choices)[-1] if setting.kind == "choice" else 2 if setting.kind == "integer" else 0.5
    path = f"/api/records/{served.name}{route}{'&' if '?' in route else '?'}{name}="
    assert served.client.get(f"{path}{value}").status_code == 200
    assert_error(served.client.get(f"{path}nonsense"), 422, f"given {name} = 'nonsense'", "Allowed")


@pytest.mark.parametrize(
    "name", [name for group in ("curves", "fields", "vmaps") for name in GROUPS[group].model_fields]
)
def test_bodies_take_the_settings_of_their_groups(served: Served, name: str) -> None:
    (group,) = (group for group, kind in GROUPS.items() if name in kind.model_fields)
    setting = SETTINGS[name]
    value = list(setting.choices)[-1] if setting.kind == "choice" else 2 if setting.kind == "integer" else 0.5
    address = f"/api/records/{served.name}/neurons.npy"
    assert served.client.post(address, json={"pairs": "0", group: {name: value}}).status_code == 200
    response = served.client.post(address, json={"pairs": "0", group: {name: "nonsense"}})
    assert_error(response, 422, f"given {name} = 'nonsense'", "Allowed")

"""The table of means over pairs, against one table a pair; and questions about many pairs at once."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.analysis import COLUMNS, Analysis, Settings, Threshold, load_classifier
from vulneuron.errors import Cancelled, MeasureError


@pytest.fixture(scope="module", params=[False, True], ids=["linear head", "MLP head"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bool]:
    out = tmp_path_factory.mktemp("ranking") / "run.zarr"
    pictures, labels = color_pictures(a_class=10)
    vn.analyze(color_net(mlp=request.param), pictures, labels, out=out, class_names=CLASS_NAMES)
    return out, request.param


@pytest.fixture
def analysis(template: tuple[Path, bool], tmp_path: Path) -> Analysis:
    path, mlp = template
    record = vn.open_record(shutil.copytree(path, tmp_path / "run.zarr"))
    classifier = load_classifier(record, color_net(mlp=mlp))
    return Analysis(record, classifier, settings=Settings(stride=4))


def slow_means(analysis: Analysis, pairs: list[int], settings: Settings) -> pd.DataFrame:
    tables = [analysis.neurons(pair, settings=settings, compute_maps=False) for pair in pairs]
    return pd.concat(tables).astype(np.float64).groupby("neuron").mean()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(stride=4),
        Settings(stride=4, weights="margin", band="quantile"),
        Settings(stride=4, weights="adversarial", band_images="adversarial", confidence=0.5),
        Settings(stride=4, threshold=Threshold("relative", 0.97), iou_side="adversarial"),
        Settings(stride=4, threshold=Threshold("quantile", 0.9)),
        Settings(stride=4, threshold=Threshold("absolute", 0.45)),
    ],
)
def test_means_are_those_of_one_table_a_pair(analysis: Analysis, settings: Settings) -> None:
    pairs = [0, 3, 4, 11, 17]
    for pair in (3, 11):
        analysis.vulnerability_maps(pair)
    found = analysis.rank(pairs, settings=settings, allow_unknown=True)
    pd.testing.assert_frame_equal(found[list(COLUMNS)], slow_means(analysis, pairs, settings), rtol=1e-9)
    # Each table a pair stands on its own: dead neurons are those whose masks are empty.
    masks = [analysis.masks(pair, settings=settings) for pair in pairs]
    dead = np.mean([~one.adversarial.any(axis=(1, 2)) for one in masks], axis=0)
    np.testing.assert_allclose(found.dead_adversarial, dead)


@pytest.mark.parametrize("sort_by", ["activation_adversarial", "curve_gap", "substitution_benign_drop"])
def test_ranks_are_those_of_the_means(analysis: Analysis, sort_by: str) -> None:
    found = analysis.rank(range(20), sort_by=sort_by)
    np.testing.assert_array_equal(found["rank"], found[sort_by].rank(ascending=False))
    assert (found.rank_low <= found["rank"]).all()
    assert (found["rank"] <= found.rank_high).all()


def test_quick_leaves_out_what_every_pair_is_read_for(analysis: Analysis) -> None:
    pairs = [1, 2, 5]
    analysis.vulnerability_maps(2)
    full = analysis.rank(pairs, resamples=0)
    quick = analysis.rank(pairs, quick=True, resamples=0)
    left_out = ["iou_benign_drop", "iou_adversarial_gain", "dead_benign", "dead_adversarial"]
    if "weight" not in analysis.record.dataset:
        left_out += ["substitution_benign_drop", "substitution_adversarial_gain"]
    assert quick[left_out].isna().all(axis=None)
    assert full[left_out].notna().all(axis=None)
    pd.testing.assert_frame_equal(quick.drop(columns=left_out), full.drop(columns=left_out))
    assert full[["rank_low", "rank_high"]].isna().all(axis=None)


def test_no_ranks_by_what_no_pair_has_a_value_of(analysis: Analysis) -> None:
    with pytest.raises(MeasureError, match="iou_benign_drop is unknown here"):
        analysis.rank([0, 3], sort_by="iou_benign_drop")
    found = analysis.rank([0, 3], sort_by="iou_benign_drop", allow_unknown=True)
    assert found[["rank", "rank_low", "rank_high"]].isna().all(axis=None)
    known = analysis.rank([0, 3])
    columns = list(COLUMNS)
    pd.testing.assert_frame_equal(found[columns], known[columns])
    analysis.vulnerability_maps(3)
    assert analysis.rank([0, 3], sort_by="iou_benign_drop")["rank"].notna().all()


def test_blocks_of_pairs_do_not_change_the_means(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = analysis.rank(range(20))
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("vulneuron.analysis.neurons._VALUES_AT_ONCE", 3 * analysis.data.neurons)
    blocks = analysis.rank(range(20), progress=lambda done, total: told.append((done, total)))
    pd.testing.assert_frame_equal(whole, blocks)
    assert told == [(min(done, 20), 20) for done in range(3, 22, 3)]
    with pytest.raises(Cancelled, match="after 6 of 20 pairs"):
        analysis.rank(range(20), cancelled=iter([False, False, True]).__next__)


def test_pairs_with_maps(analysis: Analysis) -> None:
    assert analysis.pairs_with_maps().tolist() == []
    for pair in (7, 2):
        analysis.vulnerability_maps(pair)
    fresh = Analysis(analysis.record.path)
    assert fresh.pairs_with_maps(settings=Settings(stride=4)).tolist() == [2, 7]
    assert fresh.pairs_with_maps([1, 2], settings=Settings(stride=4)).tolist() == [2]
    assert fresh.pairs_with_maps(settings=Settings(stride=3)).tolist() == []


@pytest.mark.parametrize("pairs", [np.array([True, False]), [1.7], ["a"], [10**30], [-1], []])
def test_only_numbers_of_pairs_are_pairs(analysis: Analysis, pairs: Any) -> None:
    with pytest.raises(MeasureError, match=r"given (no )?pair"):
        analysis.rank(pairs)

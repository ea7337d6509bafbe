"""The table of means over pairs, against one table a pair; and questions about many pairs at once."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from vulneuron.analysis import Analysis, Settings
from vulneuron.engines import UNWATCHED, Watch
from vulneuron.errors import Cancelled, MeasureError
from vulneuron.measures import MEASURES, NeuronMeasure
from vulneuron.measures.registry import NeuronContext


def slow_means(analysis: Analysis, pairs: list[int], settings: Settings) -> pd.DataFrame:
    tables = [analysis.neurons(pair, settings=settings) for pair in pairs]
    return pd.concat(tables).astype(np.float64).groupby("neuron").mean()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(stride=3),
        Settings(stride=3, weights="margin", band="quantile"),
        Settings(stride=3, weights="adversarial", band_images="adversarial", confidence=0.5),
        Settings(stride=3, threshold_mode="relative", threshold_level=0.97, iou_side="adversarial"),
        Settings(stride=3, threshold_mode="quantile", threshold_level=0.9),
        Settings(stride=3, threshold_level=0.45),
    ],
)
def test_means_are_those_of_one_table_a_pair(analysis: Analysis, settings: Settings) -> None:
    pairs = [0, 3, 4, 11, 17]
    for pair in (3, 11):
        analysis.vulnerability_maps(pair)
    found = analysis.mean_neurons(pairs, settings=settings)
    pd.testing.assert_frame_equal(found, slow_means(analysis, pairs, settings), rtol=1e-9)
    # Each table a pair stands on its own: dead neurons are those whose masks are empty.
    masks = [analysis.masks(pair, settings=settings) for pair in pairs]
    dead = np.mean([~one.adversarial.any(axis=(1, 2)) for one in masks], axis=0)
    np.testing.assert_allclose(found.dead_adversarial, dead)


@pytest.mark.parametrize("sort_by", MEASURES.sortable_names)
def test_ranks_begin_at_the_end_that_the_measure_declares(analysis: Analysis, sort_by: str) -> None:
    analysis.vulnerability_maps(3)
    ranking = analysis.rank(range(20), sort_by=sort_by)
    ascending = MEASURES[sort_by].first == "smallest"
    np.testing.assert_array_equal(ranking["rank"], ranking[sort_by].rank(ascending=ascending))
    assert (ranking.rank_low <= ranking["rank"]).all()
    assert (ranking["rank"] <= ranking.rank_high).all()


def test_most_inhibited_neuron_has_rank_1(analysis: Analysis) -> None:
    ranking = analysis.rank(range(20), sort_by="curve_gap")
    assert ranking["rank"].iloc[int(ranking.curve_gap.argmin())] == 1


def test_only_the_columns_asked_for_are_computed(analysis: Analysis) -> None:
    pairs, names = [1, 2, 5], ["band_gap", "activation_benign"]
    whole, some = (analysis.mean_neurons(pairs, columns=columns) for columns in (None, names))
    assert list(some.columns) == names
    pd.testing.assert_frame_equal(some, whole[names])
    ranking = analysis.rank(pairs, columns=names, resamples=0)
    assert list(ranking.columns) == [*names, "rank", "rank_low", "rank_high"]
    assert ranking[["rank_low", "rank_high"]].isna().all(axis=None)


def test_naming_a_column_computes_the_maps_that_it_needs(fresh_analysis: Analysis) -> None:
    assert fresh_analysis.neurons(6)["iou_benign_drop"].isna().all()
    assert not fresh_analysis.has_maps(6)
    assert fresh_analysis.neurons(6, columns=["iou_benign_drop"])["iou_benign_drop"].notna().all()
    assert fresh_analysis.has_maps(6)


def test_unknown_column(analysis: Analysis) -> None:
    with pytest.raises(MeasureError, match=r"given column 'band_gaps'.*Perhaps you mean band_gap"):
        analysis.neurons(0, columns=["band_gaps"])


def test_no_ranks_by_what_no_pair_has_a_value_of(fresh_analysis: Analysis) -> None:
    with pytest.raises(MeasureError, match="iou_benign_drop has no values here"):
        fresh_analysis.rank([0, 3], sort_by="iou_benign_drop")
    fresh_analysis.vulnerability_maps(3)
    assert fresh_analysis.rank([0, 3], sort_by="iou_benign_drop")["rank"].notna().all()


def test_blocks_of_pairs_do_not_change_the_means(analysis: Analysis) -> None:
    whole = analysis.rank(range(20))
    reports: list[tuple[int, int]] = []
    # Memory for three pairs at once.
    frugal = Analysis(
        analysis.record,
        analysis.network.require("the test"),
        memory=3 * 64 * analysis.data.neurons,
        settings=analysis.settings,
    )
    blocks = frugal.rank(range(20), watch=Watch(lambda *report: reports.append(report)))
    pd.testing.assert_frame_equal(whole, blocks)
    assert reports == [(min(done, 20), 20) for done in range(3, 22, 3)]
    cancel_third = Watch(cancelled=iter([False, False, True]).__next__)
    with pytest.raises(Cancelled, match="after 6 of 20 pairs"):
        frugal.rank(range(20), settings=frugal.settings.replace(threshold_level=0.4), watch=cancel_third)


def test_a_question_continues_the_computation_of_an_equal_one(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_at_once = Analysis(analysis.record, memory=3 * 64 * analysis.data.neurons)
    blocks, values = [], NeuronMeasure.values

    def counted(measure: NeuronMeasure, context: NeuronContext, shape: tuple[int, int]) -> Any:
        blocks.append(shape[0])
        return values(measure, context, shape)

    def ask(watch: Watch = UNWATCHED) -> pd.DataFrame:
        return three_at_once.mean_neurons(range(20), columns=["curve_gap"], watch=watch)

    expected = analysis.mean_neurons(range(20), columns=["curve_gap"])
    monkeypatch.setattr(NeuronMeasure, "values", counted)
    answers: list[pd.DataFrame] = []
    answers.append(ask(Watch(lambda done, _total: answers.append(ask()) if done == 9 else None)))
    assert blocks == [*[3] * 6, 2]
    for answer in answers:
        pd.testing.assert_frame_equal(answer, expected)


def test_repeated_questions_follow_settings_and_new_maps(fresh_analysis: Analysis) -> None:
    """Means and ranks are cached; those of a new analysis are not."""
    changed = fresh_analysis.settings.replace(threshold_level=0.4, confidence=0.8, iou_side="adversarial")
    for settings in (fresh_analysis.settings, changed, fresh_analysis.settings):
        for pair in (None, 3):
            if pair is not None:
                fresh_analysis.vulnerability_maps(pair)
            repeated = fresh_analysis.rank([0, 3, 5], settings=settings)
            pd.testing.assert_frame_equal(repeated, fresh_analysis.rank([0, 3, 5], settings=settings))
            other = Analysis(fresh_analysis.record.path, fresh_analysis.network.require("the test"))
            pd.testing.assert_frame_equal(repeated, other.rank([0, 3, 5], settings=settings))


def test_pairs_with_maps(fresh_analysis: Analysis) -> None:
    assert fresh_analysis.pairs_with_maps().tolist() == []
    for pair in (7, 2):
        fresh_analysis.vulnerability_maps(pair)
    fresh = Analysis(fresh_analysis.record.path)
    assert fresh.pairs_with_maps(settings=Settings(stride=3)).tolist() == [2, 7]
    assert fresh.pairs_with_maps([1, 2], settings=Settings(stride=3)).tolist() == [2]
    assert fresh.pairs_with_maps(settings=Settings(stride=4)).tolist() == []


@pytest.mark.parametrize("pairs", [np.array([True, False]), [1.7], ["a"], [10**30], [-1], []])
def test_only_numbers_of_pairs_are_pairs(analysis: Analysis, pairs: Any) -> None:
    with pytest.raises(MeasureError, match=r"given (no )?pair"):
        analysis.rank(pairs)

"""Activations and their gap, against a record's own numbers."""

from pathlib import Path

import numpy as np

import vulneuron as vn


def test_activation_gap_is_the_difference_on_both_images(linear_record: Path) -> None:
    analysis = vn.Analysis(linear_record)
    benign, adversarial = analysis.record.layer().dataset["activation"].values[2]
    expected = [float(after) - float(before) for before, after in zip(benign, adversarial, strict=True)]
    np.testing.assert_allclose(analysis.neurons(2).activation_gap, expected, rtol=1e-6, atol=1e-7)


def test_the_neuron_that_falls_most_ranks_first(linear_record: Path) -> None:
    analysis = vn.Analysis(linear_record)
    ranking = analysis.rank([0, 1, 2], sort_by="activation_gap")
    means = np.diff(analysis.record.layer().dataset["activation"].values[:3], axis=1)[:, 0].mean(axis=0)
    assert ranking["rank"].iloc[int(means.argmin())] == 1

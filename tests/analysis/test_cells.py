"""Cells of the prediction matrix, named by classes with colons and commas."""

from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from runs import color_net, color_pictures
from vulneuron.analysis.selection import named_cell, select_pairs
from vulneuron.errors import MeasureError

NAMES = ("a:b", "caf\u00e9, noir", "b")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> vn.Record:
    pictures, labels = color_pictures(wrong=0)
    out: Path = tmp_path_factory.mktemp("cells") / "r.zarr"
    return vn.analyze(color_net(), pictures, labels, out=out, class_names=NAMES, progress=False)


def test_labels_of_a_cell_may_contain_colons(record: vn.Record) -> None:
    pairs = record.pairs
    for benign, adversarial in {*zip(pairs["benign_label"], pairs["adversarial_label"], strict=True)}:
        cell = (pairs["benign_label"] == benign) & (pairs["adversarial_label"] == adversarial)
        for text in (
            f"{benign}:{adversarial}",
            f" {benign} : {adversarial}",
            f"{benign}:{adversarial}".replace("\u00e9", "e\u0301"),
        ):
            np.testing.assert_array_equal(named_cell(record, text), np.flatnonzero(cell))
            np.testing.assert_array_equal(select_pairs(record, text), np.flatnonzero(cell))
    np.testing.assert_array_equal(named_cell(record, "a:b:"), np.flatnonzero(pairs["benign_label"] == "a:b"))
    np.testing.assert_array_equal(
        named_cell(record, ":a:b"), np.flatnonzero(pairs["adversarial_label"] == "a:b")
    )
    with pytest.raises(MeasureError, match="dog"):
        named_cell(record, "dog:a:b")


def test_lists_of_pairs_may_contain_ranges(record: vn.Record) -> None:
    assert select_pairs(record, "7, 2-4,3").tolist() == [2, 3, 4, 7]
    for text, message in (
        ("2-x", "given pairs"),
        ("0-999999999999", "given pair 999999999999"),
        ("-1", "given"),
    ):
        with pytest.raises(MeasureError, match=message):
            select_pairs(record, text)

"""Mapping of a data set's labels to a model's outputs."""

import numpy as np
import pytest
import torch

from vulneuron.errors import ImagesError
from vulneuron.inputs.label_readings import read_labels
from vulneuron.inputs.labels import DatasetLabels, as_labels, check_class_names

ANIMALS = ("bird", "cat", "dog")


def folders(*names: str) -> DatasetLabels:
    """One image per sub-folder."""
    return DatasetLabels(np.arange(len(names)), names, are_folders=True)


def dataset(*names: str) -> DatasetLabels:
    return DatasetLabels(np.arange(len(names)), names)


def resolved(
    own: DatasetLabels, classes: int, class_names: tuple[str, ...] | None = None
) -> tuple[list[int] | None, tuple[str, ...] | None]:
    reading = read_labels(own, classes, class_names)[0]
    return None if reading.labels is None else reading.labels.tolist(), reading.class_names


def test_without_labels_only_names_are_resolved() -> None:
    assert resolved(DatasetLabels(), 3, ANIMALS) == (None, ANIMALS)
    assert resolved(DatasetLabels(), 3) == (None, None)


def test_numbers_without_names_are_output_indices() -> None:
    assert resolved(DatasetLabels(np.array([2, 0])), 3, ANIMALS) == ([2, 0], ANIMALS)
    assert resolved(DatasetLabels(np.array([2, 0])), 3) == ([2, 0], None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [0, 11],
            r"the labels go up to 11 but the model has 10 outputs\. Allowed: labels from 0 to 9\. Check",
        ),
        ([0, 10], "go up to 10"),
        ([-1, 3], "go down to -1 but the model has 10 outputs"),
    ],
)
def test_labels_without_an_output_are_refused(values: list[int], message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        read_labels(DatasetLabels(np.array(values)), 10, None)
    # Labels without a name are checked in the same way.
    with pytest.raises(ImagesError, match=message):
        read_labels(DatasetLabels(np.array(values), ("a", "b")), 10, None)


def test_folders_are_matched_by_name_in_any_order() -> None:
    assert resolved(folders("Dog", "bird"), 3, ANIMALS) == ([2, 0], ANIMALS)
    # Outputs that are not in alphabetical order.
    assert resolved(folders("bird", "cat", "dog"), 3, ("dog", "cat", "bird")) == (
        [2, 1, 0],
        ("dog", "cat", "bird"),
    )


def test_folders_may_be_named_by_output_number() -> None:
    assert resolved(folders("0", "10", "2"), 11) == ([0, 10, 2], None)
    assert resolved(folders("007", "01"), 1000, tuple(map(str, range(5000, 6000))))[0] == [7, 1]
    # Class names that are numbers are matched as names first.
    assert resolved(folders("0", "1"), 2, ("1", "0")) == ([1, 0], ("1", "0"))


def test_sorted_folders_are_the_classes_if_there_is_one_per_output() -> None:
    assert resolved(folders("ant", "bee"), 2) == ([0, 1], ("ant", "bee"))


def test_an_empty_folder_counts_as_a_class() -> None:
    own = DatasetLabels(np.array([0, 2, 2]), ANIMALS, are_folders=True)
    assert resolved(own, 3) == ([0, 2, 2], ANIMALS)
    # With class names, an empty folder needs no match.
    own = DatasetLabels(np.array([0, 2]), ("bird", "logs", "dog"), are_folders=True)
    assert resolved(own, 3, ANIMALS) == ([0, 2], ANIMALS)


def test_imagenet_folders_are_recognized() -> None:
    wnids = ("n01440764", "n02102040")
    assert resolved(folders(*wnids), 1000, tuple(map(str, range(1000))))[0] == [0, 217]
    labels, shown = resolved(dataset(*wnids), 1000)
    assert labels == [0, 217]
    assert shown is not None
    assert (shown[0], shown[217], len(shown)) == ("tench", "English springer", 1000)
    # The user's names take precedence over the convention.
    names = tuple(reversed(wnids))
    assert resolved(folders(*wnids), 2, names) == ([1, 0], names)


@pytest.mark.parametrize(
    ("own", "classes", "class_names", "message"),
    [
        (
            folders("a", "b", "c"),
            10,
            None,
            r"3 sub-folders for a model with 10 outputs whose names are not known \(a, b, c\)\. "
            r"Allowed: 10 sub-folders, or .* number\. Pass .* --class-names",
        ),
        (
            folders("bird", "catt", "x1", "x2", "x3", "x4", "x5"),
            3,
            ANIMALS,
            r"6 are not class names \(catt, x1, x2, x3, x4, \.\.\.\)\. Allowed: .*bird, cat, dog.* below 3\. "
            r"Rename .*--class-names \(perhaps you mean cat\)",
        ),
        (folders("bird", "cat", "wolf"), 3, ANIMALS, r"1 are not class names \(wolf\)"),
        (folders("0", "3"), 3, ANIMALS, r"2 are not class names \(0, 3\).* below 3"),
        (folders("0", "3"), 3, None, r"whose names are not known \(0, 3\)"),
        (folders("1", "01"), 3, None, r"whose names are not known"),
        (folders("bird", "Cat", "cat"), 3, ANIMALS, r"'Cat' and 'cat', which both match 'cat'"),
        (folders("bird"), 3, ("bird", "bird", "dog"), r"outputs 0 and 1"),
        (dataset("a", "b"), 1000, None, r"2 classes of the data set for a model with 1000 outputs"),
        (dataset("a", "b"), 3, ANIMALS, r"2 are not class names \(a, b\)"),
        (dataset("bird"), 3, ("bird", "bird", "dog"), r"outputs 0 and 1"),
    ],
)
def test_names_without_an_output_are_refused(
    own: DatasetLabels, classes: int, class_names: tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(ImagesError, match=message):
        read_labels(own, classes, class_names)


def test_a_data_set_with_as_many_classes_is_numbered_like_the_model() -> None:
    assert resolved(dataset("plane", "auto"), 2) == ([0, 1], ("plane", "auto"))
    assert resolved(dataset("plane", "auto"), 2, ("airplane", "car")) == ([0, 1], ("airplane", "car"))
    assert resolved(dataset("0", "10", "2"), 3) == ([0, 1, 2], ("0", "10", "2"))
    assert resolved(dataset("crane", "crane"), 2, ("crane", "crane")) == ([0, 1], ("crane", "crane"))


def test_a_data_set_is_matched_by_name_if_possible() -> None:
    assert resolved(dataset("dog", "cat", "bird"), 3, ANIMALS) == ([2, 1, 0], ANIMALS)
    assert resolved(dataset("dog"), 3, ANIMALS) == ([2], ANIMALS)


@pytest.mark.parametrize("values", [[1, 0, 2], np.array([1, 0, 2], np.uint8), torch.tensor([1, 0, 2])])
def test_labels_become_int64(values: object) -> None:
    labels = as_labels(values, 3)
    assert labels.dtype == np.int64
    assert labels.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1], r"2 labels for 3 images\. Allowed: one label per image\. Check"),
        ([[0, 1], [1, 0], [2, 2]], r"shape \(3, 2\) and dtype int64\. Allowed: one integer .*\(3,\)\. Conv"),
        ([0.0, 1.0, 2.0], "dtype float64"),
        (["a", "b", "c"], "dtype <U1"),
        ([True, False, True], "dtype bool"),
        (5, r"shape \(\)"),
    ],
)
def test_bad_labels_are_refused(values: object, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        as_labels(values, 3)


def test_a_wrong_number_of_class_names_is_refused() -> None:
    assert check_class_names(["a", "b"], 2) == ("a", "b")
    with pytest.raises(
        ImagesError, match=r"2 class names .* 3 outputs\. Allowed: one name per output.* --class-names"
    ):
        check_class_names(["a", "b"], 3)

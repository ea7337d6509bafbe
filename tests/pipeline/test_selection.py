"""Images selected for a run, and pairs kept by it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vulneuron.errors import RunError
from vulneuron.pipeline.run import Selection
from vulneuron.pipeline.selection import class_indices, most_attacked, select_images, split_names

labels_lists = st.lists(st.integers(0, 5), min_size=1, max_size=40)


def test_classes_by_name() -> None:
    assert class_indices(["dog", "cat", "dog"], ["cat", "bird", "dog"]) == [0, 2]
    with pytest.raises(RunError, match=r"class 'cta' is unknown.*cat, bird, dog.*Perhaps you mean cat"):
        class_indices(["cta"], ["cat", "bird", "dog"])


def test_unknown_class_among_many_lists_few() -> None:
    with pytest.raises(RunError, match="and 988 more"):
        class_indices(["nothing like it"], [f"class {i}" for i in range(1000)])


@given(labels_lists, st.integers(1, 5))
def test_limit_keeps_the_first_of_each_class(labels: list[int], limit: int) -> None:
    kept = select_images(np.array(labels), None, limit)
    seen: dict[int, int] = {}
    expected = []
    for position, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= limit:
            expected.append(position)
    assert kept.tolist() == expected


def test_classes_and_limit() -> None:
    labels = np.array([2, 0, 2, 1, 2, 0])
    assert select_images(labels, [0, 2], 2).tolist() == [0, 1, 2, 5]
    with pytest.raises(RunError, match="contains no images"):
        select_images(labels, [3], None)
    with pytest.raises(RunError, match="limit is 0"):
        Selection(limit=0)
    with pytest.raises(RunError, match="most attacked classes is -1"):
        Selection(most_attacked=-1)


def test_most_attacked_classes_by_hand() -> None:
    benign = np.array([0, 0, 0, 1, 1, 2, 0])
    adversarial = np.array([1, 1, 2, 0, 2, 1, 3])
    # Most pairs have the labels 0 and 1; of theirs, adversarial label 1 and 2 come twice each.
    assert most_attacked(benign, adversarial, 2).tolist() == [True, True, True, False, True, False, False]
    assert most_attacked(benign, adversarial, 1).tolist() == [True, True, False, False, False, False, False]
    assert most_attacked(benign, adversarial, 9).all()


@given(labels_lists, st.integers(1, 4), st.randoms())
def test_most_attacked_keeps_no_more_classes_than_asked(labels: list[int], top: int, random: object) -> None:
    benign = np.array(labels)
    adversarial = np.roll(benign, 1) + 1
    kept = most_attacked(benign, adversarial, top)
    assert 0 < len(np.unique(benign[kept])) <= top
    assert 0 < len(np.unique(adversarial[kept])) <= top


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tench, Tinca tinca", ["tench, Tinca tinca"]),
        ("a:b,tench, Tinca tinca, tench", ["a:b", "tench, Tinca tinca", "tench"]),
        ("tench , Tinca", ["tench", "Tinca"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("tench,,", ["tench"]),
    ],
)
def test_names_may_contain_commas(text: str, names: list[str]) -> None:
    class_names = ("tench, Tinca tinca", "tench", "Tinca", "a:b", "caf\u00e9")
    assert split_names(text, class_names) == names
    assert class_indices(names, class_names) == sorted(class_names.index(name) for name in names)

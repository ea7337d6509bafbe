"""Context pairs, by hand and compared with a loop."""

import numpy as np
import pytest

from vulneuron.errors import MeasureError
from vulneuron.measures.context import SCOPES, Scope, context_pairs

BENIGN = np.array([0, 0, 0, 1, 0, 0])
ADVERSARIAL = np.array([1, 1, 2, 1, 1, 1])
VALUES = np.array([5, 1, 9, 8, 3, 3], np.float32)


@pytest.mark.parametrize(
    ("scope", "pairs", "values"),
    [
        ("same_labels", [4, 5, 1], [3, 3, 1]),
        ("same_benign_label", [2, 4, 5, 1], [9, 3, 3, 1]),
        ("all", [2, 3, 4, 5, 1], [9, 8, 3, 3, 1]),
    ],
)
def test_scopes_by_hand(scope: Scope, pairs: list[int], values: list[float]) -> None:
    context = context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, scope=scope)
    assert context.pairs.tolist() == pairs
    assert context.values.tolist() == values


def test_the_default_is_six_pairs_of_the_same_labels() -> None:
    context = context_pairs(np.arange(20.0), np.zeros(20, int), np.ones(20, int), 18)
    assert context.pairs.tolist() == [19, 17, 16, 15, 14, 13]


def test_without_other_pairs_the_list_is_empty() -> None:
    context = context_pairs(VALUES, BENIGN, ADVERSARIAL, 3)
    assert context.pairs.tolist() == []
    assert context.values.tolist() == []


def test_given_pairs_may_contain_the_pair_itself_and_come_in_parts() -> None:
    given = np.array([5, 0, 3, 4])
    context = context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, scope="given", given=given)
    # Ties keep the given order.
    assert context.pairs.tolist() == [3, 0, 5, 4]
    rest = context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, scope="given", given=given, start=1, count=2)
    assert rest.pairs.tolist() == [0, 5]


@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "given"])
def test_context_pairs_equal_a_loop(scope: Scope) -> None:
    rng = np.random.default_rng(0)
    benign, adversarial, values = rng.integers(0, 3, 60), rng.integers(0, 3, 60), rng.integers(0, 9, 60)
    for pair in range(60):
        left = [
            other
            for other in range(60)
            if other != pair
            and (scope == "all" or benign[other] == benign[pair])
            and (scope != "same_labels" or adversarial[other] == adversarial[pair])
        ]
        best: list[int] = []
        while left and len(best) < 4:
            best.append(max(left, key=lambda other: (values[other], -other)))
            left.remove(best[-1])
        context = context_pairs(values.astype(np.float64), benign, adversarial, pair, scope=scope, count=4)
        assert context.pairs.tolist() == best
        assert context.values.tolist() == values[best].tolist()


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"scope = 'none'.*same_labels, same_benign_label, all"):
        context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, scope="none")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="count = 0"):
        context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, count=0)
    with pytest.raises(MeasureError, match="start"):
        context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, start=-1)
    with pytest.raises(MeasureError, match="without pairs"):
        context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, scope="given")
    with pytest.raises(MeasureError, match="and pairs"):
        context_pairs(VALUES, BENIGN, ADVERSARIAL, 0, given=np.array([1]))
    for pair in (-1, 6):
        with pytest.raises(MeasureError, match=f"pair {pair}.*0 to 5"):
            context_pairs(VALUES, BENIGN, ADVERSARIAL, pair)

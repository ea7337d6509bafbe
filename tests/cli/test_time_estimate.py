"""The estimated time of `vulneuron maps`, with a clock that the test advances."""

import pytest

from vulneuron.cli.time_estimate import TimeEstimate


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_two_batches_of_a_pair_suffice_even_if_points_were_stored_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    estimate = TimeEstimate(3, clock=clock)
    for second, done in ((30.0, 900), (10.0, 950), (5.0, 1000)):
        clock.now += second
        estimate(done, 1000)
    # 2,050 patches are left, a fifth of a second each; it is printed once.
    assert capsys.readouterr().err == "this will take about 7 min\n"


def test_the_second_pair_suffices_if_a_pair_is_one_batch(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    estimate = TimeEstimate(30, clock=clock)
    for seconds in (60.0, 2.0, 2.0):
        clock.now += seconds
        estimate(64, 64)
        estimate.end_pair()
    assert capsys.readouterr().err == "this will take about 56 s\n"


def test_nothing_is_printed_after_the_last_pair(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    estimate = TimeEstimate(2, clock=clock)
    for _ in range(2):
        clock.now += 5.0
        estimate(64, 64)
        estimate.end_pair()
    assert capsys.readouterr().err == ""

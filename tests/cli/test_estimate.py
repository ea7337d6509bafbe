"""How long `vulneuron maps` says that it will take, by a clock of the test's own."""

import pytest

from vulneuron.cli import maps


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(maps, "time", clock)
    return clock


def test_two_batches_of_a_pair_tell_it_also_where_points_were_known_before(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    estimate = maps._Estimate(3)
    for second, done in ((30.0, 900), (10.0, 950), (5.0, 1000)):
        clock.now += second
        estimate(done, 1000)
    # 2,050 patches are left, a fifth of a second each; it is said once.
    assert capsys.readouterr().err == "this will take about 7 min\n"


def test_the_second_pair_tells_it_where_a_pair_is_one_batch(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    estimate = maps._Estimate(30)
    for seconds in (60.0, 2.0, 2.0):
        clock.now += seconds
        estimate(64, 64)
        estimate.end_pair()
    assert capsys.readouterr().err == "this will take about 56 s\n"


def test_the_last_pair_is_not_told_of(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    estimate = maps._Estimate(2)
    for _ in range(2):
        clock.now += 5.0
        estimate(64, 64)
        estimate.end_pair()
    assert capsys.readouterr().err == ""

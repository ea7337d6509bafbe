"""Estimate of the computing time for the vulnerability maps of many pairs."""

import sys
import time
from collections.abc import Callable


class TimeEstimate:
    """Prints an estimate once, after the second batch of a pair or after the second pair.

    Parameters
    ----------
    pairs
        Number of pairs.
    clock
        Monotonic time in seconds.
    """

    def __init__(self, pairs: int, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._pairs_left = pairs
        self._clock = clock
        self._printed = False
        self._warmed_up = False
        self._pair_started = clock()
        #: Time after the first batch of this pair, and number of patches finished at that time.
        self._first_batch: tuple[float, int] | None = None

    def end_pair(self) -> None:
        """Count a pair as finished."""
        self._pairs_left -= 1
        now = self._clock()
        # The first pair also warms up the network.
        if self._warmed_up:
            self._print((now - self._pair_started) * self._pairs_left)
        self._warmed_up, self._pair_started, self._first_batch = True, now, None

    def __call__(self, done: int, total: int) -> None:
        """Progress callback for the patches of the current pair, some of which may be stored already."""
        now = self._clock()
        if self._first_batch is None:
            self._first_batch = now, done
        else:
            start, before = self._first_batch
            self._print((now - start) / (done - before) * (total * self._pairs_left - done))

    def _print(self, seconds: float) -> None:
        if not self._printed and self._pairs_left:
            sys.stderr.write(f"this will take about {_duration(seconds)}\n")
            self._printed = True


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"

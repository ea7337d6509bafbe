"""Estimates how long the vulnerability maps of many pairs will take."""

import sys
import time
from collections.abc import Callable


class TimeEstimate:
    """Prints the estimate once: after the second batch of a pair, or after the second pair.

    Parameters
    ----------
    pairs
        Number of pairs.
    clock
        Monotonic time in seconds.
    """

    def __init__(self, pairs: int, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._left = pairs
        self._clock = clock
        self._printed = False
        self._warm = False
        self._pair_started = clock()
        #: Time after the first batch of this pair, and number of patches done by then.
        self._first: tuple[float, int] | None = None

    def end_pair(self) -> None:
        """Count a pair as finished."""
        self._left -= 1
        now = self._clock()
        # The first pair also warms up the network.
        if self._warm:
            self._print((now - self._pair_started) * self._left)
        self._warm, self._pair_started, self._first = True, now, None

    def __call__(self, done: int, total: int) -> None:
        """Progress callback for the patches of the current pair, some of which may be stored already."""
        now = self._clock()
        if self._first is None:
            self._first = now, done
        else:
            start, before = self._first
            self._print((now - start) / (done - before) * (total * self._left - done))

    def _print(self, seconds: float) -> None:
        if not self._printed and self._left:
            sys.stderr.write(f"this will take about {_duration(seconds)}\n")
            self._printed = True


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"

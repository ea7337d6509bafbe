"""Silences warnings of third-party code.

A module of its own: filters belong to the whole process, so tracing, checks and server share one lock.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

#: Held while filters of warnings are changed for a moment: threads that overlap would restore each other's.
WARNING_FILTERS = RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore all warnings inside."""
    with WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

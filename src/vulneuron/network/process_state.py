"""Locks around state of the whole process that threads change for a moment.

A module of its own, because loading, tracing and checking networks must share the same locks.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

#: Held while a network is built or traced, because both temporarily change state of the whole process:
#: `nn.Module.__call__`, the random seed, the import path.
PROCESS_STATE = RLock()
#: Held while filters of warnings are changed: threads that overlap would restore each other's.
WARNING_FILTERS = RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore all warnings inside, such as those of third-party code."""
    with WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""Silences warnings of user code and libraries."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

#: Held while warning filters are changed; they belong to the process, so threads would restore each other's.
WARNING_FILTERS = RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore all warnings inside."""
    with WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

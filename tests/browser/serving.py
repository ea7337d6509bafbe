"""A server for browser tests: several records, each with its network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from browser.records import ExampleRecord
from served import listening
from vulneuron.server.app import create_app
from vulneuron.server.library import Library
from vulneuron.server.static import BUILT


@contextmanager
def serving(records: Sequence[ExampleRecord], port: int = 0, pages: Path = BUILT) -> Iterator[str]:
    """Serve records with their networks; gives the server's address, with a slash at its end."""
    # On its own, the server loads no network of a user's file that a record names.
    models = {record.name: record.model for record in records}
    library = Library([record.path for record in records], own_models=models)
    for served in library:
        served.join()
    with listening(create_app(library, pages=pages), port) as address:
        yield f"{address}/"

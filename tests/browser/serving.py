"""A server for browser tests, in a thread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from browser.records import ExampleRecord
from vulneuron.server.app import create_app
from vulneuron.server.records import Library
from vulneuron.server.running import Server, listen

_START_SECONDS = 60.0


@contextmanager
def serving(records: Sequence[ExampleRecord], port: int = 0) -> Iterator[str]:
    """Serve records with their networks; gives the server's address, with a slash at its end."""
    library = Library([record.path for record in records])
    for record in records:
        served = library[record.name]
        # On its own, the server loads no network of a user's file that a record names.
        served.join()
        served.current().load_network(record.model)
    app, started = create_app(library), Event()
    server = Server(app, started.set)
    with listen("127.0.0.1", port) as bound:
        thread = Thread(target=server.run, args=([bound],))
        thread.start()
        try:
            assert started.wait(_START_SECONDS), "the server did not start"
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()
            app.state.server.close()

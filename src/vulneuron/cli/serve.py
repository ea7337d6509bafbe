"""`vulneuron serve`: the dashboard in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from vulneuron.server.listening import DEFAULT_PORT, listen

if TYPE_CHECKING:
    from fastapi import FastAPI

#: Seconds until a thread that computes lets others respond; Python's default is 5 ms.
_SWITCH_SECONDS = 0.001


def command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORD...",
            help="Finished records, or folders: all records in a folder and its subfolders are served, and "
            "new ones as soon as they are finished.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]SPEC",
            help="Spec of the network, for new vulnerability maps; may be repeated. `NAME=SPEC` is for the "
            "record of that name, as in its URL, and `SPEC` for all others. "
            "[default: the one in the record, if it is one of torchvision, timm or the demo]",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="Target layer of the first record to show first. [default: the last one]"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; a token is required unless it is a loopback address.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Host name of a proxy that forwards requests with their own `Host`; a token is then "
            "required. May be repeated.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="Port; if it is busy, the next free one is used.", min=0, max=65535)
    ] = DEFAULT_PORT,
    memory: Annotated[
        int | None,
        typer.Option(
            help="Approximate MiB for the feature maps computed at once. [default: as for `vulneuron maps`]",
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the dashboard in the browser.")
    ] = True,
) -> None:
    """Open records in the browser: vulnerable neurons, and the features that they capture.

    Examples: `vulneuron serve demo.zarr`, `vulneuron serve runs/`
    """
    from vulneuron.measures.choices import check_whole
    from vulneuron.record import open_record
    from vulneuron.server.access import TOKEN_PARAMETER, Access, url_of
    from vulneuron.server.catalog import Catalog
    from vulneuron.server.model_choice import check_models, parse_models
    from vulneuron.server.running import PendingApp, Server

    if memory is not None:
        check_whole(memory, "--memory")
    if layer is not None:
        open_record(paths[0]).layer(layer)
    catalog = Catalog(paths)
    finished = catalog.finished()
    models = parse_models(model or [], finished, growing=catalog.grows)
    access = Access.for_host(host, allow_host or ())

    def build() -> FastAPI:
        # Imports PyTorch, which takes seconds.
        from vulneuron.network.batch_size import MEMORY
        from vulneuron.server.app import create_app
        from vulneuron.server.library import Library

        # A network that cannot be loaded ends the command if the user named it.
        check_models(finished, models, growing=catalog.grows)
        library = Library(
            paths,
            models.default,
            models.by_record,
            memory=MEMORY if memory is None else memory * 2**20,
        )
        app = create_app(library, access=access)
        _share_threads()
        return app

    def started() -> None:
        busy = f"Port {port} is busy, so port {free_port} is used. " if port not in {0, free_port} else ""
        empty = (
            ""
            if finished
            else f"No finished records in {', '.join(catalog.folders)} yet; the page shows new ones\n"
        )
        sys.stdout.write(f"{busy}The dashboard is at {url} (Ctrl-C stops it)\n{empty}")
        if allow_host:
            sys.stdout.write(f"Through a proxy, add ?{TOKEN_PARAMETER}={access.token} to its URL\n")
        sys.stdout.flush()
        pending.start(built=built, failed=server.stop)

    def built() -> None:
        if open_browser:
            # Opening a page may block until the browser has it, which needs the server.
            Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()

    pending = PendingApp(build)
    with listen(host, port) as bound:
        free_port = bound.getsockname()[1]
        url = url_of(host, free_port, access, layer=layer)
        server = Server(pending, started=started, end_streams=pending.end_streams)
        try:
            server.run([bound])
        except KeyboardInterrupt:
            sys.stdout.write("Stopped.\n")
        finally:
            ended = pending.close()
        if not ended:
            # Python may crash or print tracebacks if it exits while a thread loads a network.
            sys.stdout.flush()
            os._exit(0)


def _share_threads() -> None:
    """Set how the threads of this process share it, once the libraries are loaded."""
    from threadpoolctl import threadpool_limits

    # Requests compute many short matrix products, whose threads would wait for each other.
    threadpool_limits(1, user_api="blas")
    # A click requests one long response and many short ones, which must not wait for it.
    sys.setswitchinterval(_SWITCH_SECONDS)

"""`vulneuron serve`: the dashboard in the browser."""

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


def command(
    paths: Annotated[list[str], typer.Argument(metavar="RECORD...", help="Finished records.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]SPEC",
            help="Where the network is, for new vulnerability maps; may be repeated. `NAME=SPEC` is for the "
            "record of that name, as its address shows it, `SPEC` alone for all others. "
            "[default: what the record names, if torchvision, timm or the demo builds it]",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="Target layer of the first record to show first. [default: the last one]"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port; the next free one is taken if it is busy.", min=0, max=65535)
    ] = DEFAULT_PORT,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the dashboard in the browser.")
    ] = True,
) -> None:
    """Open records in the browser: vulnerable neurons, and the features that they capture.

    Example: `vulneuron serve demo.zarr`
    """
    from threadpoolctl import threadpool_limits

    from vulneuron.record import open_record
    from vulneuron.server.access import Access, url_of
    from vulneuron.server.model_choice import check_models, parse_models
    from vulneuron.server.record_names import record_names
    from vulneuron.server.running import PendingApp, Server

    if layer is not None:
        open_record(paths[0]).layer(layer)
    names = record_names(paths)
    models = parse_models(model or [], names)
    for path in paths:
        open_record(path).require_complete()
    # The only slow check, and only where a network is named: a wrong one ends the command.
    check_models(dict(zip(names, paths, strict=True)), models)
    access = Access.for_host(host)

    def build() -> FastAPI:
        from vulneuron.server.app import create_app
        from vulneuron.server.library import Library

        app = create_app(Library(paths, models.default, models.by_record), access=access)
        # Answers take many short matrix products, whose threads would wait for each other. The limit holds
        # for libraries that are loaded by now.
        threadpool_limits(1, user_api="blas")
        return app

    def started() -> None:
        busy = f"Port {port} is busy, so it is {free_port}. " if port not in {0, free_port} else ""
        sys.stdout.write(f"{busy}The dashboard is at {url} (Ctrl-C stops it)\n")
        sys.stdout.flush()
        pending.start(failed=server.stop)
        if open_browser:
            # It may wait for the browser, which waits for the server.
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
            # Python crashes, or prints tracebacks, if it ends below a thread that still loads a network.
            sys.stdout.flush()
            os._exit(0)

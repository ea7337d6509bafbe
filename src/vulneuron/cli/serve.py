"""`vulneuron serve`: the dashboard in the browser."""

import os
import sys
import webbrowser
from threading import Thread
from typing import Annotated

import typer
from threadpoolctl import threadpool_limits

from vulneuron.record import open_record
from vulneuron.server.app import create_app
from vulneuron.server.library import Library, record_names
from vulneuron.server.model_choice import check_given, parse_models
from vulneuron.server.running import DEFAULT_PORT, Server, listen, url_of
from vulneuron.server.security import Access


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
    """Show records in the browser: which neurons are vulnerable, and what they capture. Ctrl-C stops it.

    Example: `vulneuron serve demo.zarr`
    """
    if layer is not None:
        open_record(paths[0]).layer(layer)
    names = record_names(paths)
    models = parse_models(model or [], names)
    check_given(dict(zip(names, paths, strict=True)), models)
    access = Access.for_host(host)
    with listen(host, port) as bound:
        app = create_app(Library(paths, models.usual, models.own), access=access)
        found = bound.getsockname()[1]
        url = url_of(host, found, access, layer=layer)

        def started() -> None:
            busy = f"Port {port} is busy, so it is {found}. " if port not in {0, found} else ""
            sys.stdout.write(f"{busy}The dashboard is at {url} (Ctrl-C stops it)\n")
            sys.stdout.flush()
            if open_browser:
                # It may wait for the browser, which waits for the server.
                Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()

        try:
            # Answers take many short matrix products, whose threads would wait for each other.
            with threadpool_limits(1, user_api="blas"):
                Server(app, started).run([bound])
        except KeyboardInterrupt:
            sys.stdout.write("Stopped.\n")
        finally:
            ended = app.state.server.close()
        if not ended:
            # Python crashes, or prints tracebacks, if it ends below a thread that still loads a network.
            sys.stdout.flush()
            os._exit(0)

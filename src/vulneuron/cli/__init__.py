"""The `vulneuron` command."""

import os
import sys

from vulneuron.cli.app import app
from vulneuron.errors import VulneuronError


def main() -> None:
    """Run the command line. Errors that a user can fix are printed in one line, with exit status 1."""
    # oneDNN caches its preparations for up to 1,024 shapes by default. Regions have many shapes, and their
    # cache fragments the memory: it takes up to 1 GiB more, without any gain.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    try:
        app()
    except VulneuronError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None

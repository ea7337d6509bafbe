"""The `vulneuron` command."""

import os
import sys

from vulneuron.cli.app import app
from vulneuron.errors import VulneuronError


def main() -> None:
    """Run the command line; an error that a user can fix is one line, and exit status 1."""
    # oneDNN keeps what it has prepared for each shape that it meets, by default for 1,024 of them. Regions
    # have many shapes, and what is kept splits the free memory up: it takes up to 1 GiB more, for no gain.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    try:
        app()
    except VulneuronError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None

"""Writes the OpenAPI schema, from which the front end's types are generated.

A script of its own: ``python -m vulneuron.server.openapi web/openapi.json``
"""

import json
import sys
from pathlib import Path

from vulneuron.server.app import create_app
from vulneuron.server.library import Library


def schema_text() -> str:
    """OpenAPI schema as formatted JSON."""
    app = create_app(Library([]))
    try:
        return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
    finally:
        app.state.server.close()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")

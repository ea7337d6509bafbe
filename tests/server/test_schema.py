"""The OpenAPI schema: committed, complete, and true to what the server does."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from runs import color_net
from vulneuron.server.app import create_app
from vulneuron.server.library import Library

COMMITTED = Path(__file__).parents[2] / "web" / "openapi.json"
HOST = {"Host": "localhost"}


def schema() -> dict[str, Any]:
    app = create_app(Library([]))
    try:
        return app.openapi()
    finally:
        app.state.server.close()


SCHEMA = schema()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in SCHEMA["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_committed_schema_is_fresh(pytestconfig: pytest.Config) -> None:
    """The front end's types are generated from it."""
    text = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    if pytestconfig.getoption("--update"):
        COMMITTED.write_text(text, encoding="utf-8")
    assert COMMITTED.read_text(encoding="utf-8") == text, "update it: make generated"


def test_operations_have_names_tags_and_a_typed_answer() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and len(name) < 30 for name in names)
    for path, _, operation in operations():
        assert operation["tags"], path
        assert operation["description"], path
        kinds = operation["responses"]["200"]["content"]
        kind, body = next(iter(kinds.items()))
        assert (len(kinds) == 1) == (not path.endswith("/figures"))
        if path.endswith(".npy"):
            assert kind == "application/x-npy"
            assert "`(" in operation["responses"]["200"]["description"]
        elif path.endswith(".png") or "thumbnails" in path:
            assert kind == "image/png"
        elif path.endswith("/events"):
            assert kind == "text/event-stream"
        elif path.endswith("/figures"):
            assert set(kinds) == {"image/svg+xml", "application/pdf", "image/png"}
        elif path.endswith(".md"):
            assert kind == "text/markdown"
        else:
            assert kind == "application/json"
        assert body.get("schema") or body.get("itemSchema"), path
        for status in ("400", "401", "404", "410", "422"):
            error = operation["responses"][status]["content"]["application/json"]["schema"]
            assert error == {"$ref": "#/components/schemas/ErrorBody"}


@pytest.fixture(scope="module")
def api(linear: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    # Some of the requests have maps computed, which other tests must not find.
    copied = shutil.copytree(linear, tmp_path_factory.mktemp("api") / linear.name)
    library = Library([copied], color_net())
    for record in library:
        record.join()
    app = create_app(library)
    import schemathesis  # noqa: PLC0415  # slow to import

    yield schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HOST)
    app.state.server.close()


@pytest.mark.slow
def test_any_request(api: Any) -> None:
    from schemathesis import checks  # noqa: PLC0415
    from schemathesis.specs.openapi import checks as openapi  # noqa: PLC0415

    required = [
        checks.not_a_server_error,
        openapi.status_code_conformance,
        openapi.content_type_conformance,
        openapi.response_schema_conformance,
    ]
    tried = []
    for found in api.get_all_operations():
        operation = found.ok()
        # Streams of events do not end by themselves; they are tested by hand.
        if not operation.path.endswith("/events"):
            _try(operation, required)
            tried.append(operation.label)
    assert len(tried) == len(list(operations())) - 3


def _try(operation: Any, checks: list[Any]) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def answers(case: Any) -> None:
        # What nobody has is soon tried enough.
        if "record" in case.path_parameters:
            case.path_parameters["record"] = "colors"
        if isinstance(case.path_parameters.get("pair"), int):
            case.path_parameters["pair"] %= 40
        case.validate_response(case.call(headers=HOST), checks=checks)

    answers()

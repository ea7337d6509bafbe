"""Who may talk to the server, and what its answers allow."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from served import assert_error
from vulneuron.errors import RunError
from vulneuron.server.access import Access, is_loopback
from vulneuron.server.app import create_app
from vulneuron.server.library import Library
from vulneuron.server.security import CONTENT_SECURITY_POLICY

TOKEN = "a-secret"  # noqa: S105


def client_of(access: Access, base_url: str = "http://localhost") -> Iterator[TestClient]:
    app = create_app(Library([]), access=access)
    with TestClient(app, base_url=base_url, follow_redirects=False) as client:
        yield client
    app.state.server.close()


@pytest.fixture
def local() -> Iterator[TestClient]:
    yield from client_of(Access())


@pytest.fixture
def guarded() -> Iterator[TestClient]:
    yield from client_of(Access(token=TOKEN), "http://gpu.example.org:8642")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8642", "127.0.0.1:1", "[::1]:8642", "[::1]", "LOCALHOST:80"]
)
def test_names_of_this_machine(local: TestClient, host: str) -> None:
    assert local.get("/api/records", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example:8642",
        "127.0.0.1.evil.example",
        "evil:localhost",
        "",
        "[::2]:1",
    ],
)
def test_another_name_may_be_rebinding(local: TestClient, host: str) -> None:
    for path in ("/api/records", "/", "/api/openapi.json", "/none"):
        assert_error(local.get(path, headers={"Host": host}), 400, "host")


def test_a_name_that_the_server_was_bound_to() -> None:
    access = Access.for_host("127.0.0.2")
    assert access.token is None
    assert "127.0.0.2" in access.hosts


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.0.2", False),
        ("gpu.example.org", False),
    ],
)
def test_other_addresses_need_a_token(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    assert (Access.for_host(host).token is None) is loopback


@pytest.mark.parametrize("name", ["hub.example.org", "HUB.example.org", "dash", "10.0.0.7"])
def test_a_proxy_that_keeps_its_host_needs_a_token(name: str) -> None:
    access = Access.for_host("127.0.0.1", [name])
    assert access.token
    for client in client_of(access):
        # Without the token, not even this machine's names are accepted: a proxy may use them.
        for host in (name, f"{name}:443", "localhost"):
            assert_error(client.get("/api/records", headers={"Host": host}), 401, "token")
            found = client.get("/api/records", headers={"Host": host}, params={"token": access.token})
            assert found.status_code == 200


@pytest.mark.parametrize("name", ["", "*", "https://hub.example.org", "hub.example.org:443", "hub/x", "a b"])
def test_only_host_names_can_be_allowed(name: str) -> None:
    with pytest.raises(RunError, match="--allow-host is"):
        Access.for_host("127.0.0.1", [name])


def test_another_name_is_told_about_the_option(local: TestClient) -> None:
    assert "--allow-host" in local.get("/", headers={"Host": "hub.example.org"}).json()["fix"]


def test_tokens_differ() -> None:
    assert Access.for_host("::").token != Access.for_host("::").token


def test_without_the_token(guarded: TestClient) -> None:
    for path in ("/", "/api/records", "/api/openapi.json", "/none", "/assets/x.js"):
        assert_error(guarded.get(path), 401, "token")
    for given in ("", "wrong", TOKEN[:-1], TOKEN + "x", "ä"):
        assert_error(guarded.get("/api/records", params={"token": given}), 401)
        header = {b"Authorization": f"Bearer {given}".encode()}
        assert_error(guarded.get("/api/records", headers=header), 401)


def test_with_the_token_any_host_will_do(guarded: TestClient) -> None:
    assert guarded.get("/api/records", params={"token": TOKEN}).status_code == 200
    header = {"Authorization": f"Bearer {TOKEN}", "Host": "hub.example.org"}
    assert guarded.get("/api/records", headers=header).status_code == 200


def test_page_keeps_the_token_in_a_cookie(guarded: TestClient) -> None:
    first = guarded.get("/", params={"record": "a b", "token": TOKEN, "pair": "3"})
    assert first.status_code == 303
    assert first.headers["location"] == "./?record=a+b&pair=3"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    # Without a path it is for the page's folder, which is right behind a proxy too.
    assert "path=" not in cookie.lower()
    assert guarded.get("/").status_code == 200
    assert guarded.get("/api/records").status_code == 200


def test_servers_on_two_ports_do_not_take_each_others_cookie() -> None:
    """Browsers send the cookies of one port to all ports of a machine."""
    first, second = Access(token="one"), Access(token="two")  # noqa: S106
    assert first.cookie != second.cookie
    assert first.cookie == Access(token="one").cookie  # noqa: S106


def test_headers(local: TestClient) -> None:
    for path, host in (
        ("/", "localhost"),
        ("/api/records", "localhost"),
        ("/none", "localhost"),
        ("/", "evil"),
    ):
        headers = local.get(path, headers={"Host": host}).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_policy_is_strict() -> None:
    policy = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    assert "unsafe-inline" not in CONTENT_SECURITY_POLICY
    sources = " ".join(value for name, value in policy.items() if name != "frame-ancestors")
    assert "http" not in sources
    assert "*" not in sources
    ancestors = policy["frame-ancestors"].split()
    assert {"'self'", "http://localhost:*", "vscode-webview:", "vscode-file:"} <= set(ancestors)
    # No page of another machine may embed the dashboard.
    assert not {"*", "http:", "https:"} & set(ancestors)
    assert all(name.endswith(("localhost:*", "127.0.0.1:*")) for name in ancestors if "//" in name)

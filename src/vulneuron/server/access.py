"""Who may talk to the server, and the address that lets them in."""

import hashlib
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlencode

#: Parameter of the URL that carries the server's token.
TOKEN_PARAMETER = "token"  # noqa: S105  its name
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether an address to bind to can be reached from this machine only."""
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """Who may talk to the server.

    Parameters
    ----------
    token
        Secret that every request has to bring; None where only this machine reaches the server.
    hosts
        Names that the server is known by. Without a token, requests that name another one are refused: a
        page of another site that points its own name at this machine (DNS rebinding) would read the record.
    """

    token: str | None = None
    hosts: frozenset[str] = field(default=_LOOPBACK_NAMES)

    @classmethod
    def for_host(cls, host: str) -> "Access":
        """Access to a server that is bound to an address: with a token unless it is a loopback address."""
        if is_loopback(host):
            return cls(hosts=_LOOPBACK_NAMES | {host.lower()})
        return cls(token=secrets.token_urlsafe(24))

    @property
    def cookie(self) -> str:
        """Name of the cookie with the token; browsers share cookies between all ports of a machine."""
        return f"vulneuron_{hashlib.sha256((self.token or '').encode()).hexdigest()[:8]}"


def url_of(host: str, port: int, access: Access, *, layer: str | None = None) -> str:
    """Address to open in a browser; at a layer of the first record, if one is named."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{shown}]" if ":" in shown else shown
    parameters = {TOKEN_PARAMETER: access.token, "layer": layer}
    query = urlencode({key: value for key, value in parameters.items() if value is not None})
    return f"http://{name}:{port}/{'?' if query else ''}{query}"

"""Access to the server: its token, its host names and its URL."""

import hashlib
import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from vulneuron.errors import RunError

#: URL parameter that contains the server's token.
TOKEN_PARAMETER = "token"  # noqa: S105  not the token itself
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that a server is bound to."""
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """Rules for the requests that the server accepts.

    Parameters
    ----------
    token
        Secret required in every request; None if only this machine can reach the server.
    hosts
        Host names accepted without a token. Requests for other names are rejected, because a website that
        points its own name at this machine (DNS rebinding) could read the record.
    """

    token: str | None = None
    hosts: frozenset[str] = field(default=_LOOPBACK_NAMES)

    @classmethod
    def for_host(cls, host: str, allowed: Iterable[str] = ()) -> "Access":
        """Access to a server bound to an address.

        It needs a token unless only this machine can reach the server: the address is a loopback address, and
        no proxy forwards requests to it.

        Parameters
        ----------
        host
            The address.
        allowed
            Host names of proxies, in requests that they forward unchanged.

        Raises
        ------
        RunError
            If one of them is not a host name.
        """
        names = frozenset(map(_checked_name, allowed))
        if is_loopback(host) and not names:
            return cls(hosts=_LOOPBACK_NAMES | {host.lower()})
        return cls(token=secrets.token_urlsafe(24), hosts=_LOOPBACK_NAMES | {host.lower()} | names)

    @property
    def folder(self) -> str:
        """Secret path below which requests need no cookie, which browsers withhold from frames."""
        return f"/{TOKEN_PARAMETER}/{self.token}/"

    @property
    def cookie(self) -> str:
        """Name of the cookie with the token; it differs per token as all ports of a machine share cookies."""
        return f"vulneuron_{hashlib.sha256((self.token or '').encode()).hexdigest()[:8]}"


def _checked_name(name: str) -> str:
    if not _HOST_NAME.fullmatch(name):
        raise RunError(
            f"--allow-host is {name!r}",
            allowed="a host name such as hub.example.org, without scheme, port or path",
            fix="name the host in the URL of the proxy",
        )
    return name.lower()


def url_of(host: str, port: int, access: Access, *, layer: str | None = None) -> str:
    """URL to open in a browser, at a layer of the first record if one is named."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{shown}]" if ":" in shown else shown
    parameters = {TOKEN_PARAMETER: access.token, "layer": layer}
    query = urlencode({key: value for key, value in parameters.items() if value is not None})
    return f"http://{name}:{port}/{'?' if query else ''}{query}"

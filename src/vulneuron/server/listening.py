"""The socket of the server, on a free port."""

import errno
import os
import socket

from vulneuron.errors import RunError, one_line

DEFAULT_PORT = 8642
_LAST_PORT = 65535
_BUSY = {errno.EADDRINUSE, errno.EACCES}


def listen(host: str, port: int, *, ports: int = 100) -> socket.socket:
    """Listen on the first free port.

    Parameters
    ----------
    host
        Address of this machine.
    port
        The first port to try; 0 for any free port.
    ports
        Number of ports to try.

    Raises
    ------
    RunError
        If the address cannot be used, or all ports are busy.
    """
    for candidate in range(port, min(port + ports, _LAST_PORT + 1)):
        try:
            return _bound(host, candidate)
        # An impossible host name raises a UnicodeError.
        except (OSError, UnicodeError) as error:
            if not isinstance(error, OSError) or error.errno not in _BUSY:
                raise RunError(
                    f"the server cannot use the address {host!r} ({one_line(error)})",
                    allowed="an address of this machine",
                    fix="omit --host to serve this machine only",
                ) from error
    raise RunError(
        f"all ports from {port} on are busy",
        allowed="a free port from 1 to 65535",
        fix="use another --port, or 0 for any free port",
    )


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # With a protocol, asyncio sends small packets at once (TCP_NODELAY), which saves 40 ms per response.
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)  # otherwise another server could still take the port
    except OSError:
        bound.close()
        raise
    return bound

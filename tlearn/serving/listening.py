"""A port to listen on, and a server that answers there until it is told to end."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlearn.errors import HostError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

_MOST_CONNECTIONS = 500
_SECONDS_TO_END = 3


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Args:
        host: Name or address of this machine.
        port: 0 takes one that is free.

    Raises:
        HostError: There is no such address here, or the port is in use or not allowed.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        if isinstance(error, socket.gaierror | UnicodeError) or error.errno == errno.EADDRNOTAVAIL:
            raise HostError(
                f"--host {host!r} is no address of this machine",
                "name one that is, or leave it out: --host 127.0.0.1",
            ) from error
        reason = os.strerror(error.errno or 0).lower()
        raise HostError(
            f"cannot listen on port {port}: {reason}", "take one that is free: --port 0"
        ) from error


@dataclass(frozen=True)
class Prepared:
    """A server that is ready to run.

    Attributes:
        app: What answers.
        listener: The open port.
    """

    app: ASGIApp
    listener: socket.socket

    @property
    def url(self) -> str:
        """Return the address, as a browser takes it."""
        host, port = self.listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def server(self) -> uvicorn.Server:
        """Return what answers requests; `run` of it does not return until it is told to end."""
        import uvicorn

        config = uvicorn.Config(
            self.app,
            log_level="error",  # it warns of what strangers send
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_SECONDS_TO_END,
        )
        return uvicorn.Server(config)

    def run(self) -> None:
        """Answer requests until the process is interrupted."""
        self.server().run(sockets=[self.listener])

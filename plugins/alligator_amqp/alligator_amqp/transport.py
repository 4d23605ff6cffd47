"""The socket below a connection: frames that belong together are written together."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from amqp.transport import SSLTransport, TCPTransport

from .settings import Settings

ENOUGH: Final = 256 * 1024
"""Bytes after which what is held back is written all the same."""


class Corked:
    """Writes frames at once, or several together: py-amqp makes a system call for each."""

    _pending: bytearray | None = None

    def write(self, data: Any) -> None:
        """Write a frame, or keep it for later."""
        if self._pending is None:
            super().write(data)  # type: ignore[misc]
            return
        self._pending += data
        if len(self._pending) >= ENOUGH:
            self._flush()

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Write what is sent meanwhile at its end."""
        self._pending = bytearray()
        try:
            yield
            self._flush()
        finally:
            self._pending = None

    def settle(self, timeout: float) -> None:
        """Wait no longer than this for the socket, from now on."""
        sock: socket.socket = self.sock  # type: ignore[attr-defined]
        sock.settimeout(timeout)

    def _flush(self) -> None:
        data, self._pending = self._pending, bytearray()
        if data:
            super().write(bytes(data))  # type: ignore[misc]


class CorkedTcp(Corked, TCPTransport):  # type: ignore[misc]  # py-amqp has no types
    """A plain connection."""


class CorkedTls(Corked, SSLTransport):  # type: ignore[misc]
    """A connection by TLS."""

    def __init__(self, *arguments: Any, context: ssl.SSLContext, server_name: str, **options: Any) -> None:
        self._context = context
        self._server_name = server_name
        super().__init__(*arguments, **options)

    def _wrap_socket(self, sock: socket.socket, context: object = None, **_: object) -> ssl.SSLSocket:  # noqa: ARG002
        return self._context.wrap_socket(sock, server_hostname=self._server_name, do_handshake_on_connect=False)


def transport_of(host: str, port: int, settings: Settings, context: ssl.SSLContext | None) -> Any:
    """Return the transport of a connection that is to be made."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options: dict[str, Any] = {"connect_timeout": settings.connect_timeout}
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # py-amqp's own is one second, which a slow network takes longer than.
        options["socket_settings"] = {socket.TCP_USER_TIMEOUT: int(settings.timeout * 1000)}
    if context is None:
        return CorkedTcp(address, **options)
    return CorkedTls(address, context=context, server_name=host, **options)

"""What a DSN says: addresses, credentials and options, checked by name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from alligator_core.dsn import Dsn, one_of, seconds, seconds_above_zero, whole, yes_or_no
from alligator_core.errors import DsnError, OptionError

Address = tuple[str, int]

PORT: Final = 6379
SENTINEL_PORT: Final = 26379
CERT_REQS: Final = ("required", "optional", "none")
LARGEST_BODY: Final = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the server, and how to keep queues there. Times are in seconds, sizes in bytes."""

    shown: str
    """The DSN without its secrets, for errors and logs."""
    kind: str
    """`standalone`, `sentinel` or `cluster`."""
    addresses: tuple[Address, ...] = ()
    path: str = ""
    """Of the socket, for `unix://`."""
    service: str = ""
    """What the sentinels call the master."""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    prefix: str = "alligator"
    timeout: float = 5.0
    connect_timeout: float = 5.0
    max_connections: int = 50
    client_name: str | None = None
    protocol: int = 2
    shards: int = 1
    max_body: int = 16 * 1024 * 1024
    max_dead: int = 10_000
    dead_age: float = 30 * 86400.0
    ssl_ca_certs: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_cert_reqs: str = "required"
    ssl_check_hostname: bool = True
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, dsn: Dsn) -> Settings:
        """Read a DSN. Raises DsnError or OptionError, saying what is wrong and what it should be."""
        options = dsn.read_options(**_readers(dsn))
        if "timeout" in options:
            options.setdefault("connect_timeout", options["timeout"])
        settings = replace(_place(dsn), username=dsn.username, password=dsn.password, **options)
        if settings.kind == "cluster" and settings.db:
            raise DsnError(f"{str(dsn)!r} names the database {settings.db}: a cluster has only 0.")
        return settings

    def connection_options(self) -> dict[str, Any]:
        """Return what redis-py's connection classes take, whatever the address."""
        options: dict[str, Any] = {
            "db": self.db,
            "username": self.username,
            "password": self.password,
            "client_name": self.client_name,
            "protocol": self.protocol,
            **self.socket_options(),
        }
        return options

    def socket_options(self) -> dict[str, Any]:
        """Return the options for a connection that isn't one to a server with queues: to a sentinel."""
        options: dict[str, Any] = {"socket_timeout": self.timeout, "socket_connect_timeout": self.connect_timeout}
        if not self.path:
            options["socket_keepalive"] = True
        if self.tls:
            names = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
            options.update({name: getattr(self, name) for name in names})
            if self.ssl_cert_reqs == "none":
                options["ssl_check_hostname"] = False
        return options


def _readers(dsn: Dsn) -> dict[str, Any]:
    readers: dict[str, Any] = {
        "client_name": _word,
        "connect_timeout": seconds_above_zero,
        "db": whole,
        "dead_age": seconds,
        "max_body": _body_size,
        "max_connections": partial(whole, lowest=2),
        "max_dead": partial(whole, lowest=1),
        "prefix": _word,
        "protocol": lambda text: int(one_of("2", "3")(text)),
        "shards": partial(whole, lowest=1),
        "timeout": seconds_above_zero,
    }
    if dsn.scheme.startswith("rediss"):
        readers.update(
            ssl_ca_certs=_file,
            ssl_cert_reqs=one_of(*CERT_REQS),
            ssl_certfile=_file,
            ssl_check_hostname=yes_or_no,
            ssl_keyfile=_file,
        )
    if dsn.scheme.endswith("+sentinel"):
        readers.update(sentinel_password=str, sentinel_username=str)
    return readers


def _place(dsn: Dsn) -> Settings:
    transport, _, kind = dsn.scheme.partition("+")
    tls = transport == "rediss"
    if "unix" in (transport, kind):
        return _socket(dsn)
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    addresses = tuple((host or "localhost", number or port) for host, number in dsn.hosts) or (("localhost", port),)
    settings = Settings(str(dsn), kind or "standalone", addresses, tls=tls)
    parts = [part for part in dsn.path.split("/") if part]
    if kind == "sentinel":
        if not parts:
            raise DsnError(f"{str(dsn)!r} names no master: write {dsn.scheme}://sentinel1,sentinel2/master/0.")
        settings = replace(settings, service=parts.pop(0))
    elif not kind and len(addresses) > 1:
        raise DsnError(f"{str(dsn)!r} names {len(addresses)} servers: write {dsn.scheme}+cluster:// or +sentinel://.")
    if len(parts) > 1 or (parts and not (parts[0].isascii() and parts[0].isdigit())):
        raise DsnError(f"{str(dsn)!r} has the path {dsn.path!r}: after the host comes the number of a database.")
    if parts and "db" in dsn.options:
        raise OptionError(f"{str(dsn)!r} names the database twice, in its path and as db=.", "db")
    return replace(settings, db=int(parts[0]) if parts else 0)


def _socket(dsn: Dsn) -> Settings:
    if dsn.hosts or not dsn.path.strip("/"):
        raise DsnError(f"{str(dsn)!r} names no socket: write {dsn.scheme}:///path/to/redis.sock?db=0.")
    return Settings(str(dsn), "standalone", path=dsn.path)


def _word(text: str) -> str:
    if not text or not text.isprintable() or " " in text or "{" in text or "}" in text:
        raise ValueError("it must be a word without spaces and braces")
    return text


def _body_size(text: str) -> int:
    value = whole(text, 1024)
    if value > LARGEST_BODY:
        raise ValueError(f"the server takes {LARGEST_BODY} bytes at most")
    return value


def _file(text: str) -> str:
    if not os.path.isfile(text):
        raise ValueError("there is no such file")
    return text

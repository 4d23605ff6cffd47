"""What a DSN says: the addresses, the credentials and the options, checked by name."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final

from alligator_core.dsn import Dsn, seconds_above_zero, yes_or_no
from alligator_core.errors import DsnError, OptionError

PORT: Final = 5672
TLS_PORT: Final = 5671


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the servers, and how to keep queues there. Times are in seconds."""

    shown: str
    """The DSN, for errors and logs."""
    hosts: tuple[tuple[str, int], ...]
    """The nodes of one cluster, tried in this order."""
    username: str = "guest"
    password: str = field(default="guest", repr=False)
    vhost: str = "/"
    tls: bool = False
    prefix: str = "alligator."
    priority: bool = False
    """Whether all ten priorities are kept apart, or there is but the usual one."""
    timeout: float = 10.0
    connect_timeout: float = 5.0
    ca: str | None = None
    cert: str | None = None
    key: str | None = field(default=None, repr=False)
    verify: bool = True

    @classmethod
    def read(cls, dsn: Dsn) -> Settings:
        """Read a DSN. Raises DsnError or OptionError, saying what is wrong and what it should be."""
        options = dsn.read_options(
            ca=str,
            cert=str,
            connect_timeout=seconds_above_zero,
            key=str,
            prefix=_prefix,
            priority=yes_or_no,
            timeout=seconds_above_zero,
            verify=yes_or_no,
        )
        tls = dsn.scheme == "amqps"
        unused = sorted({"ca", "cert", "key", "verify"} & options.keys())
        if unused and not tls:
            raise OptionError(f"amqp:// has no use for {unused[0]}=: it is for TLS, write amqps://.", unused[0])
        if ("cert" in options) != ("key" in options):
            raise OptionError("amqps:// needs cert= and key= together: a certificate and its private key.", "cert")
        if (dsn.username is None) != (dsn.password is None):
            raise DsnError(f"{str(dsn)!r} needs a user and a password, or neither (guest and guest then).")
        if "timeout" in options:
            options.setdefault("connect_timeout", options["timeout"])
        usual = TLS_PORT if tls else PORT
        hosts = tuple((host or "localhost", port or usual) for host, port in dsn.hosts) or (("localhost", usual),)
        if dsn.username is not None:
            options |= {"username": dsn.username, "password": dsn.password}
        return cls(str(dsn), hosts, vhost=_vhost(dsn), tls=tls, **options)

    def tls_context(self) -> ssl.SSLContext:
        """Return what TLS connections are made by. Raises OptionError for files that can't be read."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except OSError as exc:
            raise OptionError(f"amqps:// can't use ca=, cert= or key= ({exc}): name PEM files.", "cert") from exc
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _vhost(dsn: Dsn) -> str:
    # As in RabbitMQ's own URIs, but that a bare slash is taken for the usual vhost, not for one without a name.
    name = dsn.path[1:]
    if len(name.encode()) > 255:
        raise DsnError(f"{str(dsn)!r} names a vhost of more than 255 bytes, which RabbitMQ doesn't have.")
    return name or "/"


def _prefix(text: str) -> str:
    if text.startswith("amq.") or not text.isprintable() or len(text.encode()) > 100:
        raise ValueError("it may have 100 bytes of printable characters, and must not begin with amq.")
    return text

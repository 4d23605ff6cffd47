"""What a DSN says: addresses, credentials and options, checked by name."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from alligator_core.dsn import Dsn, one_of, seconds, seconds_above_zero, whole
from alligator_core.errors import DsnError

PORT: Final = 5432
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_COMMITS: Final = ("on", "off", "local", "remote_write", "remote_apply")
_ATTRS: Final = ("any", "read-write", "primary")


def _file(text: str) -> str:
    if not os.path.isfile(text):
        raise ValueError("there is no such file")
    return text


def _authorities(text: str) -> str:
    return text if text == "system" else _file(text)


def _word(text: str) -> str:
    if not text or len(text.encode()) > 63 or not text.isprintable():
        raise ValueError("it must be a printable name of up to 63 bytes")
    return text


# What libpq takes by the same name.
_PASSED_ON: Final[dict[str, Callable[[str], Any]]] = {
    "application_name": _word,
    "host": str,
    "sslcert": _file,
    "sslcrl": _file,
    "sslkey": _file,
    "sslmode": one_of(*_SSL_MODES),
    "sslpassword": str,
    "sslrootcert": _authorities,
    "target_session_attrs": one_of(*_ATTRS),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the server, and how to keep queues there. Times are in seconds."""

    shown: str
    """The DSN without its secrets, for errors and logs."""
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    """What libpq connects by, the password included."""
    schema: str = "alligator"
    timeout: float = 10.0
    max_connections: int = 10
    max_dead: int = 10_000
    dead_age: float = 30 * 86400.0
    synchronous_commit: str = ""

    @classmethod
    def read(cls, dsn: Dsn) -> Settings:
        """Read a DSN. Raises DsnError or OptionError, saying what is wrong and what it should be."""
        options = dsn.read_options(
            connect_timeout=seconds_above_zero,
            dead_age=seconds,
            max_connections=partial(whole, lowest=1),
            max_dead=partial(whole, lowest=1),
            schema=_word,
            synchronous_commit=one_of(*_COMMITS),
            timeout=seconds_above_zero,
            **_PASSED_ON,
        )
        timeout = options.get("timeout", cls.__dataclass_fields__["timeout"].default)
        parameters = _place(dsn)
        parameters["connect_timeout"] = max(2, math.ceil(options.pop("connect_timeout", timeout)))
        for name in _PASSED_ON:
            if name in options:
                parameters[name] = options.pop(name)
        return cls(str(dsn), {**_defaults(dsn), **parameters}, **options)


def _defaults(dsn: Dsn) -> dict[str, str]:
    """What is better than libpq's own default, and yields to its environment variables."""
    defaults = {"gssencmode": "disable", "application_name": "alligator"}
    if len(dsn.hosts) > 1:
        defaults["target_session_attrs"] = "read-write"
    variables = {"gssencmode": "PGGSSENCMODE", "application_name": "PGAPPNAME"}
    return {name: value for name, value in defaults.items() if variables.get(name, "") not in os.environ}


def _place(dsn: Dsn) -> dict[str, Any]:
    database = dsn.path.lstrip("/")
    if "/" in database:
        raise DsnError(f"{str(dsn)!r} has the path {dsn.path!r}: after the host comes the name of one database.")
    if dsn.hosts and "host" in dsn.options:
        raise DsnError(f"{str(dsn)!r} names a host twice: host= is for the folder of a socket, as in postgres:///db.")
    place: dict[str, Any] = {"user": dsn.username, "password": dsn.password, "dbname": database or None}
    if dsn.hosts:
        place["host"] = ",".join(host for host, _ in dsn.hosts)
        place["port"] = ",".join(str(port or PORT) for _, port in dsn.hosts)
    return {name: value for name, value in place.items() if value is not None}

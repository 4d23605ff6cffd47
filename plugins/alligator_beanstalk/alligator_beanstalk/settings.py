"""What a DSN says: the address and the options, checked by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from alligator_core.dsn import Dsn, seconds_above_zero, whole
from alligator_core.errors import DsnError

PORT: Final = 11300
LONGEST: Final = 2**32 - 1
"""The server's largest number of seconds."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the server, and how to keep queues there. Times are in seconds, sizes in bytes."""

    shown: str
    """The DSN, for errors and logs."""
    host: str
    port: int
    prefix: str = "alligator."
    ttr: int = 30
    """How long the server waits for a sign of life from a worker whose connection stands; noted with each push."""
    timeout: float = 5.0
    connect_timeout: float = 5.0
    max_body: int | None = None
    """None takes what the server takes."""
    remember: int = 10_000
    """How many of the latest pushes can be looked up by their ids."""

    @classmethod
    def read(cls, dsn: Dsn) -> Settings:
        """Read a DSN. Raises DsnError or OptionError, saying what is wrong and what it should be."""
        options = dsn.read_options(
            connect_timeout=seconds_above_zero,
            max_body=partial(whole, lowest=1),
            prefix=_prefix,
            remember=whole,
            timeout=seconds_above_zero,
            ttr=_ttr,
        )
        if "timeout" in options:
            options.setdefault("connect_timeout", options["timeout"])
        if dsn.username is not None or dsn.password is not None:
            raise DsnError(f"{str(dsn)!r} has a user or a password: beanstalkd knows neither, leave them out.")
        if len(dsn.hosts) > 1:
            raise DsnError(f"{str(dsn)!r} names {len(dsn.hosts)} servers: a queue is on one. Make a Gator for each.")
        if dsn.path.strip("/"):
            raise DsnError(f"{str(dsn)!r} has the path {dsn.path!r}: beanstalkd has no databases, use prefix=.")
        return cls(str(dsn), dsn.host or "localhost", dsn.port or PORT, **options)


def _ttr(text: str) -> int:
    value = whole(text, 1)
    if value > LONGEST:
        raise ValueError(f"the server takes {LONGEST} seconds at most")
    return value


def _prefix(text: str) -> str:
    if text.startswith("-") or not all(each.isascii() and (each.isalnum() or each in "-+/;._") for each in text):
        raise ValueError("it may have letters, digits and -+/;._ and must not begin with -")
    if len(text) > 100:
        raise ValueError("it may have 100 characters at most")
    return text

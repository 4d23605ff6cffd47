"""What a DSN says: the region and the options, checked by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from alligator_core.dsn import Dsn, one_of, seconds, seconds_above_zero, whole, yes_or_no
from alligator_core.errors import DsnError, OptionError

LONGEST_POLL: Final = 20
"""Seconds that SQS waits for a message, at most."""
LARGEST: Final = 1024 * 1024
"""Bytes of a message that a queue can be set to take, since August 2025."""
USUAL: Final = 256 * 1024
"""Bytes of a message that every queue takes, unless somebody has set it to less."""
RETENTION: Final = 14 * 86400
"""Seconds for which SQS can be told to keep a message."""

_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach SQS, and how to keep queues there. Times are in seconds, sizes in bytes."""

    shown: str
    """The DSN, for errors and logs."""
    region: str | None = None
    """None takes what boto3 finds in the environment."""
    endpoint: str | None = None
    profile: str | None = None
    queue_prefix: str = ""
    create: bool = False
    """Whether a queue that doesn't exist is created."""
    fifo: bool = False
    group: str = "queue"
    """What makes a FIFO group: the `queue`, the `task`, or the `prefix` of its id up to a colon."""
    dedup: str = "push"
    """What a FIFO queue takes for the same message: one `push` that was repeated, or one `id` within five minutes."""
    priorities: int = 1
    """How many queues there are for each, by priority."""
    wait: int = LONGEST_POLL
    threads: int = 8
    """How many requests are on their way at once, polls not counted."""
    timeout: float = 10.0
    connect_timeout: float = 5.0
    max_message: int = USUAL
    max_delay: float = 3 * 86400.0

    @classmethod
    def read(cls, dsn: Dsn) -> Settings:
        """Read a DSN. Raises DsnError or OptionError, saying what is wrong and what it should be."""
        if dsn.username is not None or dsn.password is not None:
            raise DsnError(
                f"{str(dsn)!r} has a user or a password: credentials come from where boto3 finds them, that is the "
                "environment, a profile or a role. Leave them out."
            )
        options = dsn.read_options(
            connect_timeout=seconds_above_zero,
            create=yes_or_no,
            dedup=one_of("push", "id"),
            endpoint=_endpoint,
            fifo=yes_or_no,
            group=one_of("queue", "task", "prefix"),
            max_delay=_max_delay,
            max_message=_between(1024, LARGEST),
            priorities=_between(1, 10),
            profile=str,
            queue_prefix=_prefix,
            threads=_between(1, 64),
            timeout=seconds_above_zero,
            wait=_between(1, LONGEST_POLL),
        )
        _check_fifo(options)
        return cls(str(dsn), _region(dsn), **options)


def _check_fifo(options: dict[str, object]) -> None:
    if options.get("fifo"):
        if options.get("priorities", 1) != 1:
            raise OptionError(
                "fifo=yes and priorities= exclude each other: one keeps the order, the other one doesn't."
            )
    elif name := next((each for each in ("group", "dedup") if each in options), None):
        raise OptionError(f"{name}= means something to FIFO queues only: add fifo=yes.", name)


def _region(dsn: Dsn) -> str | None:
    if dsn.path.strip("/"):
        raise DsnError(f"{str(dsn)!r} has the path {dsn.path!r}: queues are named by the app, use queue_prefix=.")
    if not dsn.hosts:
        return None
    if len(dsn.hosts) > 1 or dsn.port or not _REGION.fullmatch(dsn.host or ""):
        raise DsnError(
            f"{str(dsn)!r} should name one region of AWS, such as sqs://us-west-2/; another server is named by "
            "endpoint=http://host:port."
        )
    return dsn.host


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("it must be like http://host:port, without a user")
    return text


def _prefix(text: str) -> str:
    if not _NAME.fullmatch(text) or len(text) > 60:
        raise ValueError("it may have up to 60 letters, digits, - and _")
    return text


def _max_delay(text: str) -> float:
    value = seconds(text)
    if value >= RETENTION:
        raise ValueError(f"SQS keeps no message for longer than {RETENTION} s")
    return value


def _between(lowest: int, highest: int) -> Callable[[str], int]:
    return partial(_read_between, lowest, highest)


def _read_between(lowest: int, highest: int, text: str) -> int:
    value = whole(text, lowest)
    if value > highest:
        raise ValueError(f"it may be {highest} at most")
    return value

"""The stores that chaos is done to: for each, its DSN, and how its server is started, stopped and reached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from tests.amqp.helpers import make_delays
from tests.amqp.servers import Server as RabbitServer
from tests.beanstalk.servers import Server as BeanstalkServer
from tests.postgres.servers import Server as PostgresServer
from tests.redis.servers import Server
from tests.sqlite.helpers import is_locked
from tests.sqs.servers import Ministack

from .clock import library, set_clock, valkey_under
from .proxy import Proxy

# Synced at each write: with `everysec` a Redis whose disk is slow writes late, and SIGKILL takes that with it.
PERSISTENT = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


class Store:
    """A place for queues, made for one run in a folder of its own."""

    name: ClassVar[str]
    dsn: str
    has_server: ClassVar[bool] = False
    has_file: ClassVar[bool] = False
    is_shared: ClassVar[bool] = True
    lacks: ClassVar[Mapping[str, str]] = {}
    """The faults that it promises nothing about, and why."""
    copies: ClassVar[bool] = False
    """Whether it takes back a message by writing it anew and then removing it."""
    most: ClassVar[int] = 10_000
    """Messages that it can be asked to bear at a time."""

    def __init__(self, folder: Path) -> None:
        self.clock = folder / "clock"

    @classmethod
    def clock_missing(cls) -> str:
        """Say why its clock can't be set, "" if it can."""
        return ""

    def take_clock(self) -> None:
        """Make ready for `set_clock`. Nothing may be in the store yet."""

    def set_clock(self, ahead: float) -> None:
        """Set the clock that decides over leases to so many seconds ahead of the true time."""
        set_clock(self.clock, ahead)

    @property
    def port(self) -> int:
        """The port of its server. Only a store that `has_server` is asked for it."""
        raise NotImplementedError

    def proxied(self, proxy: Proxy) -> str:
        """Return the DSN by way of a proxy."""
        return self.dsn.replace(f":{self.port}/", f":{proxy.port}/")

    def unseen(self) -> int:
        """Count what is in the store, and what `size` doesn't tell of, in a way that may take seconds."""
        return 0

    def is_stuck(self) -> bool:
        """Say whether a frozen process holds a lock, without which nobody gets on."""
        return False

    def stop(self) -> None:
        """End its server in the way that saves all."""

    def kill(self) -> None:
        """End its server with SIGKILL."""

    def start(self) -> None:
        """Start its server again."""

    def close(self) -> None:
        """Leave nothing running."""


class LocmemStore(Store):
    name = "locmem"
    is_shared = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.dsn = f"locmem://chaos-{uuid4().hex}"


class SqliteStore(Store):
    name = "sqlite"
    has_file = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.dsn = f"sqlite:///{self.disk}/queue.db"

    def is_stuck(self) -> bool:
        return is_locked(self.disk / "queue.db")


class RedisStore(Store):
    name = "redis"
    has_server = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = Server(folder / "redis", *PERSISTENT)
        self.dsn = f"{self._server.dsn}?max_dead=20000&timeout=2"

    @property
    def port(self) -> int:
        return self._server.port

    @classmethod
    def clock_missing(cls) -> str:
        return "" if library() else "libfaketime is not installed"

    def take_clock(self) -> None:
        self._server.kill()
        folder = self._server.folder.with_name("valkey")
        self._server = Server(folder, *PERSISTENT, binary=valkey_under(self.clock), port=self.port)

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.kill()


class ServerStore(Store):
    """A store with a server that the run starts. A subclass sets `_server` first."""

    has_server = True
    _server: Any

    @property
    def port(self) -> int:
        return self._server.port

    @classmethod
    def clock_missing(cls) -> str:
        return "its leases go by a clock that can't be set"

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.kill()


class BeanstalkStore(ServerStore):
    """A beanstalkd with a log that is synced each time: nothing else is promised to survive a kill."""

    name = "beanstalk"
    lacks: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("lose replies", "cut connections", "half-close connections"), "counts a lost connection as a death"
        ),
        **dict.fromkeys(("freeze for longer than the lease", "freeze a child"), "may keep what a frozen process holds"),
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = BeanstalkServer(folder / "beanstalkd")
        # As long as the lease: the server takes back what a frozen or vanished worker had by this alone.
        self.dsn = f"beanstalk://127.0.0.1:{self._server.port}/?ttr=3&timeout=2"

    def stop(self) -> None:
        self._server.kill()


class PostgresStore(ServerStore):
    """A PostgreSQL that syncs nothing to its disk: the kill of a process, even of all, takes none of that away."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = PostgresServer()
        self.dsn = f"{self._server.dsn}?timeout=2&max_dead=20000"

    def close(self) -> None:
        self._server.close()


class SqsStore(Store):
    """An emulator of SQS, by queues for two levels of priority."""

    name = "sqs"
    has_server = True
    # The emulator looks through all of a queue for each message.
    most = 300
    copies = True
    lacks: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("stop the server", "kill the server", "kill the server and a worker", "kill a worker each second"),
        "has an emulator that keeps nothing when it ends",
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = Ministack()
        self.dsn = self._server.dsn("priorities=2", "timeout=2")

    @property
    def port(self) -> int:
        return self._server.port

    @classmethod
    def clock_missing(cls) -> str:
        return "its leases go by a clock that can't be set"

    def close(self) -> None:
        self._server.close()


class AmqpStore(ServerStore):
    """A RabbitMQ node."""

    name = "amqp"
    # Each of its commands waits for the disk, and it shares two cores with the workers.
    most = 2_000
    copies = True
    lacks: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("lose replies", "cut connections", "half-close connections"), "counts a lost connection as a death"
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = RabbitServer(folder / "rabbitmq")
        self.dsn = f"{self._server.dsn}?priority=yes&timeout=5"
        make_delays(self.dsn)
        # Quorum queues that were made just before RabbitMQ 3.10 is killed have no leader afterwards: see the README.
        self._server.stop()
        self._server.start()

    def unseen(self) -> int:
        return self._server.messages()


STORES: dict[str, type[Store]] = {
    "locmem": LocmemStore,
    "sqlite": SqliteStore,
    "redis": RedisStore,
    "beanstalk": BeanstalkStore,
    "sqs": SqsStore,
    "postgres": PostgresStore,
    "amqp": AmqpStore,
}
"""A further backend takes one more entry."""

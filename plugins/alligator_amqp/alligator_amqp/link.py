"""One connection to RabbitMQ, with one channel: many commands in flight, each with its answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from amqp import Connection, spec
from amqp import Message as Wire

from .failures import CLIENT_ERRORS, Blocked, link_error
from .names import Place
from .settings import Settings
from .transport import transport_of

PORTION: Final = 500
"""Commands in flight at most."""


class Post(NamedTuple):
    """Something to publish: `key` is a queue's name for the exchange ""."""

    key: str
    wire: Wire
    exchange: str = ""


class Got(NamedTuple):
    """A message that this connection holds by its `tag`."""

    tag: int
    is_redelivered: bool
    wire: Wire


class Link:
    """A connection that one thread at a time may use. Methods raise LinkError."""

    def __init__(
        self, settings: Settings, host: str, port: int, context: ssl.SSLContext | None, heartbeat: int
    ) -> None:
        self.used_at = time.monotonic()
        self.known: set[str] = set()
        """What was declared by this connection."""
        self._timeout = settings.timeout
        self._blocked = False
        self._published = 0
        self._open: dict[int, int] = {}
        self._nacked: list[int] = []
        self._returned: list[Wire] = []
        self._corked = transport_of(host, port, settings, context)
        self._connection = Connection(
            userid=settings.username,
            password=settings.password,
            login_method="PLAIN",
            virtual_host=settings.vhost,
            heartbeat=heartbeat,
            connect_timeout=settings.connect_timeout,
            on_blocked=self._on_blocked,
            on_unblocked=self._on_unblocked,
        )
        self._connection.Transport = lambda *_, **__: self._corked
        self._heartbeat = heartbeat
        with self._explained(is_new=True):
            self._connection.connect()
            self._corked.settle(settings.timeout)
            self._channel = self._connection.channel()

    def __del__(self) -> None:
        # Nothing but the file: where the process was forked, the connection is the parent's still.
        corked = getattr(self, "_corked", None)
        if corked is not None and corked.sock is not None:
            corked.sock.close()

    @property
    def is_open(self) -> bool:
        """Whether nothing has ended it yet, as far as is known here."""
        return self._connection.channels is not None

    def is_alive(self) -> bool:
        """Whether the server still answers."""
        try:
            self.sync()
        except Exception:  # noqa: BLE001  (whatever it is: it is of no use)
            return False
        return True

    def sync(self) -> None:
        """Wait until everything sent was carried out."""
        with self._explained():
            self._channel.basic_qos(0, 0, False)
        self.used_at = time.monotonic()

    def beat(self) -> None:
        """Show the server life, if it is time to."""
        if self._heartbeat and time.monotonic() - self.used_at > self._heartbeat / 3:
            with self._explained():
                self._connection.send_heartbeat()
            self.used_at = time.monotonic()

    def declare(self, places: Sequence[Place], *, passive: bool = False) -> list[int]:
        """Make queues unless they exist; return how many messages are ready in each."""
        with self._explained():
            with self._corked.held_back():
                for place in places:
                    arguments = {} if passive else dict(place.arguments)
                    self._declare(place.name, arguments, passive=passive)
            counts = [self._answer([spec.Queue.DeclareOk])[1] for _ in places]
        self.known |= {place.name for place in places}
        return counts

    def lock_queue(self, name: str) -> None:
        """Make a queue that no other connection can have as long as this one lasts. Raises Refused."""
        with self._explained():
            self._channel.queue_declare(name, exclusive=True, auto_delete=False)

    def unlock_queue(self, name: str) -> None:
        """Remove it."""
        with self._explained():
            self._channel.queue_delete(name)

    def declare_exchange(self, name: str, kind: str) -> None:
        """Make an exchange unless it exists."""
        with self._explained():
            self._channel.exchange_declare(name, kind, durable=True, auto_delete=False)

    def bind(self, queue: str, exchange: str, key: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Bind a queue to an exchange."""
        with self._explained():
            self._channel.queue_bind(queue, exchange, key, arguments=arguments)

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        """Bind an exchange to another one."""
        with self._explained():
            self._channel.exchange_bind(destination, source, key)

    def get(self, name: str, count: int) -> list[Got]:
        """Take up to `count` messages that are ready."""
        found: list[Got] = []
        with self._explained():
            with self._corked.held_back():
                for _ in range(count):
                    self._channel.send_method(spec.Basic.Get, "Bsb", (0, name, False))
            for _ in range(count):
                answer = self._answer([spec.Basic.GetOk, spec.Basic.GetEmpty])
                if len(answer) > 1:
                    found.append(Got(answer[0], answer[1], answer[-1]))
        return found

    def ack(self, tags: Iterable[tuple[int, bool]]) -> None:
        """Remove messages: by their tags, each with whether all before it are meant as well."""
        with self._explained(), self._corked.held_back():
            for tag, is_multiple in tags:
                self._channel.basic_ack(tag, multiple=is_multiple)

    def give_back(self, tags: Iterable[int]) -> None:
        """Put some of what is held back to its place; the server takes it for redelivered."""
        with self._explained(), self._corked.held_back():
            for tag in tags:
                self._channel.basic_reject(tag, requeue=True)

    def give_back_all(self) -> None:
        """Put everything that is held back to its place; the server takes it for redelivered."""
        with self._explained():
            self._channel.send_method(spec.Basic.Nack, "Lbb", (0, True, True))
        self.sync()

    def publish(self, posts: Sequence[Post]) -> tuple[list[int], list[Wire]]:
        """Publish, and wait for the server's word on each. Returns the numbers of those refused, and the unroutable."""
        if not self._published:
            self._begin_confirms()
        self._open, self._nacked, self._returned = {}, [], []
        with self._explained():
            with self._corked.held_back():
                for number, post in enumerate(posts):
                    self._published += 1
                    self._open[self._published] = number
                    self._channel.send_method(
                        spec.Basic.Publish, "Bssbb", (0, post.exchange, post.key, True, False), post.wire
                    )
            self._wait_for_confirms()
        self.used_at = time.monotonic()
        return self._nacked, self._returned

    def close(self) -> None:
        """End it, in good order if the server answers at once."""
        if self.is_open:
            with suppress(*CLIENT_ERRORS):
                self._corked.settle(1.0)
                self._connection.close()
        self.shut()

    def shut(self) -> None:
        """End it, without a word: the server gives back all that it held."""
        with suppress(*CLIENT_ERRORS):
            self._corked.settle(0.0)  # TLS would wait for an answer to its good-bye
        with suppress(*CLIENT_ERRORS):
            self._corked.close()
        with suppress(*CLIENT_ERRORS):
            self._connection.collect()

    def _declare(self, name: str, arguments: dict[str, Any], *, passive: bool) -> None:
        flags = (passive, True, False, False, False)
        self._channel.send_method(spec.Queue.Declare, "BsbbbbbF", (0, name, *flags, arguments))

    def _answer(self, methods: list[Any]) -> tuple[Any, ...]:
        answer: tuple[Any, ...] = self._channel.wait(methods, returns_tuple=True)
        self.used_at = time.monotonic()
        return answer

    def _begin_confirms(self) -> None:
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        with self._explained():
            self._channel.confirm_select()

    def _wait_for_confirms(self) -> None:
        deadline = time.monotonic() + self._timeout
        while self._open:
            self._connection.drain_events(timeout=max(0.001, deadline - time.monotonic()))

    def _confirm(self, tag: int, *, is_multiple: bool) -> list[int]:
        tags = [each for each in self._open if each <= tag] if is_multiple else [tag]
        return [self._open.pop(each) for each in tags if each in self._open]

    def _on_ack(self, tag: int, is_multiple: bool) -> None:
        self._confirm(tag, is_multiple=is_multiple)

    def _on_nack(self, tag: int, is_multiple: bool) -> None:
        self._nacked += self._confirm(tag, is_multiple=is_multiple)

    def _on_return(self, _error: Exception, _exchange: str, _key: str, wire: Wire) -> None:
        self._returned.append(wire)

    def _on_blocked(self, _reason: str) -> None:
        self._blocked = True

    def _on_unblocked(self) -> None:
        self._blocked = False

    @contextmanager
    def _explained(self, *, is_new: bool = False) -> Iterator[None]:
        try:
            yield
        except CLIENT_ERRORS as exc:
            self.shut()
            if self._blocked and isinstance(exc, TimeoutError):
                raise Blocked(
                    "it blocks those who publish, since memory or disk run low there: look for alarms by "
                    "rabbitmq-diagnostics alarms, let workers drain the queues, or raise its limits"
                ) from exc
            raise link_error(exc, is_new=is_new) from exc

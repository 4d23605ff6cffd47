"""Calling the scripts: on the right server, again where that is safe, with errors that say what happened."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from redis import exceptions
from redis.exceptions import AskError, MovedError, NoScriptError, RedisError, ResponseError

from alligator_core.errors import BackendError

from .failures import explained, is_lost, is_passing
from .link import Link, ask, packed, read, send
from .pool import Pool
from .settings import Settings
from .topology import Cluster, topology_of

T = TypeVar("T")
Action: TypeAlias = Callable[[Link, Pool, bool], T]
"""What to do with a connection; the last argument says whether each command needs ASKING before it."""

_ASKING: Final = packed("ASKING")
_REDIRECTIONS: Final = 8


class Client:
    """The servers behind one DSN."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topology = topology_of(settings)

    def call(self, name: str, key: bytes, *args: Any, repeat: bool = False) -> Any:
        """Call a script on a queue's key and return its reply.

        `repeat` says that calling it twice does no harm, so that a lost answer needs not be an error.
        Raises BackendError or BackendUnavailable.
        """
        return self.ask(key, lambda pool: pool.pack(name, self.keys(key), args), repeat=repeat)

    def keys(self, *keys: bytes) -> tuple[bytes, ...]:
        """Return the keys to declare in a call.

        In a cluster there is one more, which never exists: while a slot is being moved key by key, the servers refuse
        every command that names several keys of it some of which are missing. So no script ever sees half a queue.
        """
        return (*keys, keys[0] + b"~") if self.topology.splits else keys

    def push_one(self, key: bytes, id: bytes, body: bytes) -> int:
        """Call the script that pushes one ordinary message: the hot path of most producers, so without detours."""
        if self.topology.splits:
            return int(self.call("push_one", key, id, body, repeat=True))
        tail = b"$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, len(id), id, len(body), body)
        sent = False
        try:
            pool = self.topology.pool_for(key)
            connection = pool.take()
            sent = True
            try:
                connection.send_packed_command((pool.push_one_head + tail,), False)
                reply: int = connection.read_response()
            except BaseException as exc:
                put_away(connection, pool, exc)
                raise
            pool.give(connection)
        except (RedisError, OSError) as exc:
            recovery = Recovery(self, repeat=True)
            recovery.after(exc, sent=sent)
            return int(self.ask(key, lambda pool: pool.push_one_head + tail, repeat=True, recovery=recovery))
        return reply

    def ask(self, key: bytes, pack: Callable[[Pool], bytes], *, repeat: bool, recovery: Recovery | None = None) -> Any:
        """Send what `pack` returns to the server that keeps a key, and return the reply."""

        def action(connection: Link, pool: Pool, asking: bool) -> Any:
            if asking:
                ask(connection, _ASKING)
            return ask(connection, pack(pool))

        return self.use(key, action, repeat=repeat, recovery=recovery)

    def stream(self, key: bytes, name: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Call a script many times without waiting for each reply; return the replies, errors among them.

        What was sent when the connection broke is sent again: only for calls that do no harm when repeated.
        """

        def action(connection: Link, pool: Pool, asking: bool) -> list[Any]:
            keys, prelude = self.keys(key), _ASKING if asking else b""
            for args in calls:
                send(connection, prelude + pool.pack(name, keys, args))
            replies = [read(connection) for _ in range(len(calls) * (1 + asking))][asking :: 1 + asking]
            for reply in replies:
                if isinstance(reply, NoScriptError | AskError) or (isinstance(reply, Exception) and is_passing(reply)):
                    raise reply
            return replies

        return self.use(key, action, repeat=True)

    def use(self, key: bytes, action: Action[T], *, repeat: bool, recovery: Recovery | None = None) -> T:
        """Do something with a connection to the server that keeps a key; `recovery` is that of a try before."""
        pool: Pool | None = None
        while True:
            sent = False
            try:
                pool = pool or self.topology.pool_for(key)
                connection = pool.take()
                sent = True
                try:
                    result = action(connection, pool, recovery is not None and recovery.asking)
                except BaseException as exc:
                    put_away(connection, pool, exc)
                    raise
                pool.give(connection)
            except (RedisError, OSError) as exc:
                recovery = recovery or Recovery(self, repeat=repeat)
                pool = recovery.after(exc, sent=sent)
            else:
                return result

    def explain(self, exc: BaseException, *, maybe_applied: bool) -> BackendError:
        """Return the error that an app gets to see."""
        return explained(exc, self.settings.shown, maybe_applied=maybe_applied)

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        self.topology.close()


class Recovery:
    """What one operation went through, and whether there is any use in trying it again."""

    def __init__(self, client: Client, *, repeat: bool) -> None:
        self.asking = False
        self._client = client
        self._repeat = repeat
        self._started = time.monotonic()
        self._redirections = 0
        self._pauses = 0
        self._maybe_applied = False

    def after(self, exc: Exception, *, sent: bool) -> Pool | None:
        """Get ready to try again after an error; return where, if it says so. Raises what the app gets to see."""
        self.asking = False
        if isinstance(exc, AskError) and not self._client.topology.splits:
            # One server that speaks of others: to look for them is what a cluster's DSN is for.
            raise self._client.explain(exc, maybe_applied=False) from exc
        if isinstance(exc, NoScriptError | AskError) and self._redirections < _REDIRECTIONS:
            self._redirections += 1
            return self._redirected(exc)
        if is_passing(exc):
            patience = self._client.settings.timeout
        elif is_lost(exc):
            self._maybe_applied = self._maybe_applied or sent
            patience = min(self._client.topology.patience, self._client.settings.timeout)
            if sent and (not self._repeat or isinstance(exc, exceptions.TimeoutError)):
                # It must not be done twice, or all of the time was spent on waiting for the answer.
                patience = 0.0
        else:
            raise self._client.explain(exc, maybe_applied=False) from exc
        if time.monotonic() - self._started > patience or not patience:
            raise self._client.explain(exc, maybe_applied=self._maybe_applied) from exc
        self._pause(is_lost(exc) and sent)
        return None

    def _redirected(self, exc: Exception) -> Pool | None:
        topology = self._client.topology
        if isinstance(exc, MovedError):
            topology.look_again(exc)
        elif isinstance(exc, AskError) and isinstance(topology, Cluster):
            self.asking = True
            return topology.pool_at((exc.host, int(exc.port)))
        return None

    def _pause(self, at_once: bool) -> None:
        # The first time at once, if only the connection was old.
        if self._pauses or not at_once:
            time.sleep(min(0.5, 0.02 * 2**self._pauses) * random.uniform(0.5, 1.0))  # noqa: S311
        self._pauses += 1
        try:
            self._client.topology.look_again()
        except (RedisError, OSError):
            return


def put_away(connection: Link, pool: Pool, exc: BaseException) -> None:
    """Give back a connection after an error, or close it if it may be of no more use."""
    if not isinstance(exc, ResponseError) or is_passing(exc):
        pool.drop(connection)
        return
    if isinstance(exc, NoScriptError):
        try:
            pool.load(connection)
        except (RedisError, OSError):
            pool.drop(connection)
            return
    pool.give(connection)

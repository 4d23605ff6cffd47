"""The calls to SQS: clients that all threads share, and what is tried again."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final
from weakref import WeakSet

from botocore import exceptions as boto  # type: ignore[import-untyped]

from alligator_core.errors import BackendError

from .clock import Clock
from .failures import explained, passes
from .settings import Settings

ATTEMPTS: Final = 4
PAUSE: Final = 0.1
"""Seconds before the second attempt; twice as long before each further one."""
CONNECTIONS: Final = 100

Answer = dict[str, Any]


class Service:
    """SQS as one DSN reaches it. Threads share it; a forked child makes its own clients."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self._clients: dict[bool, Any] = {}
        """One for polls, which wait for longer than all else."""
        self._pool: ThreadPoolExecutor | None = None
        self._making = threading.Lock()
        self._on_fork: list[Callable[[], None]] = []
        _services.add(self)

    def call(self, action: str, queue: str, *, repeat: bool = True, **arguments: Any) -> Answer:
        """Make a call, again if SQS is busy or can't be reached, and return the answer.

        With `repeat` also if the answer was lost. Raises BackendError.
        """
        for attempt in range(ATTEMPTS):
            try:
                client = self._client(is_poll=bool(arguments.get("WaitTimeSeconds")))
                answer: Answer = getattr(client, action)(**arguments)
            except (boto.BotoCoreError, boto.ClientError, boto.HTTPClientError) as exc:
                if attempt + 1 < ATTEMPTS and passes(exc, repeat=repeat):
                    time.sleep(random.uniform(0.5, 1.0) * PAUSE * 2**attempt)  # noqa: S311
                    continue
                raise explained(exc, action, queue, self.settings.shown) from exc
            self.clock.note(answer)
            return answer
        raise AssertionError("the last attempt returns or raises")

    def start(self, call: Any, *arguments: Any) -> Future[Any]:
        """Let one of the threads make a call."""
        with self._making:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.settings.threads, thread_name_prefix="alligator-sqs")
            return self._pool.submit(call, *arguments)

    def close(self) -> None:
        """Let go of connections and threads."""
        with self._making:
            pool, self._pool = self._pool, None
            clients, self._clients = self._clients, {}
        if pool is not None:
            pool.shutdown(wait=False)
        for client in clients.values():
            client.close()

    def on_fork(self, call: Callable[[], None]) -> None:
        """Have something done in each forked child."""
        self._on_fork.append(call)

    def forget(self) -> None:
        """Let go of the parent's, in a forked child, without touching them."""
        self._making = threading.Lock()
        self._clients, self._pool = {}, None
        for call in self._on_fork:
            call()

    def _client(self, *, is_poll: bool) -> Any:
        """Return a boto3 client; made when it is first asked for, which takes a quarter of a second."""
        client = self._clients.get(is_poll)
        if client is None:
            with self._making:
                client = self._clients.get(is_poll)
                if client is None:
                    client = self._clients[is_poll] = self._new_client(is_poll=is_poll)
        return client

    def _new_client(self, *, is_poll: bool) -> Any:
        from botocore.config import Config  # type: ignore[import-untyped]

        settings = self.settings
        config = Config(
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.timeout + (settings.wait if is_poll else 0),
            max_pool_connections=CONNECTIONS,
            # What may be repeated is known here, not there.
            retries={"total_max_attempts": 1},
            # SQS checks it all itself.
            parameter_validation=False,
            tcp_keepalive=True,
        )
        try:
            session = _session(settings.profile)
            return session.client("sqs", settings.region, endpoint_url=settings.endpoint, config=config)
        except (boto.BotoCoreError, ValueError) as exc:
            if isinstance(exc, boto.NoRegionError):
                raise explained(exc, "get_queue_url", "", settings.shown) from exc
            raise BackendError(f"{settings.shown}: boto3 can't make a client: {exc}") from exc


@lru_cache
def _session(profile: str | None) -> Any:
    """Return what clients are made from: it reads some megabytes of descriptions, once."""
    import boto3  # type: ignore[import-untyped]

    return boto3.Session(profile_name=profile)


def _forget_parents_clients() -> None:
    for service in list(_services):
        service.forget()


_services: WeakSet[Service] = WeakSet()
os.register_at_fork(after_in_child=_forget_parents_clients)

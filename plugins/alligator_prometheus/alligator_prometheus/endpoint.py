"""The HTTP endpoint, in whichever process of those that share their numbers gets to serve it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from weakref import WeakMethod

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from prometheus_client.registry import Collector

log = logging.getLogger("alligator.plugins.prometheus")

LOOK: Final = 0.5
"""Seconds after which a process looks whether the one that serves is gone, or whether the port is free."""


class Endpoint:
    """Serves what a collector collects, as soon as it may and can."""

    def __init__(
        self,
        address: str,
        port: int,
        collector: Collector,
        take_lead: Callable[[], bool],
        give_up_lead: Callable[[], None],
    ) -> None:
        """Prepare it. `take_lead` says whether it is this process's turn."""
        self._address, self._port, self._collector = address, port, collector
        self._take_lead, self._give_up_lead = take_lead, give_up_lead
        self._leads = False
        self._complained = False
        self._server: WSGIServer | None = None
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        if hasattr(os, "register_at_fork"):
            forget = WeakMethod(self._forget)
            os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def start(self) -> None:
        """Serve from now on, or as soon as that is possible."""
        if not self._try():
            self._thread = threading.Thread(target=self._try_on, name="alligator-metrics", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._leads:
            self._give_up_lead()

    def _try_on(self) -> None:
        while not self._ending.wait(LOOK) and not self._try():
            pass

    def _try(self) -> bool:
        try:
            self._leads = self._leads or self._take_lead()
            if self._leads:
                self._serve()
        except OSError as exc:
            self._complain(exc)
        return self._server is not None

    def _serve(self) -> None:
        from prometheus_client import CollectorRegistry, start_http_server

        registry = CollectorRegistry()
        registry.register(self._collector)
        self._server, _ = start_http_server(self._port, self._address, registry)
        log.info("Metrics are served on http://%s:%d/metrics", self._address, self._server.server_port)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.error(
                "Metrics can't be served on %s:%d: %s. The worker goes on, and tries again every %g s; to serve "
                "elsewhere, say ALLIGATOR_PROMETHEUS=ADDRESS:PORT or Prometheus(port=…).",
                self._address, self._port, error, LOOK,
            )  # fmt: skip

    def _forget(self) -> None:
        # A process that a task forks may outlive this one, and must not hold the port then.
        if self._server is not None:
            self._server.socket.close()
            self._server = None

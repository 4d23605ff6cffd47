"""Restarting a worker when the files of its app change: for development."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

log = logging.getLogger("alligator.worker")

FOLLOWED: Final = "ALLIGATOR_RELOADER"
"""Environment variable that gives a child the file descriptor which ends when the process that watches files does."""

TICK_MS: Final = 200
"""How often the worker's end is looked for, in milliseconds; a change is seen at once."""

SETTLE_MS: Final = 100
"""Milliseconds without a further change after which the worker is restarted: an editor saves in several steps."""


def watched_paths(module: str) -> list[Path]:
    """Return the folders whose files count: the current one, and that of the app's module if it is outside."""
    here = Path.cwd()
    top = module.partition(".")[0]
    spec = find_spec(top) if top else None
    found = [here]
    if spec is not None:
        places = spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else [])
        found += [path for path in map(Path, places) if path.exists() and not path.is_relative_to(here)]
    return found


class Reloader:
    """Runs a worker as a child process, and a new one after each change of a Python file.

    The child is told to stop as by SIGTERM, so a running task ends first. A child that fails, at a syntax error say,
    is not started again before the next change.
    """

    def __init__(self, command: Sequence[str], paths: Iterable[Path]) -> None:
        self._command = list(command)
        self._paths = list(paths)
        self._child: subprocess.Popen[bytes] | None = None
        self._told_child = False
        self._stop = threading.Event()
        self._followed, self._alive = os.pipe()
        """What the child reads, and what is open as long as this process lives: it may be killed too."""

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, or until the child has nothing more to do. Returns an exit code."""
        with self._on_signals():
            changes = self._changes()
            # It watches from the first answer on, so that no change is missed that comes while the child starts.
            next(changes, None)
            if not self._stop.is_set():
                self._start()
            for changed in changes:
                if self._stop.is_set():
                    break
                if changed:
                    self._restart(changed)
                elif self._child is not None and (code := self._child.poll()) is not None:
                    if code == 0:
                        return 0
                    log.error("The worker ended with %d: waiting for a change of its files", code)
                    self._child = None
            return self._end()

    def _changes(self) -> Iterator[list[str]]:
        watchfiles = import_module("watchfiles")
        for changes in watchfiles.watch(
            *self._paths,
            watch_filter=watchfiles.PythonFilter(),
            stop_event=self._stop,
            step=SETTLE_MS,
            rust_timeout=TICK_MS,
            yield_on_timeout=True,
        ):
            yield sorted({os.path.relpath(path) for _, path in changes})

    def _start(self) -> None:
        self._told_child = False
        environ = {**os.environ, FOLLOWED: str(self._followed)}
        self._child = subprocess.Popen(self._command, env=environ, pass_fds=[self._followed])  # noqa: S603  (what started this process)

    def _restart(self, changed: Sequence[str]) -> None:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        log.info("Restarting the worker: changed %s%s", ", ".join(changed[:3]), more)
        self._end()
        if not self._stop.is_set():
            self._start()

    def _end(self) -> int:
        if self._child is None:
            return 0
        self._tell_child()
        code = self._child.wait()
        self._child = None
        return code if code >= 0 else 128 - code

    def _tell_child(self) -> None:
        if self._child is not None and not self._told_child:
            self._told_child = True
            self._child.terminate()

    @contextmanager
    def _on_signals(self) -> Iterator[None]:
        def received(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
            again = self._stop.is_set()
            self._stop.set()
            if signum == signal.SIGINT and _is_in_foreground():
                self._told_child = True  # by the terminal, which sends Ctrl-C to both
            elif again and self._child is not None:
                self._child.terminate()
            else:
                self._tell_child()

        numbers = (signal.SIGTERM, signal.SIGINT)
        previous = {number: signal.signal(number, received) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def follow_reloader() -> None:
    """Have this process stop, as on SIGTERM, when the one that started it to watch its files is gone."""
    fd = int(os.environ.pop(FOLLOWED, -1))
    if fd < 0:
        return
    os.set_inheritable(fd, False)

    def follow() -> None:
        os.read(fd, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="alligator-reload", daemon=True).start()


def command_without(option: str) -> list[str]:
    """Return the command that started this process, without one of its options."""
    return [sys.executable, *(word for word in sys.orig_argv[1:] if word != option)]


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False

"""A call in a forked child of the test's own process."""

from __future__ import annotations

import os
import select
import signal
import warnings
from collections.abc import Callable

from .harness import PATIENCE


def in_forked_child(call: Callable[[], object]) -> str:
    """Run a call in a forked child; return the text of its result, or its exception's repr, or "it hung"."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Later Pythons warn when threads are about. The child calls only what is under test, and ends.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _answer(call, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        hung = not select.select([stream], [], [], PATIENCE)[0]
        if hung:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "it hung" if hung else stream.read().decode()


def _answer(call: Callable[[], object], writer: int) -> None:
    try:
        said = str(call())
    except BaseException as exc:  # noqa: BLE001  (a child that outlived this would run the rest of the tests)
        said = repr(exc)
    os.write(writer, said.encode()[:4096])
    os._exit(0)

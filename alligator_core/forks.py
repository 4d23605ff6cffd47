"""Forks of this process: one that a task made, and that comes back to the worker's code, is no second worker."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

log = logging.getLogger("alligator.worker")

count = 0
"""How many forks lie between this process and the first one that had this module."""


def leave(error: BaseException | None) -> NoReturn:
    """End this process as one ends that a function has forked: with what is written, and the code of a SystemExit."""
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        log.error("A process that a task had forked failed", exc_info=error)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _counted() -> None:
    global count
    count += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_counted)

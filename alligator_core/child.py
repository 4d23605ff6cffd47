"""The entry of a supervised worker process: `python -m alligator_core.child BOARD ORDERS`, two file descriptors.

What the process is to do comes through the pipe of orders, for what stands in a command line is shown by `ps`, and a
DSN may hold a password.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from . import child_link
from .board import Board


def main() -> None:
    """Become the worker that the first line of the orders describes."""
    board_fd, orders_fd = map(int, sys.argv[1:])
    for fd in (board_fd, orders_fd):
        # What a task starts has no business with them.
        os.set_inheritable(fd, False)
    orders = os.fdopen(orders_fd, "rb", buffering=0)
    first = orders.readline()
    if not first.endswith(b"\n"):
        return  # (the supervisor died before it could say what to do)
    child_link.current = child_link.Link(Board(board_fd), orders)
    child_link.current.listen()
    _run(json.loads(first))


def description(arguments: list[str]) -> bytes:
    """Return the line that makes a process run `alligator` with these arguments, and find the same modules."""
    return json.dumps({"arguments": arguments, "path": sys.path}).encode() + b"\n"


def _run(work: dict[str, Any]) -> None:
    sys.path[:] = work["path"]
    from .cli import main as alligator  # (not before it is known where modules are found)

    alligator(work["arguments"], prog_name="alligator")


if __name__ == "__main__":
    main()

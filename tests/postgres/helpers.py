"""What the tests of the PostgreSQL backend are made of."""

from __future__ import annotations

from uuid import uuid4

from alligator_core.backend import Backend, Message
from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager


def open_backend(dsn: str) -> Backend:
    """Build a backend by the way that a Gator takes."""
    return PluginManager().make_backend(Dsn.parse(dsn))


def new_queue() -> str:
    """Return the name of a queue that nobody uses."""
    return f"test-{uuid4().hex[:12]}"


def messages(*ids: str) -> list[Message]:
    """Return messages."""
    return [Message(id, f"the body of {id}".encode()) for id in ids]

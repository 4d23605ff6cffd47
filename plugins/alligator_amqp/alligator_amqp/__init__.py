"""RabbitMQ as a backend of Alligator. The package's README has the DSN, the options and the guarantees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alligator_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from alligator_core.backend import Backend
    from alligator_core.dsn import Dsn

alligator_spec_version = 1


@hookimpl
def make_backend(dsn: Dsn) -> Backend:
    """Build the backend of an `amqp://` or `amqps://` DSN. Connects with the first operation."""
    # Imported late: whoever only lists the plugins doesn't pay for it.
    from .backend import AmqpBackend

    return AmqpBackend(dsn)

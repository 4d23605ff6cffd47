"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alligator_amqp.backend import AmqpBackend
from alligator_amqp.delays import Delays
from alligator_amqp.names import Names
from alligator_amqp.pool import Pool
from alligator_amqp.settings import Settings

from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager


@contextmanager
def opened(dsn: str) -> Iterator[AmqpBackend]:
    """Build a backend by the way that a Gator takes, and close it."""
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    assert isinstance(backend, AmqpBackend)
    yield backend
    backend.close()


def make_delays(dsn: str) -> None:
    """Make the queues for delays of up to 15 seconds."""
    settings = Settings.read(Dsn.parse(dsn))
    pool, place = Pool(settings), Names(settings).of("delays")
    link = pool.connect()
    link.declare([place])
    Delays(settings.prefix).prepare(link, place, 15.875)
    link.close()

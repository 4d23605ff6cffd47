"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alligator_sqs.backend import SqsBackend

from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager
from tests.messages import ids_of as ids_of
from tests.messages import messages as messages
from tests.messages import new_queue as new_queue
from tests.messages import numbered as numbered
from tests.messages import take_all as take_all
from tests.sqs.servers import REGION


@contextmanager
def opened(dsn: str) -> Iterator[SqsBackend]:
    """Build a backend by the way that a Gator takes, and close it."""
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    assert isinstance(backend, SqsBackend)
    yield backend
    backend.close()


def dsn_of(endpoint: str, *options: str) -> str:
    """Return a DSN that creates nothing by itself."""
    return f"sqs://{REGION}/?{'&'.join((f'endpoint={endpoint}', 'wait=1', 'timeout=20', *options))}"

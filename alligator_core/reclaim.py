"""Reclaiming what dead processes of this host held, instead of waiting until their leases have run out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from . import holder
from .backend import TAKE_OVER, Backend, Consumer, Release, Settlement

log = logging.getLogger("alligator.worker")


def reclaim_dead(
    consumer: Consumer,
    backend: Backend,
    queues: Sequence[str],
    settle: Callable[[list[Settlement]], object] | None = None,
    among: Collection[str] | None = None,
) -> int:
    """Give back what dead processes of this host held of some queues, and return how much that was.

    Nobody knows any more what of it ran, so all of it counts as what a worker died under. Called when a worker or a
    supervisor starts; does nothing on backends that can't tell. Raises BackendError.

    What was taken over is told to `settle`, the consumer's own by default. A consumer that goes on if that fails needs
    one that doesn't: what it holds then is no dead process's any more, and a second call doesn't find it. `among`
    limits it to some holders.
    """
    if TAKE_OVER not in backend.features:
        return 0
    count = 0
    for name in backend.holders(queues) if among is None else among:
        if holder.is_dead(name):
            left = consumer.take_over(name)
            (settle or consumer.settle)([Release(delivery, died=True) for delivery in left])
            count += len(left)
    if count:
        log.warning("Gave back %d tasks of processes that had died", count)
    return count

"""Settling: what became of deliveries, told to the server in as few round trips as it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from alligator_core.backend import Ack, Bury, Delivery, Release, Settlement
from alligator_core.errors import BackendError

from .envelope import Envelope
from .failures import LinkError
from .hold import Held, Hold
from .pool import Pool
from .posting import Parcel, Posting

if TYPE_CHECKING:
    from .consumer import AmqpConsumer


class Settling:
    """Carries out settlements: what has to be sent anew is sent first, and then removed: twice rather than lost."""

    def __init__(self, pool: Pool, posting: Posting) -> None:
        self._pool = pool
        self._posting = posting

    def settle(self, settlements: Sequence[Settlement], consumer: AmqpConsumer) -> list[Delivery]:
        """Carry them out, and return the stale ones. Raises BackendError."""
        if not consumer.is_sure():
            self._ask(consumer)
        chosen, stale = _chosen(settlements, consumer)
        done = [each.delivery for each in chosen if isinstance(each, Ack)]
        moved: list[Settlement] = [each for each in chosen if not isinstance(each, Ack)]
        gone = self._ack(done, consumer)
        if moved:
            # The fence: who has lost them by now must not send anything.
            if not done:
                self._ask(consumer)
            moved, late = _chosen(moved, consumer)
            gone += late
            refused = self._send([self._parcel(each) for each in moved])
            gone += self._ack([each.delivery for each in moved if each.delivery.id not in refused], consumer)
            self._complain_about(refused)
        return _in_order(settlements, stale + gone) if stale or gone else []

    def give_back(self, held: Held) -> None:
        """Give back all that is held, each in front of the fresh ones. Raises BackendError."""
        deliveries = list(held.deliveries.values())
        refused = self._send([self._parcel(Release(delivery)) for delivery in deliveries])
        taken = {tag for tag, delivery in held.deliveries.items() if delivery.id not in refused}
        try:
            held.link.ack(list(held.acks(taken)))
            held.link.sync()
        except LinkError as exc:
            raise self._pool.explain(exc, maybe_applied=True) from exc
        for tag in taken:
            del held.deliveries[tag]
        self._complain_about(refused)

    def _ask(self, consumer: AmqpConsumer) -> None:
        """Find out whether the connection stands: if not, all that it held is lost, and that is no error."""
        try:
            with consumer.holding() as held:
                if held is not None:
                    held.link.sync()
        except LinkError:
            return

    def _ack(self, deliveries: Sequence[Delivery], consumer: AmqpConsumer) -> list[Delivery]:
        """Remove deliveries; return those that were lost meanwhile."""
        if not deliveries:
            return []
        try:
            with consumer.holding() as held:
                mine = [each for each in deliveries if held is not None and held.has(each)]
                if held is None or not mine:
                    return list(deliveries)
                tags = {each.token.tag for each in mine if isinstance(each.token, Hold)}
                held.link.ack(list(held.acks(tags)))
                held.link.sync()
                for tag in tags:
                    del held.deliveries[tag]
        except LinkError as exc:
            raise self._pool.explain(exc, maybe_applied=True) from exc
        return [each for each in deliveries if each not in mine] if len(mine) < len(deliveries) else []

    def _send(self, parcels: Sequence[Parcel]) -> Mapping[str, str]:
        """Publish, and return what the server refused, by its id."""
        return self._pool.call(lambda link: self._posting.send(link, parcels)) if parcels else {}

    def _complain_about(self, refused: Mapping[str, str]) -> None:
        # After the others were removed: otherwise each repetition would send those once more.
        if refused:
            some = ", ".join(f"{id}: {why}" for id, why in list(refused.items())[:3])
            raise BackendError(
                f"{self._pool.settings.shown} took {len(refused)} messages not back ({some}). They are still held; "
                "make room in the queue or change the policy that limits it, or start the node again."
            )

    def _parcel(self, settlement: Settlement) -> Parcel:
        delivery = settlement.delivery
        envelope = Envelope(delivery.id, delivery.body, delivery.priority, delivery.deliveries - 1)
        if isinstance(settlement, Bury):
            body = delivery.body if settlement.body is None else settlement.body
            return self._posting.buried(delivery.queue, envelope._replace(body=body), settlement.reason)
        if isinstance(settlement, Release):
            return self._posting.parcel(delivery.queue, envelope, settlement.delay, is_returned=True)
        assert not isinstance(settlement, Ack)
        message = settlement.message
        again = Envelope(message.id, message.body, message.priority)
        return self._posting.parcel(delivery.queue, again, message.delay)


def _chosen(settlements: Sequence[Settlement], consumer: AmqpConsumer) -> tuple[list[Settlement], list[Delivery]]:
    """Return what is held and settled for the first time, and the deliveries of the others."""
    with consumer.holding() as held:
        seen: set[int] = set()
        chosen: list[Settlement] = []
        stale: list[Delivery] = []
        for each in settlements:
            hold = each.delivery.token
            if held is None or not held.has(each.delivery) or not isinstance(hold, Hold) or hold.tag in seen:
                stale.append(each.delivery)
            else:
                seen.add(hold.tag)
                chosen.append(each)
    return chosen, stale


def _in_order(settlements: Sequence[Settlement], stale: list[Delivery]) -> list[Delivery]:
    """Return the stale deliveries in the order in which they were given; the later of two that are the same."""
    left = [*stale]
    found: list[Delivery] = []
    for each in reversed(settlements):
        if each.delivery in left:
            left.remove(each.delivery)
            found.append(each.delivery)
    return found[::-1]

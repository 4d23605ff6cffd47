"""Posting: messages to queues, at once or later, each confirmed by the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .delays import HEADER, Delays
from .envelope import Envelope, epitaph, opened, sealed
from .failures import NOT_FOUND, Refused
from .link import Link, Post
from .names import Names, Place

NO_ROOM: Final = "the queue is full by a policy of the server, or a node that keeps it is down"


class Parcel(NamedTuple):
    """A message on its way to a queue of RabbitMQ."""

    place: Place
    post: Post
    id: str
    delay: float = 0.0


class Posting:
    """What is published by one backend, and to where."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._delays = Delays(names.prefix)

    def parcel(self, queue: str, envelope: Envelope, delay: float = 0.0, *, is_returned: bool = False) -> Parcel:
        """Return what is to be sent for a message. Raises ValueError for an id that can't be sent."""
        place = self.names.of(queue)
        if delay > 0:
            # Its place is behind those that wait when it is due.
            step = self.names.step(envelope.priority, envelope.deaths)
            exchange, key = self._delays.entrance(delay)
            later = envelope._replace(headers={HEADER: place.name})
            return Parcel(place, Post(key, sealed(later, step), exchange), envelope.id, delay)
        step = self.names.step(envelope.priority, envelope.deaths, is_returned=is_returned)
        return Parcel(place, Post(place.name, sealed(envelope, step)), envelope.id)

    def buried(self, queue: str, envelope: Envelope, reason: str) -> Parcel:
        """Return what is to be sent for a dead letter."""
        letter = envelope._replace(headers=epitaph(reason, envelope.deaths), deaths=0)
        place = self.names.dead(queue)
        return Parcel(place, Post(place.name, sealed(letter, 0)), envelope.id)

    def receive(self, link: Link, queues: Sequence[str]) -> None:
        """Make queues, and have delayed messages find them. Raises LinkError."""
        places = [self.names.of(queue) for queue in queues]
        link.declare(places)
        for place in places:
            self._delays.lead_to(link, place)

    def send(self, link: Link, parcels: Sequence[Parcel]) -> Mapping[str, str]:
        """Publish; return the reason of each that the server refused, by its id. Raises LinkError."""
        try:
            self._prepare(link, parcels)
            refused, returned = link.publish([parcel.post for parcel in parcels])
            problems = {parcels[number].id: NO_ROOM for number in refused}
            if returned:
                problems |= self._send_again(link, parcels, {opened(wire, "").id for wire in returned})
        except Refused as exc:
            if exc.code == NOT_FOUND:
                self._delays.forget()
            raise
        return problems

    def _send_again(self, link: Link, parcels: Sequence[Parcel], lost: set[str]) -> Mapping[str, str]:
        """Send what found no queue, once: somebody has removed one that was there before."""
        link.known.clear()
        self._delays.forget()
        again = [parcel for parcel in parcels if parcel.id in lost]
        self._prepare(link, again)
        refused, returned = link.publish([parcel.post for parcel in again])
        problems = {again[number].id: NO_ROOM for number in refused}
        return problems | {opened(wire, "").id: "its queue is removed time and again" for wire in returned}

    def _prepare(self, link: Link, parcels: Sequence[Parcel]) -> None:
        missing = {each.place.name: each.place for each in parcels if each.place.name not in link.known}
        if missing:
            link.declare(list(missing.values()))
            # Who removed a queue removed what leads delayed messages to it.
            self._delays.forget_places(missing)
        for parcel in parcels:
            if parcel.delay:
                self._delays.prepare(link, parcel.place, parcel.delay)

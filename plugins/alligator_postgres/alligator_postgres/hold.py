"""What a consumer holds, as far as it knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from alligator_core.backend import Delivery, Settlement

from .link import Row


class Hold:
    """The deliveries that one consumer may settle, each under a token that no other delivery ever has."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Delivery] = {}
        self._lost: list[Delivery] = []
        self._tokens = count(1)

    @property
    def deliveries(self) -> list[Delivery]:
        """All that is held."""
        return list(self._held.values())

    def add(self, rows: Iterable[Row], *, is_lost: bool = False) -> list[Delivery]:
        """Note what was reserved; `is_lost` if somebody has taken it back already."""
        made = [Delivery._make((*row, next(self._tokens))) for row in rows]
        if is_lost:
            self._lost += made
        else:
            self._held.update(((each.queue, each.id), each) for each in made)
        return made

    def settled(self, settlements: Iterable[Settlement]) -> None:
        """Forget what was settled."""
        for each in settlements:
            self._held.pop((each.delivery.queue, each.delivery.id), None)

    def current(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        """Return those settlements that are of what is held, the first of each delivery."""
        chosen: dict[object, Settlement] = {}
        for each in settlements:
            delivery = each.delivery
            held = self._held.get((delivery.queue, delivery.id))
            if held is not None and held.token == delivery.token:
                chosen.setdefault(delivery.token, each)
        return list(chosen.values())

    def keep(self, names: Iterable[Row]) -> None:
        """Count as lost what isn't among these queues and ids."""
        kept = {(name[0], name[1]) for name in names}
        self._lost += [delivery for name, delivery in self._held.items() if name not in kept]
        self._held = {name: delivery for name, delivery in self._held.items() if name in kept}

    def lose(self, deliveries: Sequence[Delivery]) -> None:
        """Count deliveries as lost."""
        for each in deliveries:
            if self._held.pop((each.queue, each.id), None) is not None:
                self._lost.append(each)

    def take_lost(self) -> list[Delivery]:
        """Return what was lost, each once."""
        lost, self._lost = self._lost, []
        return lost

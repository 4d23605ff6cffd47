"""The model of one queue: what the queue of a backend must behave like."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..backend import Delivery, Message, QueueSize, State


@dataclass(frozen=True, slots=True)
class Known:
    """What the model knows of a message. `place` is its place in the line."""

    body: bytes
    priority: int
    place: int
    state: State = "ready"
    deliveries: int = 1


class Line:
    """The model of one queue: what waits or is reserved by id, what is held, and the dead letters by id."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.messages: dict[str, Known] = {}
        self.held: dict[str, Delivery] = {}
        self.early: set[str] = set()
        """What is held and was got before it was due: where that is put back to, no rule says."""
        self.stops: set[str] = set()
        """What is to be stopped, and nobody has heard of yet."""
        self.dead: dict[str, Known] = {}
        self.places = 0

    def add(self, message: Message) -> None:
        """Put a message at the end of the line."""
        state: State = "delayed" if message.delay else "ready"
        self.places += 1
        self.messages[message.id] = Known(message.body, message.priority, self.places, state)

    def mark(self, id: str, state: State) -> None:
        """Change the state of a message."""
        self.messages[id] = replace(self.messages[id], state=state)

    def having(self, *states: State) -> list[str]:
        """Return the ids of the messages in some states."""
        return [id for id, known in self.messages.items() if known.state in states]

    def ready(self) -> list[str]:
        """Return the ids of what is ready, in the order in which it must be reserved."""
        return sorted(self.having("ready"), key=self.order_of)

    def end(self, id: str) -> Known:
        """Take a message off, with all that is to do with it; return what was known of it."""
        self.stops.discard(id)
        return self.messages.pop(id)

    def order_of(self, id: str) -> tuple[int, bool, int]:
        """Return what messages are reserved by, the smallest first."""
        known = self.messages[id]
        return -known.priority, known.deliveries == 1, known.place

    def size(self) -> QueueSize:
        """Count the messages by state."""
        ready, delayed, reserved = (len(self.having(state)) for state in ("ready", "delayed", "reserved"))
        return QueueSize(ready, delayed, reserved, len(self.dead))

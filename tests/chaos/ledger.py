"""What a simulation knows about each message: an independent account of who may have what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from alligator_core.backend import Delivery, Message


class Violation(AssertionError):
    """The store did what it must not."""


@dataclass(slots=True, eq=False)
class Holder:
    """A consumer, as others know it: by when its lease runs out."""

    pid: int
    lease: float
    expires: float = 0.0


@dataclass(slots=True)
class Account:
    """One message: where it is, how many died under it, and whether its holder's lease had run out at some time."""

    number: int
    state: Literal["waiting", "held", "gone"] = "waiting"
    ready_at: float = 0.0
    deaths: int = 0
    holder: Holder | None = None
    token: object = None
    is_doubtful: bool = False

    def is_held_by(self, holder: Holder) -> bool:
        """Say whether a holder has it, beyond doubt."""
        return self.state == "held" and self.holder is holder and not self.is_doubtful


@dataclass(slots=True)
class Ledger:
    """All messages by their ids. A message pushed anew after its end is a new one, with a number of its own."""

    accounts: dict[str, Account] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    """The dead letters: an id may be among them and wait again at the same time."""
    ever_dead: set[int] = field(default_factory=set)
    numbers: int = 0

    def push(self, message: Message, now: float) -> int | None:
        """Note a push; return the number of the message, None where it is there already."""
        account = self.accounts.get(message.id)
        if account is not None and account.state in ("waiting", "held"):
            return None
        self.numbers += 1
        self.accounts[message.id] = Account(self.numbers, ready_at=now + message.delay)
        return self.numbers

    def doubt(self, now: float) -> set[Holder]:
        """Whoever's lease has run out by now may have been declared dead. Returns those of whom this is new."""
        found = set()
        for account in self.accounts.values():
            if account.holder is not None and account.holder.expires <= now and not account.is_doubtful:
                account.is_doubtful = True
                found.add(account.holder)
        return found

    def deliver(self, delivery: Delivery, holder: Holder, now: float) -> int:
        """Check that this holder may get a message, and note that it has it. Returns the message's number."""
        account = self.accounts[delivery.id]
        if account.state == "held":
            if not account.is_doubtful:
                raise Violation(f"{delivery.id} went to {holder.pid} while {account.holder} held it")
            account.deaths += 1
        elif account.state != "waiting":
            raise Violation(f"{delivery.id} was delivered, and is {account.state}")
        elif account.ready_at > now:
            raise Violation(f"{delivery.id} was delivered {account.ready_at - now:g} s early")
        if delivery.deliveries != account.deaths + 1:
            raise Violation(f"{delivery.id} has deliveries={delivery.deliveries} after {account.deaths} deaths")
        account.state, account.holder, account.is_doubtful = "held", holder, False
        account.token = delivery.token
        return account.number

    def holds(self, delivery: Delivery, holder: Holder) -> bool | None:
        """Say whether a holder has a message still by this delivery; None where that can't be known."""
        account = self.accounts[delivery.id]
        if account.state != "held" or account.holder is not holder or account.token != delivery.token:
            return False
        return None if account.is_doubtful else True

    def end(self, id: str) -> int:
        """Note that a message is settled for good, and return its number."""
        account = self.accounts[id]
        account.state, account.holder = "gone", None
        return account.number

    def bury(self, id: str) -> None:
        """Note that a message is a dead letter."""
        self.dead[id] = self.end(id)
        self.ever_dead.add(self.dead[id])

    def requeue(self, moved: Iterable[str]) -> None:
        """Check which dead letters went back, and note that they wait."""
        movable = {id for id in self.dead if self.accounts[id].state == "gone"}
        if movable != {*moved}:
            raise Violation(f"{moved} were requeued, and {movable} are dead")
        for id in movable:
            self.accounts[id] = Account(self.dead.pop(id))

    def wait(self, id: str, ready_at: float = 0.0, *, deaths: int | None = None) -> None:
        """Note that a message waits again."""
        account = self.accounts[id]
        account.state, account.holder, account.ready_at = "waiting", None, ready_at
        account.deaths = account.deaths if deaths is None else deaths

    def size(self) -> tuple[int, int]:
        """Count the messages that aren't settled, and the dead letters."""
        return sum(account.state != "gone" for account in self.accounts.values()), len(self.dead)

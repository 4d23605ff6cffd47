"""Dead letters: a queue of their own, looked at by receiving all that is in it, and giving it back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from alligator_core.backend import DeadLetter
from alligator_core.errors import BackendError

from .batches import TEN, Batches
from .envelope import Envelope, opened
from .failures import MissingQueue, NoPlace
from .names import Lane, Names
from .posting import Posting
from .queues import Queues
from .settings import Settings

HIDDEN: Final = 60
"""Seconds for which dead letters are kept from others while they are looked at."""
BY_SQS: Final = "SQS itself put it there: it was received more often than the queue's redrive policy allows."


class Grave(NamedTuple):
    """A dead letter, and the receipt that it is held by."""

    handle: str
    letter: DeadLetter
    envelope: Envelope


class Graves:
    """The dead letters of the queues of one DSN."""

    def __init__(self, settings: Settings, queues: Queues, names: Names, batches: Batches, posting: Posting) -> None:
        self._settings = settings
        self._queues = queues
        self._names = names
        self._batches = batches
        self._posting = posting

    def count(self, queue: str) -> int:
        """Return about how many there are; 0 where there is no place for them yet."""
        try:
            lane = self._queues.dead(queue, create=False)
            found = self._queues.attributes(lane, "ApproximateNumberOfMessages")
        except MissingQueue:
            return 0
        return int(found.get("ApproximateNumberOfMessages", 0))

    def letters(self, queue: str, ids: Collection[str] | None) -> list[DeadLetter]:
        """Return those with some ids, or all, the latest first."""
        if ids is not None and not ids:
            return []
        lane, graves = self._all(queue)
        if graves:
            self._batches.hide(lane, [(each.handle, 0) for each in graves])
        return [each.letter for each in reversed(graves) if ids is None or each.letter.id in ids]

    def requeue(self, queue: str, ids: Collection[str] | None) -> list[str]:
        """Move dead letters back, the longest buried first; return the ids of those that were moved."""
        lane, chosen = self._chosen(queue, ids)
        moved: list[Grave] = []
        for target, graves in self._by_lane(queue, chosen).items():
            entries = [self._posting.put_back(target, each.envelope) for each in graves]
            fates = self._batches.send(target, entries, in_order=True)
            moved += [each for each, fate in zip(graves, fates, strict=True) if fate is None]
            if error := next((fate for fate in fates if fate is not None), None):
                self._delete(lane, moved)
                raise error if isinstance(error, BackendError) else BackendError(f"{target.name!r}: {error}")
        self._delete(lane, moved)
        return [each.letter.id for each in moved]

    def purge(self, queue: str, ids: Collection[str] | None) -> int:
        """Remove dead letters, and return how many."""
        lane, chosen = self._chosen(queue, ids)
        return self._delete(lane, chosen)

    def _chosen(self, queue: str, ids: Collection[str] | None) -> tuple[Lane, list[Grave]]:
        if ids is not None and not ids:
            return self._names.dead(queue), []
        lane, graves = self._all(queue)
        chosen = [each for each in graves if ids is None or each.letter.id in ids]
        kept = {each.handle for each in chosen}
        if others := [(each.handle, 0) for each in graves if each.handle not in kept]:
            self._batches.hide(lane, others)
        return lane, chosen

    def _all(self, queue: str) -> tuple[Lane, list[Grave]]:
        """Receive all that is there, the longest buried first."""
        try:
            lane = self._queues.dead(queue, create=False)
        except MissingQueue as exc:
            if not self._settings.create and not isinstance(exc, NoPlace):
                raise
            return self._names.dead(queue), []
        expected = int(self._queues.attributes(lane, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"])
        found: dict[str, dict[str, Any]] = {}
        wait = 0
        while True:
            more = self._receive(lane, max(1, min(self._settings.threads, (expected - len(found)) // TEN)), wait)
            before = len(found)
            found |= {each["MessageId"]: each for each in more}
            # (Nothing new may also be what was seen already: where it takes long, the first ones come again.)
            if len(found) == before and (wait or before >= expected):
                break
            if more and len(found) >= expected > 0 and len(more) % TEN:
                break
            # A request that doesn't wait asks a part of the servers only.
            wait = 0 if len(found) > before else 1
        return lane, sorted((_grave(each) for each in found.values()), key=lambda each: each.letter.buried_at)

    def _receive(self, lane: Lane, requests: int, wait: int) -> list[dict[str, Any]]:
        answers = self._batches.each(self._receive_ten, [(lane, wait)] * requests)
        found: list[dict[str, Any]] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            found += answer
        return found

    def _receive_ten(self, lane: Lane, wait: int) -> list[dict[str, Any]]:
        answer = self._queues.call(
            "receive_message",
            lane,
            MaxNumberOfMessages=TEN,
            WaitTimeSeconds=wait,
            VisibilityTimeout=HIDDEN,
            AttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def _by_lane(self, queue: str, graves: list[Grave]) -> dict[Lane, list[Grave]]:
        found: dict[Lane, list[Grave]] = {}
        for each in graves:
            found.setdefault(self._names.lane(queue, each.envelope.priority), []).append(each)
        return found

    def _delete(self, lane: Lane, graves: list[Grave]) -> int:
        if not graves:
            return 0
        fates = self._batches.delete(lane, [each.handle for each in graves])
        if error := next((fate for fate in fates if isinstance(fate, BackendError)), None):
            raise error
        return fates.count(None)


def _grave(message: dict[str, Any]) -> Grave:
    envelope = opened(message["MessageId"], message["Body"])
    sent = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
    reason = BY_SQS if envelope.reason is None else envelope.reason
    letter = DeadLetter(envelope.id, envelope.body, reason, envelope.deaths + 1, sent)
    # As it was when it was pushed.
    again = envelope._replace(deaths=0, delay=0.0, reason=None)
    return Grave(message["ReceiptHandle"], letter, again)

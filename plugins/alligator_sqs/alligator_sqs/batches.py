"""Requests by tens: cut into what SQS takes at once, several on their way, and the failures of each kind told apart."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from alligator_core.errors import BackendError, BackendUnavailable

from .failures import BUSY
from .names import Lane
from .queues import Queues
from .service import ATTEMPTS, PAUSE, Service

T = TypeVar("T")

TEN: Final = 10
"""Entries of a batch, at most, by SQS."""

Entry = dict[str, Any]


class Failure(Exception):
    """One entry of a batch was refused. `code` is SQS's."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}" if message else code)


Fate = BaseException | None
"""What became of an entry: nothing to complain about, its own Failure, or the BackendError of its whole batch."""


class Batches:
    """Sends, deletes and changes of visibility, of any number at once."""

    def __init__(self, service: Service, queues: Queues) -> None:
        self._service = service
        self._queues = queues

    def send(self, lane: Lane, entries: Sequence[Entry], *, in_order: bool) -> list[Fate]:
        """Send messages; those of FIFO queues by one batch after the other."""
        # Doubtful sends are repeated where SQS tells that they are the same.
        portions = list(_portions(entries, self._service.settings.max_message))
        return self._run("send_message_batch", lane, portions, repeat=lane.is_fifo, in_order=in_order or lane.is_fifo)

    def delete(self, lane: Lane, handles: Sequence[str]) -> list[Fate]:
        """Delete messages by their receipt handles."""
        entries = [{"ReceiptHandle": handle} for handle in handles]
        return self._run("delete_message_batch", lane, list(_tens(entries)))

    def hide(self, lane: Lane, handles: Sequence[tuple[str, int]]) -> list[Fate]:
        """Keep messages from everybody for so many seconds from now, or with 0 give them back."""
        entries = [{"ReceiptHandle": handle, "VisibilityTimeout": seconds} for handle, seconds in handles]
        return self._run("change_message_visibility_batch", lane, list(_tens(entries)))

    def each(self, call: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T | BaseException]:
        """Make several calls at once, and return what each returned or raised."""
        if len(arguments) == 1:
            return [_tried(call, *arguments[0])]
        futures: list[Future[T | BaseException]] = [self._service.start(_tried, call, *each) for each in arguments]
        return [future.result() for future in futures]

    def _run(
        self, action: str, lane: Lane, portions: list[list[Entry]], *, repeat: bool = True, in_order: bool = False
    ) -> list[Fate]:
        if in_order:
            found: list[list[Fate] | BaseException] = []
            for portion in portions:
                # What comes behind a batch that failed must not get before it.
                lost = next((each for each in found if isinstance(each, BaseException)), None)
                found.append(lost if lost is not None else _tried(self._batch, action, lane, portion, repeat))
        else:
            found = self.each(self._batch, [(action, lane, portion, repeat) for portion in portions])
        fates: list[Fate] = []
        for portion, fate in zip(portions, found, strict=True):
            if isinstance(fate, BaseException) and not isinstance(fate, BackendError):
                raise fate
            fates += [fate] * len(portion) if isinstance(fate, BaseException) else fate
        return fates

    def _batch(self, action: str, lane: Lane, entries: list[Entry], repeat: bool) -> list[Fate]:
        """Make one call; entries that failed by SQS's own fault are tried again."""
        fates: list[Fate] = [None] * len(entries)
        left = list(range(len(entries)))
        for attempt in range(ATTEMPTS):
            numbered = [{"Id": f"{number}", **entries[number]} for number in left]
            try:
                answer = self._queues.call(action, lane, repeat=repeat, Entries=numbered)
            except BackendError as exc:
                if not attempt:
                    raise
                # The others are taken.
                for number in left:
                    fates[number] = exc
                return fates
            failed = answer.get("Failed", [])
            for number in left:
                fates[number] = None
            for each in failed:
                fates[int(each["Id"])] = Failure(each.get("Code", ""), each.get("Message", ""))
            left = [int(each["Id"]) for each in failed if not each.get("SenderFault") or each.get("Code") in BUSY]
            if not left:
                break
            if attempt + 1 < ATTEMPTS:
                time.sleep(random.uniform(0.5, 1.0) * PAUSE * 2**attempt)  # noqa: S311
        for number in left:
            # (Not by its own fault: to try it later may help.)
            fates[number] = BackendUnavailable(
                f"{self._service.settings.shown}: {action} on {lane.name!r} failed: {fates[number]}"
            )
        return fates


def _tried(call: Callable[..., T], *arguments: Any) -> T | BaseException:
    try:
        return call(*arguments)
    except Exception as exc:  # noqa: BLE001  (whoever asked for it gets it)
        return exc


def _tens(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), TEN):
        yield list(entries[start : start + TEN])


def _portions(entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    """Cut into tens, and into fewer where ten are more than SQS takes in one request."""
    portion: list[Entry] = []
    size = 0
    for entry in entries:
        text = entry["MessageBody"]
        # At most four bytes a character: to count them exactly is worth it for large ones only.
        own = 4 * len(text) if len(text) < 4096 else len(text.encode())
        if portion and (len(portion) == TEN or size + own > most):
            yield portion
            portion, size = [], 0
        portion.append(entry)
        size += own
    if portion:
        yield portion

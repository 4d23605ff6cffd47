"""The queues in SQS: where each is, and whether it has to be created."""

from __future__ import annotations

import json
import logging
from threading import RLock
from typing import Any, Final

from .failures import MissingQueue, NoPlace
from .names import Lane, Names
from .service import Answer, Service

log = logging.getLogger("alligator.sqs")

KEPT_FOR: Final = 14 * 86400
"""Seconds for which a queue created here keeps its messages: as long as SQS can."""
ENOUGH: Final = 10
"""Receives before SQS moves a message to the dead letters by itself, at least; below that a warning is logged."""
SIZES: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class Queues:
    """Where the queues of one DSN are."""

    def __init__(self, service: Service, names: Names) -> None:
        self._service = service
        self._names = names
        service.on_fork(self.after_fork)
        self._urls: dict[str, str] = {}
        self._looking = RLock()
        self._dead: dict[str, tuple[Lane, str]] = {}

    def call(self, action: str, lane: Lane, *, repeat: bool = True, create: bool = True, **arguments: Any) -> Answer:
        """Make a call on a queue. Raises BackendError; MissingQueue where it doesn't exist and isn't to be created."""
        for is_last in (False, True):
            url = self.url(lane, create=create)
            try:
                return self._service.call(action, lane.name, repeat=repeat, QueueUrl=url, **arguments)
            except MissingQueue:
                # It was deleted meanwhile.
                self.forget(lane)
                if is_last or not (create and self._service.settings.create):
                    raise
        raise AssertionError("the last attempt returns or raises")

    def url(self, lane: Lane, *, create: bool = True) -> str:
        """Return where a queue is. Raises MissingQueue if it doesn't exist and isn't to be created."""
        url = self._urls.get(lane.name)
        if url is None:
            # Once for all threads that want to know.
            with self._looking:
                url = self._urls.get(lane.name) or self._found(lane, create=create and self._service.settings.create)
                self._urls[lane.name] = url
        return url

    def dead(self, queue: str, *, create: bool = True) -> Lane:
        """Return where the dead letters of a queue go: where its redrive policy says, or to a queue of our own.

        Raises MissingQueue if there is neither, and none is to be created.
        """
        found = self._dead.get(queue)
        if found is None:
            main = self._names.lane(queue)
            attributes = self.attributes(main, "RedrivePolicy")
            found = self._policed(main, attributes) or self._own(queue, create=create)
            self._dead[queue] = found
            self._urls[found[0].name] = found[1]
        return found[0]

    def attributes(self, lane: Lane, *names: str) -> dict[str, str]:
        """Return some attributes of a queue. Raises MissingQueue: to look at one creates none."""
        answer = self.call("get_queue_attributes", lane, create=False, AttributeNames=list(names))
        found: dict[str, str] = answer.get("Attributes", {})
        return found

    def forget(self, lane: Lane) -> None:
        """Look it up anew the next time."""
        self._urls.pop(lane.name, None)
        self._dead.pop(lane.queue, None)

    def forget_all(self) -> None:
        """Look everything up anew."""
        self._urls.clear()
        self._dead.clear()

    def after_fork(self) -> None:
        """Be usable in a forked child, whatever the parent's threads were about."""
        self._looking = RLock()

    def _found(self, lane: Lane, *, create: bool) -> str:
        try:
            url: str = self._service.call("get_queue_url", lane.name, QueueName=lane.name)["QueueUrl"]
        except MissingQueue:
            if not create:
                raise
            return self._create(lane)
        return url

    def _own(self, queue: str, *, create: bool) -> tuple[Lane, str]:
        lane = self._names.dead(queue)
        try:
            return lane, self.url(lane, create=create)
        except MissingQueue as exc:
            raise NoPlace(queue, lane.name, self._service.settings.shown) from exc

    def _policed(self, main: Lane, attributes: dict[str, str]) -> tuple[Lane, str] | None:
        policy = attributes.get("RedrivePolicy")
        if not policy:
            return None
        found = json.loads(policy)
        most = int(found.get("maxReceiveCount", 0))
        if most < ENOUGH:
            log.warning(
                "SQS takes messages off %s after %d receives (redrive policy), be it that releases and long delays "
                "were all that happened to them: set maxReceiveCount to %d or more",
                main.name,
                most,
                ENOUGH,
            )
        *_, account, name = found["deadLetterTargetArn"].split(":")
        lane = Lane(main.queue, name, name.endswith(".fifo"))
        answer = self._service.call("get_queue_url", name, QueueName=name, QueueOwnerAWSAccountId=account)
        return lane, answer["QueueUrl"]

    def _create(self, lane: Lane) -> str:
        attributes = {"MessageRetentionPeriod": f"{KEPT_FOR}"}
        if lane.is_fifo:
            attributes["FifoQueue"] = "true"
        log.info("Creating the queue %s", lane.name)
        url: str = self._service.call("create_queue", lane.name, QueueName=lane.name, Attributes=attributes)["QueueUrl"]
        return url

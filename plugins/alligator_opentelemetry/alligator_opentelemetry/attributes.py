"""What the spans say about a message, by the names of OpenTelemetry's semantic conventions for messaging.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/. Written out here: the package that has them as
constants marks these as unstable, and promises nothing about them.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from alligator_core.gator import Gator
from alligator_core.task import Task

Attributes: TypeAlias = dict[str, "str | int | float"]

SYSTEMS: Final = {"amqp": "rabbitmq", "sqs": "aws_sqs"}
"""What the conventions call the stores that they know. The others go by the name of their backend."""

SEND: Final = "send"
PROCESS: Final = "process"

OUTCOME: Final = "alligator.task.outcome"
DELAY: Final = "alligator.task.delay"
REASON: Final = "alligator.task.reason"


def of_sending(gator: Gator, task: Task) -> Attributes:
    """Return the attributes of the span in which a task is enqueued."""
    return _of_message(SEND, gator, task)


def of_processing(task: Task, worker: str | None) -> Attributes:
    """Return the attributes of the span of a run. Arguments are not among them."""
    attributes = {} if task.gator is None else _of_message(PROCESS, task.gator, task)
    attributes["alligator.task.attempt"] = task.attempt
    if task.deliveries > 1:
        attributes["alligator.task.deliveries"] = task.deliveries
    if worker is not None:
        attributes["messaging.client.id"] = worker
    return attributes


def _of_message(operation: str, gator: Gator, task: Task) -> Attributes:
    backend = gator.backend.name
    attributes: Attributes = {
        "messaging.system": SYSTEMS.get(backend, backend),
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": task.queue,
        "messaging.message.id": task.task_id,
        "alligator.task.name": task.name,
    }
    return attributes | _of_server(gator)


def _of_server(gator: Gator) -> Attributes:
    # Several are a cluster, of which it isn't known which one it was; and what SQS has there is a region.
    if len(gator.dsn.hosts) != 1 or gator.backend.name == "sqs":
        return {}
    host, port = gator.dsn.hosts[0]
    return {"server.address": host} if port is None else {"server.address": host, "server.port": port}

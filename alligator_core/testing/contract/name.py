"""What a queue's name may be."""

from __future__ import annotations

from ...errors import OptionError
from ..harness import Harness
from .base import Contract

ODD_NAMES = (
    "{}",
    " {}",
    "{} ",
    "{}a",
    "{}A",
    "{}:a",
    "{}/a",
    "{}\\a",
    "{}_a",
    "{}.a",
    "{}-a",
    "{}%3Aa",
    "{}*",
    "{}?",
    "{}[a]",
    "../{}",
    "/{}",
    ".{}",
    "-{}",
    "{}'; --",
    '{}"',
    "{}\n",
    "{}\N{CROCODILE}",
    "{}e\N{COMBINING ACUTE ACCENT}",
    "{}\N{LATIN SMALL LETTER E WITH ACUTE}",
    "{}" + "x" * 183,
    "{}" + "x" * 182 + "y",
)


class NameContract(Contract):
    """Queues are told apart."""

    guarantee = "Queues never mix, whatever their names are"

    def test_queues_with_odd_names_are_refused_or_kept_apart(self, harness: Harness) -> None:
        queues = [harness.new_queue(name) for name in ODD_NAMES]
        taken = [queue for queue in queues if _takes(harness, queue)]
        assert queues[0] in taken
        assert {queue: harness.left(queue) for queue in taken} == {queue: [f"in {queue}"] for queue in taken}

    def test_a_consumer_of_odd_names_tells_which_queue_a_message_is_from(self, harness: Harness) -> None:
        queues = [harness.new_queue(name) for name in ODD_NAMES]
        taken = [queue for queue in queues if _takes(harness, queue)]
        consumer = harness.consumer(*taken)
        found = harness.collect(consumer, len(taken))
        assert [(delivery.queue, delivery.id) for delivery in found] == [(queue, f"in {queue}") for queue in taken]
        assert harness.ack_all(consumer, found) == []


def _takes(harness: Harness, queue: str) -> bool:
    try:
        harness.push(f"in {queue}", queue=queue)
    except OptionError:
        return False
    return True

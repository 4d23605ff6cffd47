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
        ids = _push_to_each(harness)
        assert {queue: harness.left(queue) for queue in ids} == {queue: [id] for queue, id in ids.items()}

    def test_a_consumer_of_odd_names_tells_which_queue_a_message_is_from(self, harness: Harness) -> None:
        ids = _push_to_each(harness)
        consumer = harness.consumer(*ids)
        found = harness.collect(consumer, len(ids))
        assert [(delivery.queue, delivery.id) for delivery in found] == [*ids.items()]
        assert harness.ack_all(consumer, found) == []


def _push_to_each(harness: Harness) -> dict[str, str]:
    """Push a message to a queue of each odd name; return their ids by queue, without those that are refused."""
    ids = {harness.new_queue(name): f"{number}" for number, name in enumerate(ODD_NAMES)}
    for queue, id in list(ids.items()):
        try:
            harness.push(id, queue=queue)
        except OptionError:
            del ids[queue]
    assert any(queue.replace("-", "").isalnum() for queue in ids), "a plain name must be taken"
    return ids

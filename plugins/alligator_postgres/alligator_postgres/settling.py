"""Settlements, sorted by what has to be done."""

from __future__ import annotations

from collections.abc import Sequence

from alligator_core.backend import Ack, Bury, Release, Replace, Settlement

from .link import Statement
from .statements import Statements


def statements_for(
    statements: Statements, number: int, settlements: Sequence[Settlement]
) -> tuple[list[Statement], list[str]]:
    """Return what carries settlements out, and the queue of each that is buried."""
    made = _acks(statements, number, [each for each in settlements if isinstance(each, Ack)])
    releases = [each for each in settlements if isinstance(each, Release)]
    if releases:
        made.append(statements.release(number, releases))
    replaces = [each for each in settlements if isinstance(each, Replace)]
    if replaces:
        made.append(statements.replace(number, replaces))
    burials = [each for each in settlements if isinstance(each, Bury)]
    if burials:
        made.append(_burials(statements, number, burials))
    return made, [each.delivery.queue for each in burials]


def _acks(statements: Statements, number: int, acks: Sequence[Ack]) -> list[Statement]:
    by_queue: dict[str, list[str]] = {}
    for each in acks:
        by_queue.setdefault(each.delivery.queue, []).append(each.delivery.id)
    return [statements.ack(number, queue, ids) for queue, ids in by_queue.items()]


def _burials(statements: Statements, number: int, burials: Sequence[Bury]) -> Statement:
    # The server's text can hold all of Unicode but this one.
    reasons = [each.reason.replace("\0", "\N{REPLACEMENT CHARACTER}") for each in burials]
    return statements.bury(number, [each.delivery for each in burials], reasons, [each.body for each in burials])

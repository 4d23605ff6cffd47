"""What this project wants to reach, as ratios in one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

OWN = ("alligator", "ceiling")
COMPILED = ("mayu", "ardiq")

Summaries = Mapping[str, Mapping[str, Any]]


def goals(summaries: Summaries) -> str:
    """Return a Markdown table of the goals, and how far each is reached."""
    rows = ["| goal | wanted | reached | |", "|---|--:|--:|---|"]
    rows += [_row(*goal) for goal in _goals(summaries)]
    return "\n".join(rows)


def _goals(summaries: Summaries) -> Iterable[tuple[str, float, float | None]]:
    own, ceiling = summaries["alligator"], summaries["ceiling"]
    peers = [one for name, one in summaries.items() if name not in OWN]
    python = [one for name, one in summaries.items() if name not in (*OWN, *COMPILED)]
    safe = [one for one in peers if one["about"].get("guarantee", "").startswith("at least once")]
    yield "drain, 1 process, to the best peer", 3, _ratio(own, "drain1", _most(peers, "drain1"))
    yield "drain, 1 process, to the best peer in pure Python", 10, _ratio(own, "drain1", _most(python, "drain1"))
    yield "drain, 1 process, to the bare loop", 0.5, _ratio(own, "drain1", ceiling.get("drain1"))
    yield "enqueue singly, to the best peer", 1, _ratio(own, "single", _most(peers, "single"))
    yield "enqueue singly, to redis-py's LPUSH", 1, _ratio(own, "single", ceiling.get("single"))
    yield "enqueue in bulk, to the best peer", 2, _ratio(own, "bulk", _most(peers, "bulk"))
    yield "end to end, to the best peer", 1, _ratio(own, "flow", _most(peers, "flow"))
    yield "end to end, to its own single enqueue", 0.9, _ratio(own, "flow", own.get("single"))
    yield "end to end in bulk, to the best peer", 3, _ratio(own, "flow_bulk", _most(peers, "flow_bulk"))
    for what in ("p50", "p99"):
        values = [one[what] for one in safe if what in one]
        best = min(values) if values else None
        yield f"idle {what}, the best at-least-once peer's to ours", 1, best and best / own.get(what, float("inf"))


def _row(goal: str, wanted: float, reached: float | None) -> str:
    if reached is None:
        return f"| {goal} | {wanted:g} | – | not measured |"
    return f"| {goal} | {wanted:g} | {reached:.2f} | {'yes' if reached >= wanted else '**no**'} |"


def _most(summaries: Iterable[Mapping[str, Any]], what: str) -> float | None:
    return max((one[what] for one in summaries if what in one), default=None)


def _ratio(own: Mapping[str, Any], what: str, other: float | None) -> float | None:
    return own[what] / other if what in own and other else None

"""The loop: mutates what it has, keeps what had a new effect, and notes every error that nobody expects."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import Target

_KEPT: Final = 2000
_CRASHES: Final = 20
_CHECKED: Final = 200
"""How many executions go by between two looks at the clock."""


@dataclass
class Report:
    """What came of a run. `crashes` holds the first input for each kind of error that nobody expects."""

    executions: int = 0
    effects: set[str] = field(default_factory=set)
    crashes: dict[str, bytes] = field(default_factory=dict)


def run(target: Target, *, seed: int, executions: int, seconds: float) -> Report:
    """Run a target on its seeds, and then on mutations of them until one of the limits is reached."""
    rng, report = Random(seed), Report()
    known = target.seeds()
    deadline = time.monotonic() + seconds
    waiting = list(known)
    while report.executions < executions and (report.executions % _CHECKED or time.monotonic() < deadline):
        data = waiting.pop() if waiting else mutated(rng.choice(known), known, rng)
        effect = _effect(target, data, report)
        report.executions += 1
        if effect not in report.effects:
            report.effects.add(effect)
            if len(known) < _KEPT:
                known.append(data)
    return report


def _effect(target: Target, data: bytes, report: Report) -> str:
    try:
        target.run(data)
    except target.expected as exc:
        return _shape(exc)
    except Exception as exc:  # noqa: BLE001  (that is what it looks for)
        kind = _shape(exc)
        if len(report.crashes) < _CRASHES:
            report.crashes.setdefault(kind, data)
        return kind
    return "read"


def _shape(exc: Exception) -> str:
    # What differs from input to input is left out: numbers, and whatever stands in quotes.
    return f"{type(exc).__name__}: " + re.sub(r"'[^']*'|\"[^\"]*\"|[0-9]+|[^\x20-\x7e]", "", str(exc)[:120])

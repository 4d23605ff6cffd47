"""The judgement over a history: what was lost, what ran that shouldn't have, and what ran twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from .history import EVERYONE, Event

SLACK = 1.5
"""Seconds after its end in which a run may be unsettled still: acks wait for company, and a busy machine takes time."""


@dataclass(slots=True)
class Run:
    """One attempt at a task by one process."""

    pid: int
    began: float
    ended: float = inf
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Hurt:
    """The time for which a process, or the store and with it everyone, was dead, asleep or out of reach."""

    pid: int
    since: float
    until: float
    is_death: bool

    def touches(self, run: Run) -> bool:
        """Say whether it can be the reason that a run was not settled."""
        is_same = self.pid in (EVERYONE, run.pid)
        return is_same and self.since < run.ended + SLACK and run.began < self.until + SLACK

    def lies_between(self, begin: float, end: float) -> bool:
        """Say whether any of it happened between two moments; a death is but one moment."""
        return begin < (self.since if self.is_death else self.until) and self.since < end


@dataclass(slots=True)
class Verdict:
    """What a history shows. Numbers of tasks, and the seconds until what a hurt process ran was begun anew."""

    pushed: int = 0
    lost: list[int] = field(default_factory=list)
    unexpected: list[int] = field(default_factory=list)
    repeated: int = 0
    unexplained: list[int] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    redelivery: list[float] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What must not be, in words."""
        found = {"lost": self.lost, "ran unexpectedly": self.unexpected, "repeated without cause": self.unexplained}
        return [f"{what}: {len(numbers)}, such as {numbers[:5]}" for what, numbers in found.items() if numbers]


def judge(events: Sequence[Event], dead: Collection[int] = (), *, unique: bool = True, copies: bool = False) -> Verdict:
    """Judge over a finished history; `dead` are the tasks among the dead letters.

    In a store that is not `unique`, each push of which the answer was lost may be there beside its repetition, and so
    may a retry, which takes a push, if that was interrupted: as often as it had to be repeated.
    """
    moments: dict[str, dict[int, float]] = defaultdict(dict)
    for event in events:
        moments[event.kind][event.number] = event.at
    doubts = Counter(event.number for event in events if event.kind == "doubtful")
    runs, hurts = _runs(events), _hurts(events)
    verdict = Verdict(pushed=len(moments["pushed"]), dead=sorted(dead))
    accounted = {*moments["finished"], *dead, *moments["canceled"], *moments["canceling"]}
    verdict.lost = sorted(moments["pushed"].keys() - accounted)
    for number, attempts in runs.items():
        canceled_at = moments["canceled"].get(number, inf)
        too_late = [run for run in attempts if run.began > canceled_at]
        # A worker that lost its lease may start what it had in hand, before it learns that.
        doubles: float = doubts[number]
        if not unique and any(run.failed and _explained([run], hurts) for run in attempts):
            doubles = inf
        if number not in moments["pushing"] or not (doubts[number] or _explained(too_late, hurts)):
            verdict.unexpected.append(number)
        sound = [run for run in attempts if not run.failed and not _explained([run], hurts)]
        since = moments["pushed"].get(number, -inf)
        if copies and sound and any(hurt.lies_between(since, sound[-1].began) for hurt in hurts):
            doubles = inf
        verdict.repeated += len(attempts) - 1 - (1 if _stumbled(attempts) and len(attempts) > 1 else 0)
        if len(sound) > 1 + doubles:
            verdict.unexplained.append(number)
    verdict.redelivery = sorted(_redelivery(runs.values(), hurts))
    return verdict


def _explained(runs: Iterable[Run], hurts: Sequence[Hurt]) -> bool:
    return all(any(hurt.touches(run) for hurt in hurts) for run in runs)


def _stumbled(attempts: Iterable[Run]) -> bool:
    return any(run.failed for run in attempts)


def _runs(events: Iterable[Event]) -> dict[int, list[Run]]:
    runs: dict[int, list[Run]] = defaultdict(list)
    for event in events:
        if event.kind == "started":
            runs[event.number].append(Run(event.pid, event.at))
        elif event.kind in ("finished", "failed"):
            # The earliest unfinished one of this process: a stalled worker may end its run after another began it anew.
            open_runs = (run for run in runs[event.number] if run.pid == event.pid and run.ended == inf)
            if run := next(open_runs, None):
                run.ended, run.failed = event.at, event.kind == "failed"
    return runs


def _hurts(events: Iterable[Event]) -> list[Hurt]:
    since: dict[int, float] = {}
    hurts = []
    for event in events:
        if event.kind == "hurt":
            since.setdefault(event.pid, event.at)
        elif event.kind == "healed" and event.pid in since:
            hurts.append(Hurt(event.pid, since.pop(event.pid), event.at, is_death=False))
        elif event.kind == "killed":
            hurts.append(Hurt(event.pid, event.at, inf, is_death=True))
    return hurts + [Hurt(pid, at, inf, is_death=False) for pid, at in since.items()]


def _redelivery(runs: Iterable[Sequence[Run]], hurts: Sequence[Hurt]) -> Iterable[float]:
    for attempts in runs:
        for run, following in pairwise(attempts):
            for hurt in hurts:
                if hurt.pid == run.pid and run.began <= hurt.since < run.ended and hurt.is_death:
                    yield following.began - hurt.since

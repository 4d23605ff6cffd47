"""What the server tells about itself, its tubes and its jobs."""

from __future__ import annotations

from typing import NamedTuple

from alligator_core.backend import State

from .failures import Garbled


class ServerFacts(NamedTuple):
    """What is worth knowing of a server: the largest job it takes, and whether it keeps a log on disk."""

    max_job: int
    has_log: bool
    version: str


class JobFacts(NamedTuple):
    """What the server tells of a job."""

    tube: bytes
    state: State | str
    priority: int
    ttr: int
    time_left: int
    reserves: int
    releases: int
    buries: int
    kicks: int

    @property
    def deliveries(self) -> int:
        """Count as the contract does: each reserve that ended in neither a release nor a burial was a death."""
        given_back = self.releases + self.buries
        return max(1, self.reserves - given_back + (self.state != "reserved"))

    @property
    def is_untouched(self) -> bool:
        """Whether the reserve that it is held by is the first thing that ever happened to it."""
        return self.reserves == 1 and not (self.releases or self.buries or self.kicks)


class TubeFacts(NamedTuple):
    """How many jobs a tube has, by state."""

    ready: int = 0
    delayed: int = 0
    reserved: int = 0
    buried: int = 0


def server_facts(text: bytes) -> ServerFacts:
    """Read what `stats` answers."""
    found = _read(text)
    try:
        has_log = int(found.get("binlog-current-index", "0")) > 0
        return ServerFacts(int(found["max-job-size"]), has_log, found.get("version", "").strip('"'))
    except (KeyError, ValueError):
        raise Garbled(text[:60]) from None


def job_facts(text: bytes) -> JobFacts:
    """Read what `stats-job` answers."""
    found = _read(text)
    names = ("pri", "ttr", "time-left", "reserves", "releases", "buries", "kicks")
    try:
        return JobFacts(found["tube"].strip('"').encode(), found["state"], *(int(found[name]) for name in names))
    except (KeyError, ValueError):
        raise Garbled(text[:60]) from None


def tube_facts(text: bytes) -> TubeFacts:
    """Read what `stats-tube` answers."""
    found = _read(text)
    try:
        return TubeFacts(*(int(found[f"current-jobs-{name}"]) for name in TubeFacts._fields))
    except (KeyError, ValueError):
        raise Garbled(text[:60]) from None


def _read(text: bytes) -> dict[str, str]:
    pairs = (line.partition(": ") for line in text.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}

"""What is done to workers and stores: every fault is a function that acts on a scene, and says where it can't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .modes import Mode
from .scene import Scene
from .stores import Store

Act = Callable[[Scene], None]
Missing = Callable[[type[Store], Mode], str]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: what it does, and why not everywhere."""

    name: str
    summary: str
    act: Act
    missing: Missing


FAULTS: dict[str, Fault] = {}


def fault(name: str, missing: Missing | None = None) -> Callable[[Act], Act]:
    """Enter a function into the table of faults; its docstring is the summary."""

    def enter(act: Act) -> Act:
        FAULTS[name] = Fault(name, " ".join((act.__doc__ or "").split()), act, missing or needs_no_processes)
        return act

    return enter


def needs_processes(store: type[Store], mode: Mode) -> str:
    """Nothing can be killed where the store lives in one process."""
    return "" if store.is_shared else "lives in one process"


def needs_no_processes(store: type[Store], mode: Mode) -> str:
    """A store of one process has no supervisor."""
    return "" if store.is_shared or not mode.is_supervised else "lives in one process"


def needs_supervisor(store: type[Store], mode: Mode) -> str:
    """There is one with `--processes` only."""
    return needs_processes(store, mode) or ("" if mode.is_supervised else "has no supervisor")


def needs_server(store: type[Store], mode: Mode) -> str:
    """Files have none."""
    return "" if store.has_server else "has no server"


def needs_file(store: type[Store], mode: Mode) -> str:
    """Servers keep their disk to themselves."""
    return "" if store.has_file else "keeps no file of its own"


def needs_clock(store: type[Store], mode: Mode) -> str:
    """The store's clock must be one that can be set."""
    return needs_processes(store, mode) or store.clock_missing()

"""One cell of the table: a fault done to a backend in a mode, and what came of it."""

from __future__ import annotations

import shutil
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from alligator_core.backend import UNIQUE

from . import faults_network, faults_processes, faults_store  # noqa: F401  (they enter their faults)
from .faults import FAULTS
from .modes import MODES
from .scene import Hanging, Scene
from .stores import STORES
from .verdict import Verdict, judge


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in the table."""

    fault: str
    backend: str
    mode: str

    @property
    def missing(self) -> str:
        """Why it can't be run here, "" if it can."""
        store = STORES[self.backend]
        return store.lacks.get(self.fault) or FAULTS[self.fault].missing(store, MODES[self.mode])

    def __str__(self) -> str:
        return f"{self.backend}/{self.mode}/{self.fault}"


@dataclass(slots=True)
class Result:
    """What came of it. `kept` is the folder with history and logs, where there were problems."""

    cell: Cell
    seed: int
    verdict: Verdict
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    kept: str = ""


def cells() -> list[Cell]:
    """Return all cells, also those that can't be run here."""
    return [Cell(fault, backend, mode) for fault in FAULTS for backend in STORES for mode in MODES]


def run(cell: Cell, seed: int, *, garbage: int = 10_000) -> Result:
    """Run a cell. A seed decides over what is random in it, but not over what processes make of it."""
    # Short, since it may hold sockets, whose paths must not be long.
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    began = time.monotonic()
    result = Result(cell, seed, Verdict())
    scene = Scene(STORES[cell.backend](folder), MODES[cell.mode], folder, seed)
    scene.garbage = garbage
    try:
        _act(scene, cell, result)
    finally:
        scene.close()
    result.seconds = time.monotonic() - began
    if result.problems:
        result.kept = str(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _act(scene: Scene, cell: Cell, result: Result) -> None:
    try:
        FAULTS[cell.fault].act(scene)
        scene.drain()
    except Hanging as exc:
        result.problems.append(str(exc))
    except Exception as exc:  # noqa: BLE001  (the other cells are to be run all the same)
        result.problems.append("".join(traceback.format_exception(exc)))
    many = scene.insist(scene.gator.size).dead > 1000
    letters = {} if many else {letter.id: letter for letter in scene.insist(lambda: scene.gator.dead(limit=1000))}
    dead = {int(id) for id in letters if id.isdigit()}
    unique = UNIQUE in scene.gator.backend.features
    result.verdict = judge(scene.history.events(), dead, unique=unique, copies=scene.store.copies)
    result.problems += [*scene.problems, *result.verdict.problems]
    if wrong := dead ^ scene.expected_dead:
        reasons = {letters[str(number)].reason[:100] for number in wrong & dead}
        result.problems.append(f"wrong dead letters: {sorted(wrong)[:5]}, because {reasons}")

"""Child processes: started so that they end with the harness, ended by their ids, and weighed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_started: dict[int, subprocess.Popen[bytes]] = {}


def _end_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    log: Path,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; what it says goes to a log file."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=stdin,
            stdout=out if stdout is None else stdout,
            stderr=out,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    _started[process.pid] = process
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started. What they held on the server is flushed by the next measure."""
    family = tree(process.pid)
    for pid in [process.pid, *family]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    # Those that were born meanwhile, or whose parent was gone before, are still in the session.
    for pid in _session(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    _started.pop(process.pid, None)


def end_all() -> None:
    """End everything that was started and not ended."""
    for process in list(_started.values()):
        end(process)


def tree(root: int) -> list[int]:
    """Return the ids of all descendants of a process."""
    parents = {pid: parent for pid, parent, _ in _stats()}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def pss(pids: Iterable[int]) -> float:
    """Return the proportional set size of processes in MB (2**20 bytes)."""
    return sum(_pss(pid) for pid in pids) / 1024


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _session(leader: int) -> list[int]:
    return [pid for pid, _, session in _stats() if session == leader]


def _stats() -> list[tuple[int, int, int]]:
    """Return process id, parent and session of every process."""
    stats = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # The name, in brackets, may itself hold spaces and brackets.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                stats.append((int(folder.name), int(fields[1]), int(fields[3])))
    return stats

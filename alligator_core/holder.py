"""Holders: names of processes under which backends note who holds what, so that the dead are known as dead.

A name is `<boot>.<pid namespace>:<pid>:<start time>`: no other process ever has it, on no host. Linux says all of it
in /proc, macOS by sysctl and ps. Elsewhere names are empty, and leases alone tell the living from the dead.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Final, NamedTuple

ZOMBIE: Final = "ZX"
STOPPED: Final = "T"
LINUX: bool = sys.platform == "linux"
MACOS: bool = sys.platform == "darwin"


class _Facts(NamedTuple):
    state: str
    started: str


def this_process() -> str:
    """Return the name of this process; "" where processes can't be told apart."""
    return of(os.getpid())


def of(pid: int) -> str:
    """Return the name of another process of this host; "" if there is none, or where they can't be told apart."""
    facts, place = _facts(pid), _place()
    return f"{place}:{pid}:{facts.started}" if facts and place else ""


def is_dead(holder: str) -> bool:
    """Say whether it is certain that the process of a name is gone: it was of this host, and no such process lives."""
    place, _, rest = holder.partition(":")
    pid, _, started = rest.partition(":")
    if not started or not pid.isdecimal() or place != _place():
        return False
    if not _exists(int(pid)):
        return True
    facts = _facts(int(pid))
    # Where /proc hides the processes of other users, one that exists may have no facts: then nothing is certain.
    return facts is not None and (facts.started != started or facts.state in ZOMBIE)


def is_stopped(pid: int) -> bool:
    """Say whether a process was stopped by a signal, so that nobody works in it."""
    facts = _facts(pid)
    return facts is not None and facts.state == STOPPED


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _place() -> str:
    """Return what a pid is unique in: this boot of this host, and the container's own numbers."""
    if LINUX:
        try:
            with open("/proc/sys/kernel/random/boot_id") as file:
                return f"{file.read(8)}.{os.readlink('/proc/self/ns/pid')[5:-1]}"
        except OSError:
            return ""
    return _boot_by_sysctl() if MACOS else ""


def _facts(pid: int) -> _Facts | None:
    if not LINUX:
        return _facts_by_ps(pid) if MACOS else None
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is the name in brackets, which may hold brackets and spaces itself.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return _Facts(fields[0].decode(), fields[19].decode()) if len(fields) > 19 else None


@lru_cache(1)
def _boot_by_sysctl() -> str:
    session = _output("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
    return f"{session[:8].lower()}.0" if session else ""


def _facts_by_ps(pid: int) -> _Facts | None:
    state, *started = _output("/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)).split() or [""]
    return _Facts(state[:1], "".join(started).replace(":", "")) if started else None


def _output(*command: str) -> str:
    import subprocess  # (late: on Linux nobody needs it)

    # In one language and one time zone, for what it says is compared.
    plain = {"LC_ALL": "C", "TZ": "UTC"}
    try:
        found = subprocess.run(command, env=plain, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603
        return found.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""

"""Trials: every installed plugin used in a process of its own, so that one that blocks or ends it is found, too."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final

from ..entry_points import EntryPoint
from ..plugins import KINDS, Installed, described, everything, remedy_of

AT_ONCE: Final = 4
"""How many processes run at a time: most of them wait for a disk."""

START: Final = 60.0
"""Seconds that a process may take until it says its first word; a busy machine is slow."""

# By -c and not -m, and with this process's own path: the trial has to find what is found here, and nothing else.
_PROGRAM: Final = (
    "import os, sys; sys.path[:] = sys.argv.pop(1).split(os.pathsep); from alligator_core.trial import main; main()"
)


def try_all(limit: float, names: Collection[str] = ()) -> list[Installed]:
    """Try every installed plugin, or those of the names, and say of each what it is or what is wrong with it.

    None may be at any one thing for more than `limit` seconds.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda entry: _tried(entry, limit), everything(names)))


def _tried(entry: EntryPoint, limit: float) -> Installed:
    with _started(entry) as process:
        said, end = _followed(process, limit)
    hooks = [hook for line in said for hook in line.get("hooks", ())]
    problems = list(dict.fromkeys(line["problem"] for line in said if "problem" in line))
    errors = [line["refusal"] for line in said if "refusal" in line]
    if end:
        problems.append(end.format(at=next((line["at"] for line in reversed(said) if "at" in line), "its start")))
    if problems:
        errors.append(f"{described(entry)} {'; it '.join(problems)}. {remedy_of(entry.group, entry.distribution)}")
    return Installed(KINDS[entry.group], entry.name, entry.distribution, entry.version, tuple(hooks), " ".join(errors))


@contextmanager
def _started(entry: EntryPoint) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _PROGRAM, os.pathsep.join(sys.path), entry.group, entry.name]
    process = subprocess.Popen(  # noqa: S603  (it runs what is installed here, as this process does)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            # The whole group: what the plugin itself has started ends with it.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _followed(process: subprocess.Popen[bytes], limit: float) -> tuple[list[dict[str, Any]], str]:
    """Return all that a trial says, and how it ended if that was early, with a place for what it was at."""
    assert process.stdout is not None
    said: list[dict[str, Any]] = []
    rest = b""
    while True:
        # Until it says something, it is not the plugin that takes its time.
        if not select.select([process.stdout], [], [], limit if said else max(limit, START))[0]:
            return said, f"did not come back from {{at}} within {limit:g} s"
        if not (data := os.read(process.stdout.fileno(), 65536)):
            code = process.wait()
            return said, f"ended its process in {{at}}, by {f'exit code {code}' if code >= 0 else f'signal {-code}'}"
        *lines, rest = (rest + data).split(b"\n")
        said += map(json.loads, lines)
        if said and "done" in said[-1]:
            return said, ""

"""Where and when it was measured, for the head of the report."""

from __future__ import annotations

import os
import platform
import resource
import time
from pathlib import Path

Facts = dict[str, str | int | float]


def facts(redis_version: str, pinned_to: int | None) -> Facts:
    """Return what a reader must know to compare the numbers with others."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(int(_first_value("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        "system": f"{platform.system()} {platform.release()}",
        "redis": redis_version,
        "pinned": "not pinned" if pinned_to is None else f"everything pinned to core {pinned_to}",
    }


class OthersLoad:
    """What part of the machine went to processes that are not of the benchmark: above a few percent, measure again."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def share(self) -> float:
        """Return the part of all cores' time since the start, between 0 and 1. All own processes must have ended."""
        others = _busy_seconds() - self._busy - (_own_seconds() - self._own)
        return max(0.0, others / (time.monotonic() - self._began) / (os.cpu_count() or 1))


def _busy_seconds() -> float:
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _first_value(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0 (unknown)"

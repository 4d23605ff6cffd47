"""Where and when it was measured, for the head of the report."""

from __future__ import annotations

import os
import platform
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
        "load": os.getloadavg()[0],
    }


def _first_value(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0 (unknown)"

"""Clocks that jump: of workers by a patch of their `time`, of servers by libfaketime where it is installed."""

from __future__ import annotations

import os
import time
from glob import glob
from pathlib import Path

from tests.redis.servers import valkey_binary

PLACES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")
NAMED_BY = "CHAOS_FAKETIME"


def library() -> str:
    """Return the path of libfaketime, "" where there is none. The environment may name it: CHAOS_FAKETIME."""
    found = [os.environ.get(NAMED_BY, ""), *(path for place in PLACES for path in glob(place))]
    return next((path for path in found if os.path.exists(path)), "")


def valkey_under(clock: Path) -> str:
    """Return the path of a command that is a Valkey whose clock is ahead by what the file says.

    Redis, which brings an allocator of its own, hangs under libfaketime as Debian builds both.
    """
    set_clock(clock, 0.0)
    command = clock.with_name("valkey-with-a-clock")
    settings = f"LD_PRELOAD={library()} FAKETIME_TIMESTAMP_FILE={clock} FAKETIME_NO_CACHE=1"
    command.write_text(f'#!/bin/sh\nexec env {settings} FAKETIME_DONT_FAKE_MONOTONIC=1 {valkey_binary()} "$@"\n')
    command.chmod(0o755)
    return str(command)


def set_clock(clock: Path, ahead: float) -> None:
    """Write into the file how far the clock is ahead, as libfaketime reads it."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(f"{ahead:+.0f}")
    fresh.replace(clock)


def follow(clock: str) -> None:
    """Let the wall clock of this process be ahead by what the file says."""
    real_time, real_time_ns = time.time, time.time_ns

    def ahead() -> float:
        return float(Path(clock).read_text()) if os.path.exists(clock) else 0.0

    time.time = lambda: real_time() + ahead()
    time.time_ns = lambda: real_time_ns() + int(ahead() * 1e9)

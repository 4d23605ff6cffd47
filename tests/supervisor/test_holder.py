"""Names of processes, by which the dead are known as dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from alligator_core import holder
from tests.core.helpers import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_living_process_is_not_dead() -> None:
    assert holder.this_process() == holder.of(os.getpid())
    assert not holder.is_dead(holder.this_process())


def test_a_process_is_dead_once_it_was_killed_also_before_its_parent_asks() -> None:
    with subprocess.Popen(SLEEP) as process:
        name = holder.of(process.pid)
        assert not holder.is_dead(name)
        process.kill()
        eventually(lambda: holder.is_dead(name))  # It is a zombie now.
        process.wait()
        assert holder.is_dead(name)


def test_a_process_is_dead_although_another_one_has_its_number_now() -> None:
    place, pid, started = holder.this_process().split(":")
    assert holder.is_dead(f"{place}:{pid}:{int(started) - 1}")


@pytest.mark.parametrize("name", ["", "worker-1", "1:2:3", "::", "a:b:c", "00000000.1:999999999:5"])
def test_nobody_knows_whether_a_process_of_another_host_or_a_name_of_another_kind_is_dead(name: str) -> None:
    assert not holder.is_dead(name)


def test_a_process_of_another_container_is_not_taken_for_dead() -> None:
    place, pid, started = holder.this_process().split(":")
    boot, _, namespace = place.partition(".")
    assert not holder.is_dead(f"{boot}.{int(namespace) + 1}:{pid}:{int(started) - 1}")


def test_there_is_no_name_for_a_process_that_does_not_exist() -> None:
    assert holder.of(2**22 + 1) == ""


def test_a_name_fits_what_backends_take() -> None:
    name = holder.this_process()
    assert len(name) <= 100
    assert name.isascii()
    assert name.isprintable()
    assert " " not in name


def test_a_stopped_process_is_known_as_stopped() -> None:
    with subprocess.Popen(SLEEP) as process:
        assert not holder.is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: holder.is_stopped(process.pid))
        process.kill()


def test_ps_says_the_same_of_a_process_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # What macOS is asked; the ps of Linux answers in the same way.
    monkeypatch.setattr(holder, "LINUX", False)
    monkeypatch.setattr(holder, "MACOS", True)
    monkeypatch.setattr(holder, "_boot_by_sysctl", lambda: "12345678.0")
    with subprocess.Popen(SLEEP) as process:
        name = holder.of(process.pid)
        assert name.startswith(f"12345678.0:{process.pid}:")
        assert not holder.is_dead(name)
        assert " " not in name
        process.kill()
    assert holder.is_dead(name)


def test_where_processes_cannot_be_told_apart_names_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    name = holder.this_process()
    monkeypatch.setattr(holder, "LINUX", False)
    assert holder.this_process() == ""
    assert not holder.is_dead(name)

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from alligator_core.errors import OptionError
from alligator_core.health import Health, age_of


def test_a_worker_that_has_only_started_is_not_healthy_yet(tmp_path: Path) -> None:
    Health(tmp_path / "alive")

    assert age_of(tmp_path / "alive") == float("inf")
    assert [path.name for path in tmp_path.iterdir()] == ["alive"]


def test_a_note_makes_the_file_new(tmp_path: Path) -> None:
    Health(tmp_path / "alive").note()

    age = age_of(tmp_path / "alive")
    assert age is not None
    assert age < 60


def test_the_file_is_touched_once_a_second_at_most(tmp_path: Path) -> None:
    health = Health(tmp_path / "alive")
    noted = time.monotonic()
    health.note()
    os.utime(tmp_path / "alive", (1, 1))

    while time.monotonic() < noted + 0.2:
        health.note()

    assert (tmp_path / "alive").stat().st_mtime == 1 or time.monotonic() >= noted + 1
    while (tmp_path / "alive").stat().st_mtime == 1:
        health.note()


def test_a_file_that_others_keep_new_is_left_as_new_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "alive").touch()
    os.utime(tmp_path / "alive", (5, 5))

    Health(tmp_path / "alive")

    assert (tmp_path / "alive").stat().st_mtime == 5


def test_a_file_that_somebody_removed_is_made_anew(tmp_path: Path) -> None:
    health = Health(tmp_path / "alive")
    (tmp_path / "alive").unlink()

    health.note()

    assert (age_of(tmp_path / "alive") or 0) < 60


@pytest.mark.parametrize("path", ["no/such/folder/alive", "folder"])
def test_a_file_that_cannot_be_written_is_an_error_at_start(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(OptionError, match=r"health_file='.*': it can't be written: ") as caught:
        Health(tmp_path / path)

    assert caught.value.option == "health_file"
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


def test_a_failure_later_on_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "folder").mkdir()
    health = Health(tmp_path / "folder" / "alive")
    (tmp_path / "folder" / "alive").unlink()
    (tmp_path / "folder").rmdir()

    with caplog.at_level(logging.ERROR, "alligator"):
        for _ in range(3):
            health._next = 0.0
            health.note()

    [record] = [record for record in caplog.records if record.name.startswith("alligator")]
    assert "can't be touched" in record.getMessage()


def test_the_age_is_a_distance_since_a_clock_may_have_been_set_back(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    path.touch()
    os.utime(path, (time.time() + 3600, time.time() + 3600))

    assert age_of(path) == pytest.approx(3600, abs=60)
    assert age_of(tmp_path / "nothing") is None
    assert age_of(path / "below") is None

"""Which file a DSN names, and what is no DSN of a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alligator_sqlite import SqliteBackend

from alligator_core.dsn import Dsn
from alligator_core.errors import ConfigurationError, DsnError, OptionError
from alligator_core.plugins import PluginManager


def made(dsn: str) -> SqliteBackend:
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    assert isinstance(backend, SqliteBackend)
    return backend


def test_three_slashes_name_a_file_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert made("sqlite:///sub/queue.db").path == str(tmp_path / "sub/queue.db")


def test_four_slashes_name_an_absolute_path() -> None:
    assert made("sqlite:////var/lib/app/my%20queue.db").path == "/var/lib/app/my queue.db"


def test_a_relative_file_stays_the_same_when_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    backend = made("sqlite:///queue.db")
    monkeypatch.chdir("/")
    backend.ping()
    backend.close()
    assert (tmp_path / "queue.db").exists()


def test_the_file_is_not_touched_before_it_is_needed(tmp_path: Path) -> None:
    made(f"sqlite:///{tmp_path}/queue.db").consumer(["q"], 30.0)
    assert not (tmp_path / "queue.db").exists()


@pytest.mark.parametrize("dsn", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_dsn_without_a_file_points_to_the_backend_in_memory(dsn: str) -> None:
    with pytest.raises(DsnError, match="locmem://"):
        made(dsn)


@pytest.mark.parametrize("dsn", ["sqlite://queue.db", "sqlite://user@/queue.db"])
def test_a_dsn_with_a_host_tells_how_many_slashes_there_should_be(dsn: str) -> None:
    with pytest.raises(DsnError, match=r"three slashes .* four"):
        made(dsn)


@pytest.mark.parametrize("dsn", ["sqlite:///folder/", "sqlite:///a%00b"])
def test_a_path_that_no_file_can_have_is_refused(dsn: str) -> None:
    with pytest.raises(DsnError, match="not the path of a file"):
        made(dsn)


def test_a_misspelt_option_is_refused_with_a_hint() -> None:
    with pytest.raises(OptionError, match="Did you mean 'synchronous'"):
        made("sqlite:///queue.db?synchronus=full")


@pytest.mark.parametrize("option", ["synchronous=sometimes", "busy_timeout=-1"])
def test_an_option_out_of_range_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match="it must be"):
        made(f"sqlite:///queue.db?{option}")


def test_an_sqlite_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 22, 0))
    with pytest.raises(ConfigurationError, match=r"3\.24 or newer"):
        made("sqlite:///queue.db")

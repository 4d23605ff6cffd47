"""Opening: a new file, files of others, files of other versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alligator_sqlite import SqliteBackend, schema

from alligator_core.errors import BackendError, BackendUnavailable
from tests.sqlite.conftest import Open
from tests.sqlite.helpers import finish, push, ready_ids, start


def change(path: Path, *statements: str) -> bytes:
    """Run statements on the file, and return what is in it then."""
    with closing(sqlite3.connect(path)) as other, other:
        for statement in statements:
            other.execute(statement)
    return path.read_bytes()


def test_an_empty_file_is_taken_for_a_new_one(path: Path, backend: SqliteBackend) -> None:
    path.touch()
    push(backend, "a")
    assert ready_ids(backend) == ["a"]


def test_a_file_whose_creation_was_interrupted_is_taken_for_a_new_one(path: Path, backend: SqliteBackend) -> None:
    change(path, "PRAGMA journal_mode = WAL")
    push(backend, "a")
    assert ready_ids(backend) == ["a"]


def test_processes_that_open_a_new_file_at_once_all_find_it_complete(path: Path, backend: SqliteBackend) -> None:
    code = "backend.push('q', [Message(sys.argv[2], b'body')])"
    assert finish(*[start(code, path, f"{number}") for number in range(8)]) == [""] * 8
    assert sorted(ready_ids(backend)) == [f"{number}" for number in range(8)]


def test_a_process_that_finds_the_tables_made_meanwhile_is_content(path: Path, backend: SqliteBackend) -> None:
    push(backend, "a")
    with closing(sqlite3.connect(path, isolation_level=None)) as slower:
        schema._create(slower, str(path))
    assert ready_ids(backend) == ["a"]


def test_a_missing_folder_is_named_and_must_be_created(tmp_path: Path) -> None:
    backend = SqliteBackend(str(tmp_path / "missing" / "queue.db"))
    with pytest.raises(BackendUnavailable, match=r"queue\.db' can't be opened: create the folder '.*/missing' first"):
        push(backend, "a")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="it is a folder"):
        push(SqliteBackend(str(tmp_path)), "a")


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, backend: SqliteBackend) -> None:
    path.write_bytes(b"a letter to my grandmother, which must not get lost " * 100)
    before = path.read_bytes()
    with pytest.raises(BackendError, match="is not an SQLite database: name another file"):
        push(backend, "a")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE messages (id)", "PRAGMA application_id = 1", "PRAGMA user_version = 1"]
)
def test_a_database_of_another_application_is_refused_and_left_alone(
    statement: str, path: Path, backend: SqliteBackend
) -> None:
    before = change(path, statement)
    with pytest.raises(BackendError, match="of another application: name another file"):
        push(backend, "a")
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused_and_left_alone(path: Path, backend: SqliteBackend) -> None:
    push(backend, "a")
    backend.close()
    before = change(path, f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(BackendError, match="has the format 3, and this alligator-sqlite knows 2: upgrade"):
        push(backend, "b")
    assert path.read_bytes() == before


def test_a_file_of_an_older_version_is_refused_and_left_alone(path: Path, backend: SqliteBackend) -> None:
    push(backend, "a")
    backend.close()
    before = change(path, f"PRAGMA user_version = {schema.VERSION - 1}")
    with pytest.raises(BackendError, match="has the format 1, and this alligator-sqlite knows 2: let an older"):
        push(backend, "b")
    assert path.read_bytes() == before


def test_a_file_that_is_mended_is_opened_without_a_new_backend(path: Path, backend: SqliteBackend) -> None:
    path.write_bytes(b"not yet a database " * 100)
    with pytest.raises(BackendError):
        push(backend, "a")
    path.unlink()
    push(backend, "a")
    assert ready_ids(backend) == ["a"]


def test_a_queue_on_a_file_that_was_exchanged_while_closed_is_known_by_name_only(
    path: Path, backend: SqliteBackend
) -> None:
    backend.size("first")
    push(backend, "a")
    backend.close()
    path.unlink()
    with closing(SqliteBackend(str(path)).consumer(["another", "q"], 30.0)) as consumer:
        consumer.reserve(1, 0.0)
    push(backend, "b")
    assert ready_ids(backend) == ["b"]


@pytest.mark.parametrize(("synchronous", "level"), [("off", 0), ("normal", 1), ("full", 2)])
def test_how_safely_a_commit_is_written_is_an_option(synchronous: str, level: int, open_backend: Open) -> None:
    backend = open_backend(synchronous=synchronous)
    consumer = backend.consumer(["q"], 30.0)
    for database in (backend._database, consumer._database):  # type: ignore[attr-defined]
        assert database.run("PRAGMA synchronous") == [(level,)]
    consumer.close()

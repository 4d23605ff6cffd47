"""What the tests of the SQLite backend share: a file, and backends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from alligator_sqlite import SqliteBackend

Open = Callable[..., SqliteBackend]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def open_backend(path: Path) -> Iterator[Open]:
    """Open a backend on the test's file; it is closed at the end."""
    with ExitStack() as opened:

        def open_one(**options: Any) -> SqliteBackend:
            backend = SqliteBackend(str(path), **options)
            opened.callback(backend.close)
            return backend

        yield open_one


@pytest.fixture
def backend(open_backend: Open) -> SqliteBackend:
    return open_backend()
